"""The reference files: published.yaml, every number that the writeup publishes, and claims.yaml, its claims."""

from typing import Annotated, Literal

from pydantic import Field

from mmlu_kit.claims.document import Unit
from mmlu_kit.data import Count, Data, Positive, Seconds, Text
from mmlu_kit.settings import Device, NumberFormat, Preset, Quantization

Factor = Annotated[float, Field(ge=1)]
Percent = Annotated[float, Field(ge=0, le=100)]
Parameter = int | float | str | list[int] | list[str]
CHOICES = 4  # of each question of the published study


class PublishedSubject(Data):
    """A model's accuracy on a subject, and the number of right answers behind the percentage."""

    accuracy_percent: Percent
    correct: Count


class PublishedModel(Data):
    """What the writeup publishes about a model; times are None if it prints none."""

    repository: Text
    short: Text = Field(description="The model's name in sentences.")
    group: Literal["baseline", "small", "medium"]
    section: str
    parameters: float
    device: Device
    quantization: Quantization
    dtype: NumberFormat | None
    correct: Count
    total: Positive = Field(description="Questions asked.")
    accuracy_percent: Percent
    real_s: Seconds | None = None
    cpu_s: Seconds | None = None
    gpu_s: Seconds | None = None
    subjects: dict[str, PublishedSubject]


class PublishedPrompt(Data):
    """How the writeup prompted its models."""

    preset: Preset
    examples: Count


class WithinFactor(Data):
    """The factors by which numbers without an interval may differ and still count as reproduced."""

    time: Factor
    ratio: Factor
    parameters: Factor


class PublishedRun(Data):
    """A timing run; a run without a setup number was configured like the setup `as_setup`."""

    timestamp: str
    setup: Positive | None
    as_setup: Positive | None = None
    real_s: Seconds
    user_s: Seconds | None = None
    system_s: Seconds | None = None
    correct: Count
    accuracy_percent: Percent


class PublishedTimingRuns(Data):
    """The timing runs of one model."""

    model: str
    questions: Positive
    runs: list[PublishedRun]


class PublishedRatio(Data):
    """The ratio of the first model's number to the second's."""

    section: str
    what: Literal["accuracy", "real_s"]
    models: tuple[str, str]
    value: float


class UserOverReal(Data):
    """The range of user time over real time of timing runs."""

    section: str
    what: Literal["user_s"]
    setups: list[Positive]
    low: float
    high: float


class CpuOverReal(Data):
    """CPU time over real time of models."""

    section: str
    what: Literal["cpu_s"]
    models: list[str]
    value: float


class NotMeasured(Data):
    """A published number that a run does not measure."""

    section: str
    of: str
    what: str
    unit: Unit
    value: float
    reason: Text


class Published(Data):
    """published.yaml: every number that the writeup publishes."""

    schema_: Literal["mmlu-kit/published/1"] = Field(alias="schema")
    questions: dict[str, Positive] = Field(description="How many test questions MMLU has, by subject.")
    within_factor: WithinFactor
    prompt: PublishedPrompt
    models: dict[str, PublishedModel]
    timing_runs: PublishedTimingRuns
    ratios: list[PublishedRatio]
    cpu_over_real: list[UserOverReal | CpuOverReal]
    not_measured: list[NotMeasured]


class Claim(Data):
    """A claim of the writeup and the predicate that tests it."""

    id: Text
    section: str
    text: Text
    tested: Text | None = Field(
        None, description="What exactly the predicate tests; {name} is a parameter. None if no result can test the claim."
    )
    predicate: str = Field(description="A function of audit.PREDICATES.")
    parameters: dict[str, Parameter] = Field(default={}, alias="with", description="The predicate's parameters.")

    def tested_in_words(self) -> str | None:
        """Return what is tested, with its thresholds."""
        return self.tested.format(**self.parameters) if self.tested else None


class Claims(Data):
    """claims.yaml: the writeup's claims, in its order."""

    schema_: Literal["mmlu-kit/reference-claims/1"] = Field(alias="schema")
    claims: list[Claim]
