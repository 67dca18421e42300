"""claims.yaml: the claims of a publication; workflow/reference/README.md describes the form."""

import string
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mmlu_kit.claims.document import OneLine
from mmlu_kit.data import Entry, Text

Parameter = int | float | OneLine | Annotated[list[int], Field(min_length=1)] | Annotated[list[OneLine], Field(min_length=1)]

# What may follow the colon in {share:.0%}: a width would fill the memory.
_FORMATS = ("", ",", ".0f", ".1f", ".2f", ",.0f", ".0%", ".1%")


class Claim(Entry):
    """A claim of the publication and the predicate that tests it."""

    id: Text
    section: str = ""
    text: Text
    tested: Text | None = Field(
        None, description="What exactly the predicate tests; {name} is a parameter. None if no result can test the claim."
    )
    predicate: str = Field(description="A function of audit.PREDICATES.")
    parameters: dict[str, Parameter] = Field(default={}, alias="with", description="The predicate's parameters.")

    @model_validator(mode="after")
    def _only_parameters(self) -> Self:
        """Check that the sentence on what is tested names parameters alone, in one of a few formats."""
        try:
            fields = list(string.Formatter().parse(self.tested or ""))
        except ValueError as error:
            raise ValueError(f"{self.id[:80]}: tested: {error}: write braces as {{{{ and }}}}") from None
        for _, name, form, conversion in fields:
            if name is not None and (name not in self.parameters or form not in _FORMATS or conversion):
                formats = ", ".join(form for form in _FORMATS if form)
                raise ValueError(
                    f"{self.id[:80]}: tested: {{{name[:80]}}} is no parameter in 'with', or its format is not one of: {formats}"
                )
        try:
            self.tested_in_words()
        except (ValueError, TypeError):
            raise ValueError(f"{self.id[:80]}: tested: a parameter is no number, and its format is one for numbers") from None
        return self

    def tested_in_words(self) -> str | None:
        """Return what is tested, with its thresholds."""
        return self.tested.format(**self.parameters) if self.tested else None


class Claims(Entry):
    """claims.yaml: the claims, in the publication's order."""

    schema_: Literal["mmlu-kit/reference-claims/1"] = Field(alias="schema")
    claims: list[Claim]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [claim.id for claim in self.claims]
        for place, name in enumerate(names):
            if name in names[:place]:
                raise ValueError(f"the claim '{name[:80]}' is there twice: give one of them another id")
        return self
