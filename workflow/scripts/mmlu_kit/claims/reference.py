"""published.yaml: the numbers of a publication, which are one half of a reference; claims.yaml is the other.

workflow/reference/README.md describes the form. Only `models` is required; what is left out is not compared.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mmlu_kit.claims.document import OneLine, Publication, Reading, Unit
from mmlu_kit.data import Count, Entry, Fraction, Name, Positive, Text
from mmlu_kit.evaluation.answers import Choices
from mmlu_kit.settings import Device, NumberFormat, Preset, Quantization
from mmlu_kit.validation_errors import suggestion

BASELINE = "baseline"  # the group of models that no claim on all models is about

Factor = Annotated[float, Field(ge=1)]
TwoModels = Annotated[list[str], Field(min_length=2, max_length=2)]
Percent = Annotated[float, Field(ge=0, le=100)]
Asked = Annotated[int, Field(ge=1, le=10_000_000)]  # tests take time and memory for each question
Size = Annotated[float, Field(gt=0, le=1e15)]
PublishedSeconds = Annotated[float, Field(gt=0, le=1e9)]


class PublishedSubject(Entry):
    """A model's accuracy on a subject, and the number of right answers behind the percentage."""

    accuracy_percent: Percent
    correct: Count


class PublishedModel(Entry):
    """What is published about a model; times are None if none is printed."""

    repository: Text = Field(
        description="Of the hub; a study's model is this one by its repository, or by the name of its folder."
    )
    short: OneLine | None = Field(None, description="The model's name in sentences; by default its key.")
    group: Name | None = Field(None, description="`baseline` for a model that claims on all models leave out.")
    section: str = Field("", description="Where its numbers are printed.")
    parameters: Size
    device: Device
    quantization: Quantization = Quantization.NONE
    dtype: NumberFormat | None = None
    correct: Count | None = Field(None, description="Right answers; by default those that give the accuracy.")
    total: Asked = Field(description="Questions asked.")
    accuracy_percent: Percent
    real_s: PublishedSeconds | None = None
    cpu_s: PublishedSeconds | None = None
    gpu_s: PublishedSeconds | None = None
    subjects: dict[OneLine, PublishedSubject] = Field(default={})

    @property
    def right(self) -> int:
        """The number of right answers."""
        return round(self.accuracy_percent / 100 * self.total) if self.correct is None else self.correct

    @model_validator(mode="after")
    def _counts(self) -> Self:
        if self.right > self.total:
            raise ValueError(f"{self.right} of {self.total} answers are right: correct one of the two numbers")
        return self


class PublishedPrompt(Entry):
    """How the models were prompted, and how their answers were read."""

    preset: Preset
    examples: Count
    reading: Reading = Field(Reading.BEST, description="The letter that counts as an answer; claims are judged by it.")


class WithinFactor(Entry):
    """The factors by which numbers without an interval may differ and still count as reproduced."""

    time: Factor = 2.0
    ratio: Factor = 1.1
    parameters: Factor = 1.1


class PublishedRun(Entry):
    """A timing run; a run without a setup number was configured like the setup `as_setup`."""

    timestamp: str
    setup: Positive | None
    as_setup: Positive | None = None
    real_s: PublishedSeconds
    user_s: PublishedSeconds | None = None
    system_s: Annotated[float, Field(ge=0, le=1e9)] | None = None
    correct: Count
    accuracy_percent: Percent


class PublishedTimingRuns(Entry):
    """The timing runs of one model."""

    model: str
    section: str = ""
    questions: Asked
    setups: list[Positive] = Field([], description="The setups' numbers, also of those without a run.")
    runs: Annotated[list[PublishedRun], Field(min_length=1)]

    @model_validator(mode="after")
    def _counts(self) -> Self:
        for run in self.runs:
            if run.correct > self.questions:
                raise ValueError(f"in the run {run.timestamp}, {run.correct} of {self.questions} answers are right")
        return self


