"""Sentences on the run as a whole: what is missing, what was not run and why, and what ran besides evaluations."""

from collections.abc import Iterable
from dataclasses import dataclass

from mmlu_kit.formatting import cell, plural
from mmlu_kit.report.cells import listed
from mmlu_kit.report.outline import Outline
from mmlu_kit.results.merged import Merged
from mmlu_kit.study import Study
from mmlu_kit.subjects import SUBJECTS

# The parts of a study besides its groups: their names in sentences, and the sections that show them.
PARTS = {
    "baseline": ("baseline", "setup"),
    "timing_setups": ("timing setups", "timing"),
    "chat": ("chat models", "chat"),
    "stability": ("stability measurement", "stability"),
}


@dataclass(frozen=True)
class Skipped:
    """A model that a machine could not run as requested, on some subjects."""

    model: str
    reason: str
    subjects: list[str]


def skipped(merged: Merged, models: Iterable[str]) -> list[Skipped]:
    """Return which of these models could not be run as requested, by model and reason."""
    chosen = set(models)
    subjects: dict[tuple[str, str], list[str]] = {}
    for pair in merged.not_run:
        if pair.model in chosen:
            subjects.setdefault((pair.model, pair.reason), []).append(pair.subject)
    return [Skipped(model, reason, names) for (model, reason), names in subjects.items()]


def not_run(skipped: Iterable[Skipped]) -> list[str]:
    """Return a sentence for each model and reason."""
    return [f"**{entry.model}** was not run on {plural(len(entry.subjects), 'subject')}: {entry.reason}." for entry in skipped]


def task(study: Study) -> str:
    """Say what the models do; MMLU is named if all subjects are its own."""
    mmlu = " in the form of [Massive Multitask Language Understanding (MMLU)](https://arxiv.org/abs/2009.03300)"
    return f"Language models answer multiple-choice questions{mmlu if set(study.subjects) <= set(SUBJECTS) else ''}."


def part_of_study(study: Study) -> str | None:
    """Say which part of the study was run; None for all of it."""
    return f"only {' and '.join(study.only)} of study `{study.name}` was run." if study.only else None


def not_run_here(merged: Merged) -> str | None:
    """Say what the machine could not run and how to try again; None if it could run everything."""
    models = [
        f"{entry.model} ({plural(len(entry.subjects), 'subject')}: {entry.reason})"
        for entry in skipped(merged, merged.study.models)
    ]
    retry = f"Run `make retry STUDY={merged.study.name}` on a machine that can run them."
    return f"{'; '.join(models)}. {retry}" if models else None


def not_complete(merged: Merged) -> str | None:
    """Say which evaluations are missing; None if none is."""
    if not merged.missing:
        return None
    missing = len(merged.missing)
    pairs = listed(f"{pair.model} on {pair.subject}" for pair in merged.missing)
    total = missing + len(merged.not_run) + len(merged.results)
    return f"{missing} of {total} evaluations are missing and not included in any number below: {pairs}."


def left_out(study: Study) -> str | None:
    """Say which subjects are left out and why; None if none is."""
    if not study.left_out:
        return None
    subjects = plural(len(study.subjects), "subject")
    reasons = "; ".join(cell(line) for line in study.left_out_in_words)
    total = len(study.subjects) + len(study.left_out)
    return f"the study asks all {total} subjects, and the question set has {subjects} whole. {reasons}."


def limited(study: Study) -> str | None:
    """Say how many questions of each subject are asked; None for all."""
    if not study.limit:
        return None
    if study.limit == 1:
        return "only the first question of each subject is asked."
    return f"only the first {study.limit:,} questions of each subject are asked."


def absent(study: Study, part: str) -> str:
    """Say why the report has no results of a part of the study."""
    name, _ = PARTS[part]
    if getattr(study, part):
        return f"There is no result of the study's {name}."
    # If only a part was run, it is not known whether the whole study has this part.
    return f"The part of the study that was run has no {name}." if study.only else f"This study has no {name}."


def other_parts(merged: Merged, outline: Outline) -> str | None:
    """Say what ran besides evaluations, and where the report shows it; None if nothing did."""
    ran = {
        "timing_setups": merged.setups and merged.setups.configurations,
        "chat": merged.chat and merged.chat.models,
        "stability": merged.stability,
    }
    parts = [f"{PARTS[part][0]} ({outline.place(PARTS[part][1])})" for part, results in ran.items() if results]
    return f"What ran: {listed(parts)}." if parts else None
