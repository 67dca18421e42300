"""How far a study is: what is done, what is in progress, and how long is left by the rates that were measured.

Read from the files that a run leaves as it goes, so it can be asked at any time and disturbs no run.
"""

import re
import time
from pathlib import Path
from typing import Any

from mmlu_kit import files
from mmlu_kit.evaluation import journal, records
from mmlu_kit.results import archives

# What progress.Bar writes into a log.
_LINE = re.compile(r": (\d+) of (\d+) questions, about (\d+) s left$", re.M)


def of_model(study: dict, model: str, results: Path, questions: dict[str, int | None], now: float) -> dict[str, Any]:
    """A model's `subjects, done, not_run` (numbers of subjects), `running` [{subject, answered, questions, written_s}],
    `answered` and `questions` (None where unknown), `rate` (questions a second) and `left_s` (None where nothing was measured).

    `questions` has the number of each subject's questions, None where they were not fetched; `written_s` is how many seconds
    ago the subject's last batch was scored; `left_s` is of one job after another.
    """
    asked = [subject for name, subject in study.pairs(study) if name == model]
    found: dict[str, Any] = {"model": model, "subjects": len(asked), "done": 0, "not_run": 0, "running": [], "answered": 0}
    numbers = dict(questions)
    timings, left = [], []
    for subject in asked:
        home = archives.home(results, model, subject)
        evaluation, timing = (home / kind / model / f"{subject}.json" for kind in ("evaluations", "timings"))
        kept = Path(results) / "journals" / model / f"{subject}.jsonl"
        if evaluation.is_file():
            outcome = files.read_json(evaluation)
            if not records.was_run(outcome):
                found["not_run"] += 1
                numbers[subject] = 0
                continue
            found["done"] += 1
            numbers[subject] = outcome["totals"]["questions"]
            found["answered"] += numbers[subject]
            if home == Path(results) and timing.is_file():
                timings.append(files.read_json(timing))
            continue
        left.append(subject)
        if kept.is_file():
            answered = journal.kept(kept)
            found["answered"] += answered
            written_s = now - kept.stat().st_mtime
            found["running"].append(
                {"subject": subject, "answered": answered, "questions": questions[subject], "written_s": written_s}
            )
    known = [numbers[subject] for subject in asked]
    found["questions"] = None if None in known else sum(known)
    found["rate"] = _rate(timings) or _rate_so_far(results, study, model, found["running"])
    found["left_s"] = _left(found, timings, 1 if model in study.loaded_once(study) and left else len(left))
    return found


def numbers(study: dict, resources: Path) -> dict[str, int | None]:
    """How many questions each subject has, None where they were not fetched yet."""
    source = study["questions"]
    folder = Path(resources) / "subjects" / f"{source['name']}@{source.get('commit', 'local')}"
    # Quotation marks within a question's text are escaped, so this stands where a question says its split alone.
    mark = '"split": "test"'
    paths = {subject: folder / f"{subject}.jsonl" for _, subject in study.pairs(study)}
    return {
        subject: path.read_text(encoding="utf-8").count(mark) if path.is_file() else None for subject, path in paths.items()
    }


def lines(study: dict, results: Path, resources: Path) -> list[str]:
    """A study's state in lines: each model's, and the whole."""
    now, counts = time.time(), numbers(study, resources)
    models = dict.fromkeys(model for model, _ in study.pairs(study))
    found = [of_model(study, model, results, counts, now) for model in models]
    width = max((len(one["model"]) for one in found), default=0)
    said = [line for one in found for line in _lines(one, width, model_runs=one["model"] not in study.imported(study))]
    done, asked = (sum(one[key] for one in found) for key in ("done", "subjects"))
    said.append(f"{done} of {asked} evaluations are done" + _setups(study, results))
    known = [one["left_s"] for one in found if one["left_s"]]
    unknown = [one["model"] for one in found if one["left_s"] is None]
    if known:
        said.append(f"about {_duration(sum(known))} left for these evaluations, one after another")
    if unknown:
        said.append(f"not known of {', '.join(unknown)}: no subject, nor half a minute of one, was measured yet")
    return said


def _lines(one: dict, width: int, model_runs: bool) -> list[str]:
    parts = [f"{one['model']:{width}}  {one['done']} of {one['subjects']} subjects"]
    if one["questions"]:
        parts.append(f"{one['answered']} of {one['questions']} questions")
    if one["not_run"]:
        parts.append(f"{one['not_run']} not run on this machine")
    if one["rate"] and model_runs:
        parts.append(f"{one['rate']:.3g} questions a second")
    if one["left_s"]:
        parts.append(f"about {_duration(one['left_s'])} left")
    running = [
        f"{'':{width}}  in progress: {job['subject']}, {job['answered']} of {job['questions'] or '?'} questions, "
        f"last written {_duration(job['written_s'])} ago"
        for job in one["running"]
    ]
    return [", ".join(parts), *running]


def _rate(timings: list[dict]) -> float | None:
    """Questions a second, from timing files."""
    timed = [timing for timing in timings if timing["questions_scored"] and timing["real_s"]]
    seconds = sum(timing["real_s"] for timing in timed)
    return sum(timing["questions_scored"] for timing in timed) / seconds if timed else None


def _rate_so_far(results: Path, study: dict, model: str, running: list[dict]) -> float | None:
    """Questions a second of a job that runs, as its log says."""
    together = model in study.loaded_once(study)
    logs = [Path(results) / "logs/evaluate_together" / f"{model}.log"] if together else []
    logs += [Path(results) / "logs/evaluate" / model / f"{job['subject']}.log" for job in running if not together]
    for log in filter(Path.is_file, logs):
        said = _LINE.findall(log.read_text(encoding="utf-8", errors="replace"))
        if said and int(said[-1][2]):
            done, total, left = map(int, said[-1])
            return (total - done) / left
    return None


def _left(found: dict, timings: list[dict], processes: int) -> float | None:
    """Seconds until a model's subjects are done, each process starting and loading once."""
    if not processes:
        return 0.0
    if not found["rate"] or found["questions"] is None:
        return None
    starts = [timing["startup_s"] + timing["load_s"] for timing in timings]
    start = sum(starts) / len(starts) if starts else 0.0
    return (found["questions"] - found["answered"]) / found["rate"] + processes * start


def _setups(study: dict, results: Path) -> str:
    asked = study["timing_setups"]
    if not asked:
        return ""
    there = len(list((Path(results) / "setups").glob("run_*/*.txt")))
    return f", {there} of {asked['repeats'] * len(asked['setups'])} runs of the timing setups"


def _duration(seconds: float) -> str:
    """Seconds in the unit that a person who waits thinks in."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
