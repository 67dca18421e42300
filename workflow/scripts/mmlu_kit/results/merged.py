"""merged.json: a study's results in one file, a summary for each model and subject."""

import math
from collections.abc import Iterable, Sequence
from typing import Literal

from pydantic import Field

from mmlu_kit.data import Bytes, Count, Data, Document, Joules, Seconds, Sha256, version
from mmlu_kit.evaluation.answers import Choices, Totals, guessed
from mmlu_kit.evaluation.manner import Conversation, Packing
from mmlu_kit.inputs.adapters import AdapterIdentity
from mmlu_kit.recall.documents import ChatFile
from mmlu_kit.results.stability import StabilityFile
from mmlu_kit.results.timing_setups import SetupsFile
from mmlu_kit.settings import Effective, Requested
from mmlu_kit.study import Study
from mmlu_kit.timing.machine import Machine
from mmlu_kit.timing.time_logs import ProcessTimes


class MergedModel(Data):
    """What a model is and how it ran; every field is null if its answers were imported."""

    repository: str | None
    commit: str | None
    adapter: AdapterIdentity | None = Field(None, description="As in an evaluation.")
    parameters: Count | None
    requested: Requested | None
    effective: Effective | None = Field(description="As in an evaluation.")
    reason: str | None = Field(description="Why it did not run as requested, on its first subject.")
    conversation: Conversation | None = Field(description="As in an evaluation, on its first subject.")
    packing: Packing | None = Field(description="Which questions were computed together, over all subjects.")
    machine: Machine | None = Field(description="The machine that ran the model's first subject.")


class RepeatedAnswer(Data):
    """A model's answer to a question that occurs more than once in the study."""

    question_sha256: Sha256
    choices: Choices
    correct: bool
    correct_generated: bool | None
    parsed: bool | None


class Result(Data):
    """One model on one subject. Times are as in a timing file, and null where nothing was measured or the run was resumed."""

    model: str
    subject: str
    totals: Totals = Field(description="Over all of the subject's questions, with every copy of a repeated one.")
    repeated: list[RepeatedAnswer] = Field(
        description="The answers to questions that occur more than once in the study, which count once in sums."
    )
    questions_sha256: str = Field(description="Hash of the questions asked.")
    source: str | None = Field(
        description="The folder below results/<study> into which another machine's evaluations/ and timings/ were unpacked; "
        "null for this machine's own results."
    )
    machine: Count | None = Field(description="Index in `machines`; null if the answers were imported.")
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
    reasons: dict[str, str] = Field(description="For each null value above and in totals, why it is null.")
    process: str | None = Field(description="Name of the process's log in `processes`.")
    resumed: bool = Field(description="Whether the evaluation was killed and resumed; then its times are null.")


class Missing(Data):
    """A model and subject of the study without a result."""

    model: str
    subject: str


class NotRunHere(Missing):
    """A model and subject that the machine could not run as requested and that config allows to skip."""

    reason: str


class Merged(Document):
    """merged.json: a study's results, summarized for each model and subject; questions.csv has every single answer."""

    schema_: Literal["mmlu-kit/merged/9"] = version("mmlu-kit/merged/9")
    study: Study = Field(description="The study; folders outside the project are shortened to their base names.")
    models: dict[str, MergedModel] = Field(description="What each model is and how it ran.")
    machines: list[Machine] = Field(
        description="The machines that made the results, each once; hosts that differ only in name count as one machine."
    )
    results: list[Result] = Field(description="One for each model and subject, in the report's order.")
    processes: dict[str, ProcessTimes] = Field(description="/usr/bin/time around each whole process, by the log's name.")
    not_run: list[NotRunHere] = Field(description="Models and subjects that the machine could not run as requested.")
    missing: list[Missing] = Field(description="Models and subjects of the study without a result.")
    setups: SetupsFile | None = Field(description="The timing setups: setups.json without answers.")
    stability: StabilityFile | None = Field(description="The stability measurement: stability.json without answers.")
    chat: ChatFile | None = Field(description="The recall experiment, as in chat.json.")

    def counted(self, results: Iterable[Result]) -> Totals:
        """Return the counts over a model's results, in which a repeated question counts once: by its first copy in the order
        of the study's subjects."""
        order = self.study.subjects.index
        results = sorted(results, key=lambda result: order(result.subject))
        later: list[RepeatedAnswer] = []
        first: set[str] = set()
        for answer in (answer for result in results for answer in result.repeated):
            if answer.question_sha256 in first:
                later.append(answer)
            first.add(answer.question_sha256)
        return sums(results, later)

    def imported(self, model: str) -> bool:
        """Return whether a model's answers were imported from another run, of which nothing else is known."""
        return self.models[model].effective is None

    def order(self) -> list[str]:
        """Return the models with results in the report's order: those in no group (the baseline) first, then by group."""
        ran = list(dict.fromkeys(result.model for result in self.results))
        grouped = dict.fromkeys(model for group in self.study.groups for model in group.models)
        return [model for model in ran if model not in grouped] + [model for model in grouped if model in ran]


def sums(results: Sequence[Result], without: Sequence[RepeatedAnswer] = ()) -> Totals:
    """Return the counts over results, with every copy of a repeated question except those in `without`."""
    totals = [result.totals for result in results]

    def count(name: str) -> int | None:
        counts = [getattr(one, name) for one in totals]
        return None if None in counts else sum(counts) - sum(getattr(answer, name) for answer in without)

    return Totals(
        questions=sum(one.questions for one in totals) - len(without),
        guessed=round(math.fsum(one.guessed for one in totals) - guessed(answer.choices for answer in without), 9),
        correct=count("correct") or 0,
        correct_generated=count("correct_generated"),
        parsed=count("parsed"),
    )
