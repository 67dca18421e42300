"""claims.json: each claim and each number of the writeup against what was published and against a run."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from mmlu_kit.data import Data, Document, Text, version


class ClaimVerdict(StrEnum):
    """What evidence says to a claim."""

    HOLDS = "holds"
    DOES_NOT_HOLD = "does not hold"
    NOT_TESTABLE = "not testable here"


class NumberVerdict(StrEnum):
    """A published number beside a run's."""

    REPRODUCED = "reproduced"
    DIFFERS = "differs"
    NOT_RUN = "not run"


Stage = Literal["data", "prompt", "tokens", "logits", "parse"]
Unit = Literal["fraction", "s", "times", "parameters", "questions", "tokens"]


class Judgement(Data):
    """A verdict and its evidence."""

    verdict: ClaimVerdict
    evidence: Annotated[str, Field(min_length=1, pattern=r"^[^\n]*$")] = Field(
        description="One line: the numbers, or why there are none."
    )


class ClaimResult(Data):
    """A claim, judged twice."""

    id: str
    section: str = Field(description="The section of the writeup.")
    text: str = Field(description="The claim in the writeup's words.")
    tested: Text | None = Field(
        description="What of the claim the verdicts are on, with its thresholds; null where no result bears on it."
    )
    published: Judgement = Field(description="By the numbers that the writeup publishes.")
    run: Judgement = Field(description="By this run's results.")


class NumberResult(Data):
    """A published number beside this run's."""

    id: str
    section: str
    what: str = Field(description="What the number is of.")
    unit: Unit
    published: float
    run: float | None = Field(
        description="This run's; null where it has none. Accuracies are of generated letters, as the writeup's are."
    )
    low: float | None = Field(
        description="A published number from low to high counts as reproduced: the 95 % interval of an accuracy, a factor "
        "for times."
    )
    high: float | None
    verdict: NumberVerdict
    stage: Stage | None = Field(
        description="The first stage known to differ where the number does; null where it does not or nothing tells."
    )
    reason: str | None = Field(description="What differs at that stage, or why there is no number.")


class ClaimsFile(Document):
    """claims.json: each claim judged by the published numbers and by this run, each published number beside this run's."""

    schema_: Literal["mmlu-kit/claims/2"] = version("mmlu-kit/claims/2")
    study: str
    same_models: bool = Field(description="Whether any of the writeup's models has results in this run.")
    claims: list[ClaimResult] = Field(description="In the writeup's order.")
    numbers: list[NumberResult]
