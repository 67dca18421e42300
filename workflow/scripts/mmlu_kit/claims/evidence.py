"""The evidence that claims are tested on: one form for published numbers and for a run's results."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mmlu_kit import formatting
from mmlu_kit.claims.answers import Answers
from mmlu_kit.claims.document import Reading
from mmlu_kit.recall.documents import ChatModelSummary, Transcripts
from mmlu_kit.settings import HasConfiguration, Quantization
from mmlu_kit.statistics import intervals


@dataclass(frozen=True)
class Configuration:
    """A model's device and quantization."""

    device: str
    quantization: str

    def __str__(self) -> str:
        quantization = "no quantization" if self.quantization == Quantization.NONE else self.quantization
        return f"{self.device}, {quantization}"


@dataclass(frozen=True)
class Counts:
    """Right answers, questions, and how many guessing gets right on average."""

    correct: int
    questions: int
    guessed: float

    def __add__(self, other: "Counts") -> "Counts":
        """Return the counts over both."""
        return Counts(self.correct + other.correct, self.questions + other.questions, self.guessed + other.guessed)

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return self.correct / self.questions

    @property
    def guessing(self) -> float:
        """The accuracy of guessing."""
        return self.guessed / self.questions

    @property
    def interval(self) -> tuple[float, float]:
        """The accuracy's 95 % Wilson interval."""
        return intervals.wilson(self.correct, self.questions)

    def __str__(self) -> str:
        """Return '9.1% (7.6% to 10.7%)', the accuracy and its interval."""
        low, high = self.interval
        return f"{formatting.percent(self.accuracy)} ({formatting.percent(low)} to {formatting.percent(high)})"


@dataclass(frozen=True)
class ModelEvidence:
    """What is known about a model; None if it is not published or the run did not measure it."""

    name: str
    published_name: str | None  # the publication's name for this model; None if it is not one of its models
    short: str  # its name in sentences
    weights: str | None  # repository and commit
    parameters: float
    weight_bytes: int | None  # of its weights as loaded
    requested: Configuration
    effective: Configuration | None
    reason: str | None  # why it did not run as requested
    total: Counts
    subjects: Mapping[str, Counts]
    parsed: int | None  # number of answers from which a letter could be parsed
    not_parsed: str | None  # why that is not known
    machine: int | None  # index of its machine in the run
    hardware: tuple[str, ...]  # the processors or GPUs that its times may come from; empty if none is named
    reach: int | None  # how many cores it could keep busy
    real_s: float | None
    cpu_s: float | None
    gpu_s: float | None
    forward_s: float | None
    peak_gpu_bytes: int | None
    timed: bool | None  # whether every result has times
    answers: Answers | None = None  # to single questions

    @property
    def configuration(self) -> Configuration:
        """The effective configuration or, if it is not known, the requested one."""
        return self.effective or self.requested

    @property
    def always(self) -> str | None:
        """The letter that it chooses nearly always; None if there is none, or its answers are not known."""
        return self.answers.always if self.answers else None

    @property
    def may_be_guessing(self) -> bool:
        """Whether its answers cannot be told from the same letters in another order; false if they are not known."""
        return self.answers is not None and self.answers.may_be_guessing

    def rank(self, subject: str, hardest: bool = False) -> int:
        """Return a subject's rank, 1 for the best or the hardest; equal subjects share the smaller rank."""
        sign = -1 if hardest else 1
        accuracy = self.subjects[subject].accuracy
        return 1 + sum(sign * counts.accuracy > sign * accuracy for counts in self.subjects.values())


@dataclass(frozen=True)
class RunEvidence:
    """What is known about a timing run."""

    setup: int | None  # the setup's number
    requested: Configuration | None
    effective: Configuration | None
    reason: str | None
    counts: Counts
    questions_sha256: str | None
    real_s: float
    user_s: float | None
    system_s: float | None
    forward_s: float | None
    start_s: float | None  # of the process, until the model is loaded
    threads: int | None
    cores: int | None
    peak_rss_bytes: int | None
    peak_gpu_bytes: int | None
    dtype: str | None = None  # the number format of its weights

    @property
    def cpu_s(self) -> float | None:
        """User plus system time."""
        return None if self.user_s is None or self.system_s is None else self.user_s + self.system_s

    @property
    def reach(self) -> int | None:
        """How many cores it could keep busy; None if that is not known."""
        return reach(self.threads, self.cores)


@dataclass(frozen=True)
class RunGroup:
    """Timing runs with the same configuration."""

    runs: tuple[RunEvidence, ...]
    answers_not_shared: int | None  # number of questions to which they gave different answers


@dataclass(frozen=True)
class SetupsEvidence:
    """The timing setups: runs grouped by configuration, and the reasons why setups were not run, by setup number."""

    groups: tuple[RunGroup, ...]
    not_run: Mapping[int, str]
    other_model: str | None = None  # what was timed, if it is not the publication's model

    @property
    def runs(self) -> list[RunEvidence]:
        """All runs."""
        return [run for group in self.groups for run in group.runs]


@dataclass(frozen=True)
class ChatEvidence:
    """The chat models that ran, the publication's first."""

    models: tuple[ChatModelSummary, ...]
    transcripts: Transcripts | None


@dataclass(frozen=True)
class Refused:
    """A model that a machine could not run."""

    model: str
    parameters: float | None  # as published; None if it is not one of the publication's models
    reason: str


@dataclass(frozen=True)
class Evidence:
    """What predicates judge claims by."""

    publication: str  # its name in sentences
    reading: Reading  # which letter counts as an answer
    same_models: bool  # whether any of the models is one of the publication's
    other_questions: str | None  # why its questions are not the publication's; None if they may be
    models: tuple[ModelEvidence, ...]  # from the fewest parameters to the most
    refused: tuple[Refused, ...]
    setups: SetupsEvidence | None
    chat: ChatEvidence | None  # None if nothing is published about a chat model
    as_published: bool = True  # whether answers are read as the publication read them
    subjects: tuple[str, ...] = ()  # that the publication compares; empty if it names none

    @property
    def is_published(self) -> bool:
        """Whether it is a publication's own numbers."""
        return all(model.effective is None for model in self.models)


def reach(threads: int | None, cores: int | None) -> int | None:
    """Return how many cores a process could keep busy: its threads, or fewer cores; None if one of them is not known."""
    return None if threads is None or cores is None else min(threads, cores)


def configuration(settings: HasConfiguration) -> Configuration:
    """Return the device and quantization of requested or effective settings."""
    return Configuration(settings.device, settings.quantization)


def by_size(models: Iterable[ModelEvidence]) -> tuple[ModelEvidence, ...]:
    """Return models from the fewest parameters to the most."""
    return tuple(sorted(models, key=lambda model: model.parameters))
