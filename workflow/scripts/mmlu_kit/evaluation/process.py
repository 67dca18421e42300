"""An evaluation in one process: load a model, evaluate it on one subject after another, print and write the results."""

import gc
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmlu_kit import user_errors
from mmlu_kit.evaluation.answers import Record, Totals
from mmlu_kit.inputs import checkpoints, questions
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.inputs.questions import Question
from mmlu_kit.models import cpu_formats
from mmlu_kit.settings import Effective, OnUnavailable, Preset, Requested, Split
from mmlu_kit.timing import machine
from mmlu_kit.timing.phase_timer import PhaseTimer
from mmlu_kit.user_errors import UserError


@dataclass(frozen=True)
class Outputs:
    """The folders for files of each subject; None for files that are not wanted."""

    evaluations: Path | None = None
    timings: Path | None = None
    journals: Path | None = None


@dataclass(frozen=True)
class Job:
    """An evaluation: `model` is a folder, GGUF file or manifest, `adapter` the folder of an adapter that none of them names,
    `process` the name of the process's /usr/bin/time log.
    """

    model: Path
    name: str
    requested: Requested
    on_unavailable: OnUnavailable
    outputs: Outputs
    threads: int | None = None
    adapter: Path | None = None
    process: str | None = None
    record_host: bool = False
    verbose: bool = False


@dataclass(frozen=True)
class Scored:
    """What an evaluation gave: the model as it ran, and its records by subject.

    A model that was not run has no `effective` and no records, and `reason` says why; else it says why the model did not run as
    requested.
    """

    manifest: Manifest
    effective: Effective | None
    reason: str | None
    records: Mapping[str, Sequence[Record]]

    @property
    def by_subject(self) -> dict[str, list[Record]]:
        """The first record of each question of each subject."""
        return {subject: _once(records) for subject, records in self.records.items()}

    @property
    def counted(self) -> list[Record]:
        """The first record of each question, which may occur in more than one subject."""
        return _once([record for records in self.records.values() for record in records])


def evaluate(job: Job, by_subject: Mapping[str, Sequence[Question]], timer: PhaseTimer) -> Scored:
    """Evaluate a model on all subjects; if a subject fails, exit with status 2 after the others are done."""
    checkpoints.check_model(job.model, job.adapter)  # reports what is missing at once
    # Imported modules and the loaded model are never garbage, and looking through them takes a quarter of the start-up time.
    gc.disable()
    # Hash the model's files during the imports below; hashing releases the interpreter's lock.
    hashing = ThreadPoolExecutor(1).submit(checkpoints.verified_manifest, job.model, job.adapter)
    if job.threads:
        os.environ.setdefault("RAYON_NUM_THREADS", str(job.threads))  # the tokenizers' own pool
    # torch and transformers take seconds to import, so every check that does not need them comes first.
    import torch

    from mmlu_kit.evaluation.runner import Runner, write_not_run
    from mmlu_kit.models import loading, tokenizers

    if job.threads:
        torch.set_num_threads(job.threads)
    print(f"Loading {job.name} …", flush=True)
    timer.switch("load")
    manifest = hashing.result()
    tokenizer = tokenizers.load_tokenizer(manifest.path)
    loaded = loading.load(manifest, job.requested, job.on_unavailable)
    if loaded.model is None or loaded.effective is None:
        print(f"Not run: {loaded.reason}")
        write_not_run(job, loaded.reason or "", list(by_subject))
        return Scored(manifest, None, loaded.reason, {})
    gc.freeze()
    gc.enable()
    # Not before: bitsandbytes quantizes a matrix through large copies, which would stay with this process.
    machine.keep_freed_memory()
    _print_loaded(job.requested, manifest, loaded.model, loaded.effective, loaded.reason)
    runner = Runner(job, manifest, loaded, tokenizer, timer)
    records: dict[str, list[Record]] = {}
    failed = False
    for subject, subject_questions in by_subject.items():
        try:
            scored = runner.run(subject, subject_questions)
        except UserError as error:
            # The other subjects are still evaluated; journals are kept for the next run.
            user_errors.report(f"{job.name}: {error}")
            failed = True
            continue
        if job.verbose:
            _print_questions(questions.split(subject_questions, Split.TEST), scored)
        records[subject] = scored
        totals = Totals.over(_once(scored))
        print(f" Result: {_percent(totals.correct, totals.questions)}   # {subject}", flush=True)
    if failed:
        sys.exit(2)
    runner.finish()
    result = Scored(manifest, loaded.effective, loaded.reason, records)
    counted, every = result.counted, sum(map(len, records.values()))
    totals = Totals.over(counted)
    if len(counted) < every:
        print(f"{every - len(counted)} of {every} questions were asked before and do not count again")
    print(f"Overall Accuracy: {100 * totals.correct / totals.questions:.2f}%")
    if totals.correct_generated is not None:
        print(
            f"As generated: {_percent(totals.correct_generated, totals.questions)}; "
            f"a letter could be parsed from {totals.parsed} of {totals.questions} answers"
        )
        few = 2 * (totals.parsed or 0) < totals.questions
        if few and job.requested.preset != Preset.CHAT and runner.tokenizer.chat_template:
            print("Hint: this model has a chat template, and the preset chat asks through it (--preset chat)")
    return result


def _print_loaded(requested: Requested, manifest: Manifest, model: Any, effective: Effective, reason: str | None) -> None:
    """Print how a model was loaded."""
    print("Model loaded successfully!")
    print(f"Model device: {model.device.type}")
    print(f"Model dtype: {model.dtype}")
    if remark := cpu_formats.remark(requested.model_copy(update={"device": effective.device})):
        print(remark)
    print(f"Model quantization: {effective.quantization}")
    if manifest.adapter:
        print(f"Model {manifest.adapter.in_words()}: {effective.adapter}")
    if effective.saved:
        print(f"Weights saved as: {effective.saved}")
    if reason:
        print(f"Not as requested: {reason}", flush=True)


def _once(records: Sequence[Record]) -> list[Record]:
    """Return the first record of each question, as a question may occur more than once."""
    return list({record.question_sha256: record for record in reversed(records)}.values())


def _percent(part: int, whole: int) -> str:
    return f"{part}/{whole} correct = {100 * part / whole:.2f}%"


def _print_questions(test_questions: Sequence[Question], records: Sequence[Record]) -> None:
    """Print each question, its choices and the model's answer."""
    for question, record in zip(test_questions, records, strict=True):
        print(f"\n{question.name}: {question.question}")
        for letter, choice in zip(question.letters, question.choices, strict=True):
            print(f"  {letter}. {choice}")
        verdict = "correct" if record.correct else f"wrong, the answer is {record.gold}"
        text = "" if record.generated is None else f"; it would write {record.generated!r}"
        print(f"  Model's answer: {record.predicted} ({verdict}){text}")
