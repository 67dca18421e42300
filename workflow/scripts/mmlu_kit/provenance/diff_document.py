"""What differs between two runs: what `mmlu-kit diff --json` prints. The runs are called a and b."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from mmlu_kit.data import Count, Data, Document, Fraction, Positive, Seconds, at_most, version

Difference = Annotated[float, Field(ge=-1, le=1)]


class Change(Data):
    """A value that is not the same in both runs; null in a run that does not have it."""

    name: str
    a: str | None
    b: str | None


class AnswerChange(Data):
    """One model's answers to the questions that it was asked in both runs, each counted once."""

    model: str
    questions: Positive
    a_right: Count = Field(description="Right by the best answer in run a.")
    b_right: Count
    difference: Difference = Field(description="The accuracy in run b minus the one in run a.")
    low: Difference = Field(description="The 95 % interval of the difference.")
    high: Difference
    flipped: Count = Field(description="Questions with another best answer.")
    right_to_wrong: Count
    wrong_to_right: Count
    generated: Count = Field(description="Questions with another generated text or another letter parsed from it.")
    logprob: Annotated[float, Field(ge=0)] | None = Field(
        description="The largest change of a log-probability, in nats; null if none can be compared."
    )
    p: Fraction | None = Field(
        description="Exact McNemar test of the two accuracies, corrected by Holm's method for the number of models; null if no "
        "question was right in only one of the runs."
    )
    _limits = model_validator(mode="after")(
        at_most("questions", "a_right", "b_right", "flipped", "right_to_wrong", "wrong_to_right", "generated")
    )

    @property
    def is_none(self) -> bool:
        """Whether all answers are the same."""
        return not self.flipped and not self.generated


class TimeChange(Data):
    """The seconds that one model took for the subjects that it was asked in both runs; null where nothing was measured."""

    model: str
    a_s: Seconds | None
    b_s: Seconds | None
    alike: bool = Field(description="Whether the machines are alike, so that the times can be compared.")


class RunDiff(Document):
    """What differs between two runs' results."""

    schema_: Literal["mmlu-kit/diff/1"] = version("mmlu-kit/diff/1")
    a: str = Field(description="The folder of run a.")
    b: str
    agree: bool = Field(
        description="Whether both runs have the same models, questions and answers; settings, machines and times do not count."
    )
    settings: list[Change] = Field(description="Settings of the study and its models.")
    machines: list[Change] = Field(description="Machines, versions of packages, code, locks and images.")
    models: list[Change] = Field(description="Models, their weights, and how they ran.")
    questions: list[Change] = Field(description="Subjects with other questions, and evaluations that only one run has.")
    answers: list[AnswerChange] = Field(description="Every model that both runs have, also those with the same answers.")
    times: list[TimeChange]
