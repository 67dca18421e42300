"""merged.json: a study's results in one file, a summary for each model and subject."""

from typing import Literal

from pydantic import Field

from mmlu_kit.data import Bytes, Count, Data, Document, Joules, Seconds, version
from mmlu_kit.evaluation.records import Totals
from mmlu_kit.recall.documents import ChatFile
from mmlu_kit.results.stability import StabilityFile
from mmlu_kit.results.timing_setups import SetupsFile
from mmlu_kit.settings import Effective, Requested
from mmlu_kit.study import Study
from mmlu_kit.timing.machine import Machine
from mmlu_kit.timing.time_logs import ProcessTimes


class MergedModel(Data):
    """What a model is and how it ran; all is null where its answers were imported."""

    repository: str | None
    commit: str | None
    parameters: Count | None
    requested: Requested | None
    effective: Effective | None = Field(description="As in an evaluation.")
    reason: str | None = Field(description="Why it did not run as requested: that of its first subject.")
    machine: Machine | None = Field(description="That of the model's first subject.")


class Result(Data):
    """One model on one subject. Times are as in a timing file, null where they are no measurement."""

    model: str
    subject: str
    totals: Totals
    questions_sha256: str = Field(description="A hash of which questions were asked.")
    source: str | None = Field(
        description="The folder below results/<study> into which evaluations/ and timings/ of another machine were unpacked; "
        "null for a result made here."
    )
    machine: Count | None = Field(description="Its place in `machines`; null where the answers were imported.")
    startup_s: Seconds | None
    load_s: Seconds | None
    tokenize_s: Seconds | None
    forward_s: Seconds | None
    parse_s: Seconds | None
    write_s: Seconds | None
    other_s: Seconds | None
    real_s: Seconds | None
    cpu_user_s: Seconds | None
    cpu_system_s: Seconds | None
    gpu_s: Seconds | None
    gpu_energy_j: Joules | None
    peak_rss_bytes: Bytes | None
    peak_gpu_bytes: Bytes | None
    reasons: dict[str, str] = Field(description="Why a value above is null.")
    process: str | None = Field(description="The name of its process's log in `processes`.")
    resumed: bool = Field(description="Several processes made it, so its times are null.")


class Missing(Data):
    """A pair that the study asks for and that has no result."""

    model: str
    subject: str


class NotRunHere(Missing):
    """A pair that a machine could not run as asked, where config says to skip it then."""

    reason: str


class Merged(Document):
    """merged.json: a study's results, a summary for each model and subject; questions.csv has the questions one by one."""

    schema_: Literal["mmlu-kit/merged/4"] = version("mmlu-kit/merged/4")
    study: Study = Field(description="The study; of a folder outside the project its last name alone.")
    models: dict[str, MergedModel] = Field(description="What each model is and how it ran.")
    machines: list[Machine] = Field(
        description="The machines that results were made on, each once: hosts that are alike in all else are one machine."
    )
    results: list[Result] = Field(description="One for each model and subject, in the report's order.")
    processes: dict[str, ProcessTimes] = Field(description="/usr/bin/time around each whole process, by the log's name.")
    not_run: list[NotRunHere] = Field(description="What a machine could not do as asked.")
    missing: list[Missing] = Field(description="What the study asks for and has no result.")
    setups: SetupsFile | None = Field(description="The timing setups, as in setups.json without answers.")
    stability: StabilityFile | None = Field(description="As in stability.json without answers.")
    chat: ChatFile | None = Field(description="What chat models recall, as in chat.json.")

    def imported(self, model: str) -> bool:
        """Whether a model's answers are those of another run, of which nothing else is known."""
        return self.models[model].effective is None

    def order(self) -> list[str]:
        """The models with results, each once, in the report's order: a baseline that is in no group, then the groups'."""
        ran = list(dict.fromkeys(result.model for result in self.results))
        grouped = dict.fromkeys(model for group in self.study.groups for model in group.models)
        return [model for model in ran if model not in grouped] + [model for model in grouped if model in ran]
