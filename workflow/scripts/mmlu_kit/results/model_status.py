"""The progress of a study's models: subjects done and in progress, the speed so far, and the time left.

It is read from the files that a run writes as it goes, so asking for it never disturbs a run.
"""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmlu_kit import formatting
from mmlu_kit.evaluation import journal, records
from mmlu_kit.evaluation.records import NotRun, Timing
from mmlu_kit.results import locations
from mmlu_kit.study import Study
from mmlu_kit.user_errors import UserError

# A line that progress.Bar writes into a log.
_LINE = re.compile(r": (\d+) of (\d+) questions, about (\d+) s left$", re.M)


@dataclass(frozen=True)
class RunningSubject:
    """A subject that is being evaluated; `questions` is None if the questions were not fetched yet."""

    subject: str
    answered: int
    questions: int | None
    written_s: float  # seconds since its last batch was scored


@dataclass(frozen=True)
class ModelStatus:
    """One model's progress.

    `subjects`, `done` and `not_run` count subjects. `rate` is in questions per second; `left_s` assumes one job after another.
    `starting` is the share of the measured processes' time in which they started and loaded the model. `questions`, `rate`,
    `left_s` and `starting` are None where they are not known, and `unknown` says why `left_s` is not. `unreadable` has a line
    for each file of another version of the kit and each damaged one; their subjects are not done.
    """

    model: str
    subjects: int
    done: int
    not_run: int
    running: list[RunningSubject]
    unreadable: list[str]
    answered: int
    questions: int | None
    rate: float | None
    left_s: float | None
    unknown: str | None
    starting: float | None

    @property
    def mostly_starts(self) -> bool:
        """Whether several of its jobs are left and such a job takes longer to start than to answer."""
        return self.subjects - self.done - self.not_run > 1 and (self.starting or 0) > 0.5


def question_counts(study: Study, resources: Path) -> dict[str, int | None]:
    """Return the number of test questions of each subject, None where they were not fetched yet."""
    folder = Path(resources) / "subjects" / study.subjects_folder
    # Quotation marks in a question's text are escaped, so this matches nothing but the field `split`.
    mark = b'"split": "test"'
    paths = {subject: folder / f"{subject}.jsonl" for subject in study.subjects}
    return {subject: path.read_bytes().count(mark) if path.is_file() else None for subject, path in paths.items()}


def model_status(study: Study, model: str, results: Path, sizes: Mapping[str, int | None], active: bool) -> ModelStatus:
    """Return one model's status; `sizes` are the subjects' numbers of questions, `active` is whether a run is at work."""
    subjects = [subject for name, subject in study.pairs() if name == model]
    counts = {subject: sizes[subject] for subject in subjects}
    done = not_run = answered = 0
    timings: list[Timing] = []
    waiting: list[str] = []
    running: list[RunningSubject] = []
    unreadable: list[str] = []
    for subject in subjects:
        folder = locations.result_folder(results, model, subject)
        evaluation, timing = (file(folder, model, subject) for file in (locations.evaluation_file, locations.timing_file))
        journal_file = Path(results) / "journals" / model / f"{subject}.jsonl"
        try:
            if evaluation.is_file():
                outcome = records.read_evaluation(evaluation)
                if isinstance(outcome, NotRun):
                    not_run += 1
                    counts[subject] = 0
                    continue
                if folder == Path(results) and timing.is_file():
                    timings.append(Timing.read(timing))
                done += 1
                counts[subject] = outcome.totals.questions
                answered += outcome.totals.questions
                continue
        except (UserError, OSError) as error:
            unreadable.append(str(error))
        waiting.append(subject)
        if journal_file.is_file():
            kept = journal.kept(journal_file)
            answered += kept
            running.append(RunningSubject(subject, kept, sizes[subject], time.time() - journal_file.stat().st_mtime))
    known = [count for count in counts.values() if count is not None]
    questions = sum(known) if len(known) == len(subjects) else None
    rate = _rate(timings) or _rate_so_far(results, study, model, running)
    processes = 1 if model in study.loaded_once and waiting else len(waiting)
    left_s = _left_s(None if questions is None else questions - answered, rate, timings, processes)
    if model in study.imported:
        left_s = 0.0  # importing takes no time worth telling
    return ModelStatus(
        model=model,
        subjects=len(subjects),
        done=done,
        not_run=not_run,
        running=running,
        unreadable=unreadable,
        answered=answered,
        questions=questions,
        rate=rate,
        left_s=left_s,
        unknown=_why_unknown(questions is not None, done, active) if left_s is None else None,
        starting=_starting(timings),
    )


