"""A study's status: what is done, what is running, and the time left, estimated from the speed so far."""

from pathlib import Path

from mmlu_kit import formatting
from mmlu_kit.results import model_status, part_status, report_steps
from mmlu_kit.study import Study


def lines(study: Study, results: Path, resources: Path, locks: Path) -> list[str]:
    """Return a study's status as lines: models with their running subjects, the other parts, the report, the whole study.

    `locks` is the folder of Snakemake's locks, in which files are while a run is at work.
    """
    sizes, active = model_status.question_counts(study, resources), any(locks.glob("*.lock"))
    names = list(dict.fromkeys(model for model, _ in study.pairs()))
    models = [model_status.model_status(study, model, results, sizes, active) for model in names]
    parts = part_status.parts(study, results)
    width = max(map(len, [*names, *(part.name for part in parts), report_steps.NAME]))
    text = [line for status in models for line in model_status.lines(status, width, status.model not in study.imported)]
    text += [line for part in parts for line in part_status.lines(part, width)]
    readable = not any([*(status.unreadable for status in models), *(part.unreadable for part in parts)])
    text.append(f"{report_steps.NAME:{width}}  {report_steps.in_words(report_steps.steps(study, results), readable)}")
    done, subjects = sum(status.done for status in models), sum(status.subjects for status in models)
    text.append(f"{done} of {subjects} evaluations are done")
    text += [
        f"{status.model}: {status.starting:.0%} of each job is starting and loading the model: `load_once: true` does that once"
        for status in models
        if status.mostly_starts and status.model not in study.loaded_once
    ]
    left_s = sum(status.left_s or 0 for status in models) + sum(part.left_s or 0 for part in parts)
    if left_s:
        text.append(f"about {formatting.rounded_duration(left_s)} left for what was measured, one job after another")
    for reason in dict.fromkeys(status.unknown for status in models if status.unknown):
        unknown = [status.model for status in models if status.unknown == reason]
        text.append(f"time left unknown for {', '.join(unknown)}: {reason}")
    return text
