"""The files of an evaluation: one model's answers on one subject, and the times.

Answers are the same in every run. Times, dates, hosts and memory are not, so they are in a separate file.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mmlu_kit import files
from mmlu_kit.data import Count, Document, Positive, Sha256, Text, version
from mmlu_kit.evaluation import answer_parser
from mmlu_kit.evaluation.answers import Record, Totals
from mmlu_kit.evaluation.manner import Conversation, Packing
from mmlu_kit.inputs.adapters import AdapterIdentity
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.settings import Effective, LoadSettings, Orders, Preset, Requested
from mmlu_kit.timing.gpu import GpuUse
from mmlu_kit.timing.limits import UtcTime, check_cpu, check_energy, check_memory, check_order
from mmlu_kit.timing.machine import Machine
from mmlu_kit.timing.phase_timer import StartPhases, SubjectPhases

# The version of scoring. Bump it whenever answers or probabilities can change; results of different versions are never merged.
SCORING = 6


class Evaluation(Document):
    """evaluations/<model>/<subject>.json: one model's answers on one subject.

    The file has the same bytes in every run with one image and processor. What is unknown of imported answers is null.
    """

    schema_: Literal["mmlu-kit/evaluation/7"] = version("mmlu-kit/evaluation/7")
    scoring: Positive | None = Field(description="The version of the kit's scoring; null for imported answers.")
    model: str = Field(description="The model's name in config.")
    repository: str | None = Field(description="The model's repository on the hub; null for a local folder.")
    commit: str | None = Field(description="The repository's commit; null for a local folder.")
    adapter: AdapterIdentity | None = Field(None, description="The adapter that was applied to the model; null without one.")
    parameters: Count | None = Field(description="Parameters in the checkpoint, as in its manifest.")
    model_files: dict[str, Sha256] = Field(
        description="The SHA-256 of every file that the model and, below adapter/, its adapter were loaded from, or of the "
        "file with the imported answers."
    )
    requested: Requested | None = Field(description="The configuration that config requests.")
    effective: Effective | None = Field(description="The configuration in which the model ran.")
    reason: str | None = Field(description="Why it did not run as requested; null if it did.")
    conversation: Conversation | None = Field(
        description="How the model's chat template takes the questions; null for other presets and imported answers."
    )
    subject: str
    packing: Packing | None = Field(None, description="Which questions were computed together; null for imported answers.")
    totals: Totals
    records: Annotated[list[Record], Field(min_length=1)] = Field(
        description="One for each question, or for each that was imported, in the questions' order."
    )

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        problem = self._contradiction()
        if problem:
            raise ValueError(problem)
        return self

    def _contradiction(self) -> str | None:
        """Describe the first inconsistency in the evaluation, None if there is none."""
        # Imported answers have no probabilities, and their letters may have been parsed by other rules.
        imported = self.requested is None
        if any((value is None) != imported for value in (self.scoring, self.effective, self.packing)):
            return "scoring, effective and packing are null for imported answers, and only for them"
        most = self.requested.examples if self.requested else None
        # Another version of scoring may parse letters by other rules.
        same_rules = not imported and self.scoring == SCORING
        in_thought = self.conversation is not None and self.conversation.open_thought
        for place, record in enumerate(self.records):
            where = f"question {record.index}"
            if record.subject != self.subject:
                return f"{where} is of another subject"
            if imported:  # there may be no prediction for some questions
                if place and record.index <= self.records[place - 1].index:
                    return f"{where} is after question {self.records[place - 1].index}"
            elif record.index != place:
                return f"{where} is where question {place} should be"
            prompt = (record.cloze or record.letter_logprobs, record.prompt_sha256, record.prompt_tokens, record.examples)
            if any((value is None) != imported for value in prompt):
                return f"{where}: its prompt and probabilities are null for imported answers, and only for them"
            if self.requested and (problem := protocol_contradiction(record, self.requested)):
                return f"{where}: {problem}"
            if most is not None and (record.examples or 0) > most:
                return f"{where} has more examples than requested"
            text = record.generated
            if same_rules and text is not None and record.parsed != answer_parser.parse(text, record.letters, in_thought):
                return f"{where}: parsed is not the letter in its generated text"
        if self.totals != Totals.over(self.records):
            return "the totals contradict the records"
        if self.packing and self.packing.questions != len(self.records):
            return "the counts of packed questions contradict the records"
        if (self.conversation is not None) != (self.requested is not None and self.requested.preset == Preset.CHAT):
            return "the form of its conversations contradicts its preset"
        return None


def protocol_contradiction(record: Record, requested: Requested) -> str | None:
    """Describe how a record contradicts the protocol that was requested, None if it does not."""
    if (record.cloze is not None) != requested.preset.is_cloze:
        return f"it was not asked with the preset {requested.preset}"
    if (record.other_orders is not None) != (requested.orders == Orders.CYCLIC):
        return f"it was not asked with orders {requested.orders}"
    if record.cloze is not None and any((one.unconditional is not None) != requested.unconditional for one in record.cloze):
        return f"it was not asked with unconditional: {str(requested.unconditional).lower()}"
    if record.cloze is not None and record.predicted != record.predicted_by(requested.ranked_by):
        return f"predicted is not the choice with the highest score ({requested.ranked_by})"
    return None


class Timing(Document, StartPhases, SubjectPhases, GpuUse):
    """timings/<model>/<subject>.json: times and memory of a model on a subject, measured by the program, and the machine."""

    schema_: Literal["mmlu-kit/timing/4"] = version("mmlu-kit/timing/4")
    model: str
    subject: str
    questions_scored: Count = Field(description="Questions that this process scored.")
    resumed: bool = Field(
        description="Whether an earlier process scored some questions, so that the times cover only the rest."
    )
    tokens_per_batch: Positive = Field(description="Tokens in one forward pass.")
    process: str | None = Field(description="The name of the process's /usr/bin/time log; null if there is none.")
    threads: Positive
    process_started: UtcTime = Field(description="When the process started, UTC, ISO 8601.")
    started: UtcTime = Field(description="When the subject was started, UTC, ISO 8601.")
    peak_rss_bytes: Positive = Field(description="The process's peak resident memory so far.")
    machine: Machine = Field(description="The machine and the versions of packages that can change a score.")

    @model_validator(mode="after")
    def _possible(self) -> Self:
        check_order(self.process_started, self.started)
        check_cpu(self.cpu_user_s + self.cpu_system_s, self.real_s, self.machine)
        check_memory(self.peak_rss_bytes, self.peak_gpu_bytes, self.machine)
        check_energy(self.gpu_energy_j, self.real_s)
        return self


class NotRun(Document):
    """A placeholder for an evaluation, a timing or a file in chat/ that was skipped (`on_unavailable: skip`).

    `make retry` deletes placeholders and runs again.
    """

    schema_: Literal["mmlu-kit/not_run/3"] = version("mmlu-kit/not_run/3")
    model: str = Field(description="The model's name in config.")
    requested: Requested | LoadSettings = Field(description="The configuration that config requests.")
    reason: Text = Field(description="Why the model was not run.")
    subject: str = Field(description="The subject, or 'chat' for a file of the recall experiment.")


def is_not_run(path: Path) -> bool:
    """Whether a JSON file is a "not run" placeholder."""
    if NotRun.form() not in files.read_text(path):
        return False  # without parsing a long file twice
    value = files.read_json(path)
    return isinstance(value, dict) and value.get("schema") == NotRun.form()


def read_evaluation(path: Path) -> Evaluation | NotRun:
    """Read an evaluation or its placeholder."""
    return NotRun.read(path) if is_not_run(path) else Evaluation.read(path)


def read_timing(path: Path) -> Timing | NotRun:
    """Read a timing or its placeholder."""
    return NotRun.read(path) if is_not_run(path) else Timing.read(path)


def questions_sha256(records: Iterable[Record]) -> str:
    """A hash of the questions and their order; times are compared only between runs with equal hashes."""
    return files.sha256(" ".join(record.question_sha256 for record in records))


def evaluation(
    model: str,
    manifest: Manifest,
    requested: Requested,
    effective: Effective,
    reason: str | None,
    subject: str,
    records: Sequence[Record],
    packing: Packing,
    conversation: Conversation | None = None,
) -> Evaluation:
    """Create the evaluation of a model on a subject; `reason` says why `effective` is not as requested, None if it is."""
    return Evaluation(
        scoring=SCORING,
        model=model,
        repository=manifest.repository,
        commit=manifest.commit,
        adapter=manifest.adapter_identity,
        parameters=manifest.parameters,
        model_files=manifest.hashes,
        requested=requested,
        effective=effective,
        reason=reason,
        conversation=conversation,
        subject=subject,
        packing=packing,
        totals=Totals.over(records),
        records=list(records),
    )


def imported(model: str, file: str, sha256: str, subject: str, records: Sequence[Record]) -> Evaluation:
    """Create the evaluation of a model whose answers were imported from a file with this name and hash."""
    return Evaluation(
        scoring=None,
        model=model,
        repository=None,
        commit=None,
        parameters=None,
        model_files={file: sha256},
        requested=None,
        effective=None,
        reason=None,
        conversation=None,
        subject=subject,
        totals=Totals.over(records),
        records=list(records),
    )