def lines(status: ModelStatus, width: int, with_rate: bool) -> list[str]:
    """Return a model's status as lines, its name padded to `width`."""
    parts = [f"{status.model:{width}}  {status.done} of {status.subjects} subjects"]
    if status.questions:
        parts.append(f"{status.answered} of {status.questions} questions")
    if status.not_run:
        parts.append(f"{status.not_run} not run on this machine")
    if status.rate and with_rate:
        parts.append(f"{status.rate:.3g} questions per second")
    if status.left_s:
        parts.append(f"about {formatting.rounded_duration(status.left_s)} left")
    running = [
        f"{'':{width}}  in progress: {job.subject}, {job.answered} of {job.questions or '?'} questions, "
        f"last written {formatting.rounded_duration(job.written_s)} ago"
        for job in status.running
    ]
    return [", ".join(parts), *running, *unreadable_lines(status.unreadable, width)]


def unreadable_lines(messages: Sequence[str], width: int) -> list[str]:
    """Return a line for the first of the files that cannot be read, with the number of the others; empty if there are none."""
    others = f" (and {formatting.plural(len(messages) - 1, 'other file')})" if len(messages) > 1 else ""
    return [f"{'':{width}}  not counted: {messages[0]}{others}"] if messages else []


def _rate(timings: Sequence[Timing]) -> float | None:
    """Return the questions per second in timing files."""
    timed = [timing for timing in timings if timing.questions_scored and timing.real_s]
    return sum(timing.questions_scored for timing in timed) / sum(timing.real_s for timing in timed) if timed else None


def _rate_so_far(results: Path, study: Study, model: str, running: Sequence[RunningSubject]) -> float | None:
    """Return the questions per second of a running job, from its log."""
    if model in study.loaded_once:
        logs = [Path(results) / "logs/evaluate_together" / f"{model}.log"]
    else:
        logs = [Path(results) / "logs/evaluate" / model / f"{job.subject}.log" for job in running]
    for log in filter(Path.is_file, logs):
        progress = _LINE.findall(log.read_text(encoding="utf-8", errors="replace"))
        if progress and int(progress[-1][2]):
            done, total, left_s = map(int, progress[-1])
            return (total - done) / left_s
    return None


def _left_s(questions: int | None, rate: float | None, timings: Sequence[Timing], processes: int) -> float | None:
    """Return the seconds until `questions` more are answered, with the start and model loading of `processes` processes."""
    if not processes:
        return 0.0
    if not rate or questions is None:
        return None
    starts = [timing.startup_s + timing.load_s for timing in timings]
    return questions / rate + processes * (sum(starts) / len(starts) if starts else 0.0)


def _starting(timings: Sequence[Timing]) -> float | None:
    """Return the share of the time of processes of one subject each that is start and model loading."""
    starts = sum(timing.startup_s + timing.load_s for timing in timings)
    return starts / (starts + sum(timing.real_s for timing in timings)) if starts else None


def _why_unknown(fetched: bool, done: int, active: bool) -> str:
    """Return why the time left is not known: questions that were not fetched, or no measurement on this machine."""
    if not fetched:
        return "questions were not fetched yet"
    measured = "nothing was measured on this machine yet" if done else "nothing has been measured yet"
    return f"{measured} (a run is at work; this takes half a minute)" if active else f"{measured}, and no run is at work here"
