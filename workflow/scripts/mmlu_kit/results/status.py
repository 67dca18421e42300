"""A study's progress: what is done, what is running, and the time left, estimated from the speed so far.

It is read from the files that a run writes as it goes, so asking for it never disturbs a run.
"""

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from mmlu_kit.evaluation import journal, records
from mmlu_kit.evaluation.records import NotRun, Timing
from mmlu_kit.results import locations
from mmlu_kit.study import Study

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
    `starting` is the share of the measured processes' time in which they started and loaded the model.
    `questions`, `rate`, `left_s` and `starting` are None where they are not known.
    """

    model: str
    subjects: int
    done: int
    not_run: int
    running: list[RunningSubject]
    answered: int
    questions: int | None
    rate: float | None
    left_s: float | None
    starting: float | None


def lines(study: Study, results: Path, resources: Path) -> list[str]:
    """Return a study's status as lines: one for each model, each running subject, and the study as a whole."""
    now, sizes = time.time(), question_counts(study, resources)
    models = [model_status(study, model, results, sizes, now) for model in dict.fromkeys(model for model, _ in study.pairs())]
    width = max((len(status.model) for status in models), default=0)
    text = [line for status in models for line in _model_lines(status, width, with_rate=status.model not in study.imported)]
    done, subjects = sum(status.done for status in models), sum(status.subjects for status in models)
    text.append(f"{done} of {subjects} evaluations are done" + _setups(study, results))
    text += [_load_once(status) for status in models if status.model not in study.loaded_once and _mostly_starts(status)]
    left_s = sum(status.left_s or 0 for status in models)
    unknown = [status.model for status in models if status.left_s is None]
    if left_s:
        text.append(f"about {_duration(left_s)} left for these evaluations, one after another")
    if unknown:
        text.append(f"time left unknown for {', '.join(unknown)}: nothing has been measured yet (this takes half a minute)")
    return text


def question_counts(study: Study, resources: Path) -> dict[str, int | None]:
    """Return the number of test questions of each subject, None where they were not fetched yet."""
    folder = Path(resources) / "subjects" / study.subjects_folder
    # Quotation marks in a question's text are escaped, so this matches nothing but the field `split`.
    mark = '"split": "test"'
    paths = {subject: folder / f"{subject}.jsonl" for _, subject in study.pairs()}
    return {
        subject: path.read_text(encoding="utf-8").count(mark) if path.is_file() else None for subject, path in paths.items()
    }


def model_status(study: Study, model: str, results: Path, sizes: Mapping[str, int | None], now: float) -> ModelStatus:
    """Return one model's status; `sizes` are the subjects' numbers of questions, `now` is in seconds since the epoch."""
    subjects = [subject for name, subject in study.pairs() if name == model]
    counts = {subject: sizes[subject] for subject in subjects}
    done = not_run = answered = 0
    timings: list[Timing] = []
    waiting: list[str] = []
    running: list[RunningSubject] = []
    for subject in subjects:
        folder = locations.result_folder(results, model, subject)
        evaluation, timing = (file(folder, model, subject) for file in (locations.evaluation_file, locations.timing_file))
        journal_file = Path(results) / "journals" / model / f"{subject}.jsonl"
        if evaluation.is_file():
            outcome = records.read_evaluation(evaluation)
            if isinstance(outcome, NotRun):
                not_run += 1
                counts[subject] = 0
                continue
            done += 1
            counts[subject] = outcome.totals.questions
            answered += outcome.totals.questions
            if folder == Path(results) and timing.is_file():
                timings.append(Timing.read(timing))
            continue
        waiting.append(subject)
        if journal_file.is_file():
            kept = journal.kept(journal_file)
            answered += kept
            running.append(RunningSubject(subject, kept, sizes[subject], now - journal_file.stat().st_mtime))
    known = [count for count in counts.values() if count is not None]
    questions = sum(known) if len(known) == len(subjects) else None
    rate = _rate(timings) or _rate_so_far(results, study, model, running)
    processes = 1 if model in study.loaded_once and waiting else len(waiting)
    return ModelStatus(
        model=model,
        subjects=len(subjects),
        done=done,
        not_run=not_run,
        running=running,
        answered=answered,
        questions=questions,
        rate=rate,
        left_s=_left_s(None if questions is None else questions - answered, rate, timings, processes),
        starting=_starting(timings),
    )


def _model_lines(status: ModelStatus, width: int, with_rate: bool) -> list[str]:
    parts = [f"{status.model:{width}}  {status.done} of {status.subjects} subjects"]
    if status.questions:
        parts.append(f"{status.answered} of {status.questions} questions")
    if status.not_run:
        parts.append(f"{status.not_run} not run on this machine")
    if status.rate and with_rate:
        parts.append(f"{status.rate:.3g} questions per second")
    if status.left_s:
        parts.append(f"about {_duration(status.left_s)} left")
    running = [
        f"{'':{width}}  in progress: {job.subject}, {job.answered} of {job.questions or '?'} questions, "
        f"last written {_duration(job.written_s)} ago"
        for job in status.running
    ]
    return [", ".join(parts), *running]


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


def _mostly_starts(status: ModelStatus) -> bool:
    """Whether several jobs of a model are left that take longer to start than to answer."""
    return status.subjects - status.done - status.not_run > 1 and (status.starting or 0) > 0.5


def _load_once(status: ModelStatus) -> str:
    return (
        f"{status.model}: {status.starting:.0%} of each job is starting and loading the model: `load_once: true` does that once"
    )


def _setups(study: Study, results: Path) -> str:
    setups = study.timing_setups
    if not setups:
        return ""
    done = len(list((Path(results) / "setups").glob("run_*/*.txt")))
    return f", {done} of {setups.repeats * len(setups.setups)} runs of the timing setups"


def _duration(seconds: float) -> str:
    """Format seconds for people: in seconds, minutes or hours."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