class PublishedRatio(Entry):
    """The ratio of the first model's number to the second's."""

    section: str = ""
    what: Literal["accuracy", "real_s"]
    models: TwoModels
    value: Size


class UserOverReal(Entry):
    """The range of user time over real time of timing runs."""

    section: str = ""
    what: Literal["user_s"]
    setups: list[Positive]
    low: Size
    high: Size


class CpuOverReal(Entry):
    """CPU time over real time of models."""

    section: str = ""
    what: Literal["cpu_s"]
    models: list[str]
    value: Size


class PublishedContext(Entry):
    """The context window of a model, in tokens."""

    section: str = ""
    model: str
    tokens: Positive


class NotMeasured(Entry):
    """A published number that a run does not measure."""

    section: str = ""
    of: str
    what: str
    unit: Unit
    value: float
    reason: Text


class Published(Entry):
    """published.yaml: every number that a publication prints."""

    schema_: Literal["mmlu-kit/published/1"] = Field(alias="schema")
    publication: Publication = Publication()
    questions: dict[str, Asked] = Field({}, description="How many questions each subject has there.")
    choices: Choices = Field(4, description="How many choices each question has; guessing is right once in this many.")
    within_factor: WithinFactor = WithinFactor()
    within_answers: Fraction = Field(
        0.01,
        description="By how large a share of its questions a number of right answers may differ and still count as reproduced; "
        "one answer always may.",
    )
    machines: dict[Device, list[OneLine]] = Field(
        {}, description="The machines or GPUs that times on a device may come from, as far as they are named."
    )
    prompt: PublishedPrompt | None = None
    models: Annotated[dict[OneLine, PublishedModel], Field(min_length=1)]
    timing_runs: PublishedTimingRuns | None = None
    ratios: list[PublishedRatio] = Field(default=[])
    cpu_over_real: list[UserOverReal | CpuOverReal] = Field(default=[])
    contexts: list[PublishedContext] = Field(default=[])
    not_measured: list[NotMeasured] = Field(default=[])

    def allowance(self, questions: int, published_questions: int) -> int:
        """Return how many right answers may differ and still count as reproduced: none if the questions are not as many."""
        return max(1, int(self.within_answers * questions)) if questions == published_questions else 0

    def machine(self, device: Device) -> str:
        """Return what is known of the machine that a published time on a device comes from."""
        names = " or ".join(self.machines.get(device, []))
        return f"of the published time's machine, only a name is known: {names}" if names else "its machine is not published"

    @property
    def subjects(self) -> tuple[str, ...]:
        """The subjects of the models that claims are about, in the order of `questions`; empty if none are published."""
        named = {subject for model in self.models.values() if model.group != BASELINE for subject in model.subjects}
        return tuple(subject for subject in self.questions if subject in named)

    @property
    def reading(self) -> Reading:
        """How answers were read."""
        return self.prompt.reading if self.prompt else Reading.BEST

    def short(self, model: str) -> str:
        """Return a model's name in sentences."""
        return self.models[model].short or model

    @model_validator(mode="after")
    def _names(self) -> Self:
        """Check that every model and subject that is named has its entry."""
        timed = [self.timing_runs.model] if self.timing_runs else []
        compared = [name for ratio in self.ratios for name in ratio.models]
        compared += [name for ratio in self.cpu_over_real if isinstance(ratio, CpuOverReal) for name in ratio.models]
        compared += [context.model for context in self.contexts]
        for name in [*timed, *compared]:
            if name not in self.models:
                raise ValueError(f"'{name[:80]}' is none of the models; {suggestion(name, self.models)}")
        for name, model in self.models.items():
            for subject, numbers in model.subjects.items():
                if subject not in self.questions:
                    raise ValueError(
                        f"models.{name[:80]}: the subject '{subject[:80]}' has no number of questions in 'questions'"
                    )
                if numbers.correct > self.questions[subject]:
                    counts = f"{numbers.correct} of {self.questions[subject]} answers"
                    raise ValueError(f"models.{name[:80]}: {counts} on {subject[:80]} are right")
        return self
