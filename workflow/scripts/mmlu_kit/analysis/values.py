"""Kinds of value that all parts of analysis.json have."""

from typing import Annotated

from pydantic import Field, model_validator

from mmlu_kit.data import Data, Fraction, at_most

P = Annotated[float, Field(ge=0, le=1)]
Statistic = Annotated[float, Field(ge=0)]
# Rounding may lift an agreement measure slightly above 1.
Agreement = Annotated[float, Field(ge=-1, le=1.000001)]
ModelPair = tuple[str, str]


class Interval(Data):
    """A 95 % interval."""

    low: Fraction
    high: Fraction
    _order = model_validator(mode="after")(at_most("high", "low"))
