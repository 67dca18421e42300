"""claims.json: a publication's claims and numbers, checked against its published numbers and against a run."""

from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mmlu_kit.data import Data, Document, Name, Text, version


class ClaimVerdict(StrEnum):
    """Whether a claim holds by some evidence, which may be too weak to tell, or of another kind than the claim is about."""

    HOLDS = "holds"
    DOES_NOT_HOLD = "does not hold"
    CANNOT_BE_TOLD = "cannot be told"
    NOT_TESTABLE = "not testable here"


class Reading(StrEnum):
    """Which letter counts as a model's answer: the most probable one, or the one that it writes."""

    BEST = "best"
    GENERATED = "generated"


class NumberVerdict(StrEnum):
    """Whether a run reproduces a published number."""

    REPRODUCED = "reproduced"
    DIFFERS = "differs"
    NOT_RUN = "not run"


OneLine = Annotated[str, Field(min_length=1, max_length=500, pattern=r"^[^\n\r]*$")]  # as lines of evidence are
Stage = Literal["data", "prompt", "tokens", "logits", "parse"]
Unit = Literal["fraction", "s", "times", "parameters", "questions", "tokens"]


class Shows(StrEnum):
    """What a section of a report shows: a part of the study, besides those that show a group of models."""

    SETUP = "setup"
    TIMING = "timing"
    EVALUATION = "evaluation"
    ERRORS = "errors"
    COLAB = "colab"
    CHAT = "chat"


class PublishedSection(Data):
    """A numbered section of a publication: its title, and the part of the study or the group that it shows."""

    title: OneLine
    shows: Shows | None = None
    group: Name | None = Field(None, description="A group's name in config.")

    @model_validator(mode="after")
    def _shows_one_thing(self) -> Self:
        if (self.shows is None) == (self.group is None):
            raise ValueError(f"the section '{self.title[:80]}' needs either 'shows' or 'group'")
        return self


class Publication(Data):
    """What was published: how sentences call it, and the sections that a report on it has."""

    name: OneLine = Field("the publication", description="Its name in sentences: 'the writeup'.")
    sections: list[PublishedSection] = Field(
        [],
        description="Its numbered sections. The report of a study with this reference has all of them, under these numbers, "
        "before any other. By default the report has the sections that any study's has.",
    )


class Judgement(Data):
    """A verdict and its evidence."""

    verdict: ClaimVerdict
    evidence: Annotated[str, Field(min_length=1, pattern=r"^[^\n]*$")] = Field(
        description="One line: the numbers, or why the claim cannot be tested."
    )


class ClaimResult(Data):
    """A claim, judged by the published numbers and by this run."""

    id: str
    section: str = Field(description="Section of the publication.")
    text: str = Field(description="The claim in the publication's words.")
    tested: Text | None = Field(description="What exactly is tested, with thresholds; null if no result can test the claim.")
    published: Judgement = Field(description="By the numbers that were published with it.")
    run: Judgement = Field(description="By this run's results.")


class NumberResult(Data):
    """A published number compared with this run's."""

    id: str
    section: str
    what: str = Field(description="What the number measures.")
    unit: Unit
    published: float
    run: float | None = Field(
        description="This run's number; null if it has none. Accuracies are by the generated letter, as in the publication."
    )
    low: float | None = Field(
        description="A published number between low and high counts as reproduced: the reference allows an accuracy to differ "
        "by some right answers, and other numbers by a factor."
    )
    high: float | None
    verdict: NumberVerdict
    stage: Stage | None = Field(
        description="The first stage known to differ, if the number differs; null otherwise or if it is not known."
    )
    reason: str | None = Field(description="What differs at that stage, why the number may differ, or why there is no number.")

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.run is None or self.low is None or self.high is None:
            verdict = NumberVerdict.NOT_RUN
        else:
            verdict = NumberVerdict.REPRODUCED if self.low <= self.published <= self.high else NumberVerdict.DIFFERS
        if self.verdict != verdict:
            raise ValueError(f"the verdict on {self.id} is '{self.verdict}', and by its numbers it is '{verdict}'")
        return self


class ClaimsFile(Document):
    """claims.json: claims judged by the published numbers and by this run, and published numbers compared with this run's."""

    schema_: Literal["mmlu-kit/claims/4"] = version("mmlu-kit/claims/4")
    study: str
    publication: Publication
    same_models: bool = Field(description="Whether any of the publication's models has results in this run.")
    claims: list[ClaimResult] = Field(description="In the publication's order.")
    numbers: list[NumberResult]

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        for entries in (self.claims, self.numbers):
            identifiers = [entry.id for entry in entries]
            if len({*identifiers}) < len(identifiers):
                raise ValueError("a claim or a number occurs twice")
        return self
