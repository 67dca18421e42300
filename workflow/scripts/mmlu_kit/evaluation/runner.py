"""Evaluation of a loaded model on one subject after another: prompts, scores, and the files of each subject."""

import itertools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from pydantic import TypeAdapter

from mmlu_kit import progress, sources
from mmlu_kit.evaluation import answer_parser, encoding, records, scoring
from mmlu_kit.evaluation.answers import Record
from mmlu_kit.evaluation.journal import Journal, journal_key
from mmlu_kit.evaluation.manner import Packing
from mmlu_kit.evaluation.process import Job
from mmlu_kit.evaluation.records import Evaluation, NotRun, Timing
from mmlu_kit.inputs import questions
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.inputs.questions import Question
from mmlu_kit.models import batch_size, loading, positions, tokenizers, transformers_model
from mmlu_kit.models.loading import Loaded
from mmlu_kit.settings import SETTINGS, Effective, Split
from mmlu_kit.timing import gpu, machine, phase_timer
from mmlu_kit.timing.phase_timer import PhaseTimer
from mmlu_kit.user_errors import UserError

_RECORDS = TypeAdapter(list[Record])


class Runner:
    """Evaluates a loaded model; `timer` is the timer of the whole process."""

    def __init__(self, job: Job, manifest: Manifest, loaded: Loaded, tokenizer: Any, timer: PhaseTimer) -> None:
        assert loaded.model is not None and loaded.effective is not None
        self.name, self.requested, self.outputs, self.process = job.name, job.requested, job.outputs, job.process
        self.manifest, self.timer = manifest, timer
        self.model, self.tokenizer = loaded.model, tokenizer
        self.effective: Effective = loaded.effective
        self.reason = loaded.reason
        self.device = self.model.device.type
        self.tokens_per_batch = batch_size.tokens_per_batch(self.model, job.requested.tokens_per_batch)
        self.machine = machine.describe(torch, job.record_host)
        self.journals: list[Journal] = []
        self.printed: dict[str, Sequence[str]] = {}
        if self.device == "cuda":
            timer.watch_gpu(torch.cuda)
        self.start = timer.end_start()

    def run(self, subject: str, subject_questions: Sequence[Question]) -> list[Record]:
        """Evaluate one subject, write its files, and return its records; `subject_questions` include the dev split.

        A question that cannot be scored raises UserError.
        """
        started, meter = phase_timer.now(), gpu.Meter(torch, self.device)
        try:
            prompts = self._prompts(subject_questions)
            journal = self._journal(subject, prompts) if self.outputs.journals else None
            scored, packing, new = self._score(subject, prompts, journal)
            self._print_once("Batches", [packing.in_words()])
            if prompts[0].conversation:
                self._print_once("Note", prompts[0].conversation.notes())
        except UserError:
            self.timer.end_subject()  # so that its time is not counted for the next subject
            raise
        if self.outputs.evaluations:
            with self.timer.phase("write"):
                evaluation = self._evaluation(subject, prompts, scored, packing)
                evaluation.write(self.outputs.evaluations / f"{subject}.json")
        phases, gpu_use = self.timer.end_subject(), meter.read()
        if self.outputs.timings:
            timing = Timing(
                model=self.name,
                subject=subject,
                questions_scored=new,
                resumed=new < len(scored),
                tokens_per_batch=self.tokens_per_batch,
                process=self.process,
                threads=torch.get_num_threads(),
                process_started=self.timer.process_started,
                started=started,
                peak_rss_bytes=phase_timer.peak_rss_bytes(),
                machine=self.machine,
                **dict(self.start),
                **dict(phases),
                **dict(gpu_use),
            )
            timing.write(self.outputs.timings / f"{subject}.json")
        return scored

    def finish(self) -> None:
        """Delete the journals when all subjects are done, not earlier: Snakemake deletes the outputs of a job that fails."""
        for journal in self.journals:
            journal.remove()

    def _print_once(self, heading: str, texts: Sequence[str]) -> None:
        """Print lines unless those under this heading were the same for the subject before."""
        if texts != self.printed.get(heading):
            print("".join(f"{heading}: {text}\n" for text in texts), end="", flush=True)
        self.printed[heading] = texts

    def _prompts(self, subject_questions: Sequence[Question]) -> list[encoding.Prompt]:
        """The prompts of a subject's test questions."""
        with self.timer.phase("tokenize"):
            prompts = encoding.prepare(
                questions.split(subject_questions, Split.TEST),
                questions.examples(subject_questions, self.requested.examples),
                self.requested,
                self.tokenizer,
                positions.context_length(self.model),
            )
            ids = itertools.chain.from_iterable(prompt.token_ids for prompt in prompts)
            transformers_model.check_tokens(self.model, self.tokenizer, ids)
            return prompts

    def _journal(self, subject: str, prompts: Sequence[encoding.Prompt]) -> Journal:
        """Open the subject's journal, keyed by everything that can change a score."""
        assert self.outputs.journals is not None
        settings = [getattr(self.effective, name) for name in SETTINGS]
        key = journal_key(
            self.manifest.hashes,
            [f"{prompt.question.sha256} {prompt.sha256}" for prompt in prompts],
            [
                *settings,
                self.tokens_per_batch,
                self.requested.max_new_tokens,
                self.requested.ranked_by,
                self.requested.orders,
                torch.get_num_threads(),
            ],
            machine.device_class(torch, self.device),
            machine.packages(adapter=self.manifest.adapter is not None),
            [path for module in (scoring, loading, tokenizers) for path in sources.sources(Path(str(module.__file__)))],
        )
        self.journals.append(Journal(self.outputs.journals / f"{subject}.jsonl", key))
        return self.journals[-1]

    def _evaluation(
        self, subject: str, prompts: Sequence[encoding.Prompt], scored: Sequence[Record], packing: Packing
    ) -> Evaluation:
        """The evaluation with these records."""
        return records.evaluation(
            self.name,
            self.manifest,
            self.requested,
            self.effective,
            self.reason,
            subject,
            scored,
            packing,
            prompts[0].conversation,
        )

    def _kept(self, subject: str, prompts: Sequence[encoding.Prompt], journal: Journal) -> dict[int, list[Record]]:
        """The records in a journal, by batch; those that contradict themselves or are not of these prompts are dropped."""
        origins = {}
        for prompt in prompts:
            question = prompt.question
            origins[question.index] = question.sha256, question.answer, prompt.sha256, len(prompt.ids), prompt.examples

        in_thought = prompts[0].conversation is not None and prompts[0].conversation.open_thought

        def check(number: int, entries: list[dict[str, Any]]) -> list[Record]:
            batch = _RECORDS.validate_python(entries, strict=True)
            for record in batch:
                origin = record.question_sha256, record.gold, record.prompt_sha256, record.prompt_tokens, record.examples
                if record.subject != subject or origin != origins.get(record.index):
                    raise ValueError(f"its question {record.index} is not this subject's")
                if problem := records.protocol_contradiction(record, self.requested):
                    raise ValueError(f"its question {record.index}: {problem}")
                text = record.generated
                if text is not None and record.parsed != answer_parser.parse(text, record.letters, in_thought):
                    raise ValueError(f"its question {record.index} has another letter than its text")
            return batch

        kept = journal.checked(check)
        journal.print_dropped()
        return kept

    def _score(
        self, subject: str, prompts: Sequence[encoding.Prompt], journal: Journal | None
    ) -> tuple[list[Record], Packing, int]:
        """Return the records of all prompts, how many were packed, and the number of new ones; others are in `journal`."""
        kept = self._kept(subject, prompts, journal) if journal else {}
        new = 0
        with progress.Bar(f"{self.name} {subject}", len(prompts) - sum(map(len, kept.values()))) as bar:

            def done(number: int, batch: list[Record]) -> None:
                nonlocal new
                new += len(batch)
                if journal:
                    with self.timer.phase("write"):
                        journal.append(number, [record.plain() for record in batch])
                bar.advance(len(batch))

            scored, packing = scoring.score(
                self.model,
                self.tokenizer,
                prompts,
                self.tokens_per_batch,
                self.requested,
                kept,
                done,
                self.timer.phase,
            )
        return scored, packing, new


def write_not_run(job: Job, reason: str, subjects: Sequence[str]) -> None:
    """Write a "not run" placeholder in place of every result."""
    for folder in filter(None, (job.outputs.evaluations, job.outputs.timings)):
        for subject in subjects:
            not_run = NotRun(model=job.name, requested=job.requested, reason=reason, subject=subject)
            not_run.write(folder / f"{subject}.json")
