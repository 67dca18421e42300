"""What a successful run prints at its end: the models' accuracies, and where to look next."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from mmlu_kit import settings
from mmlu_kit.evaluation.answers import Totals
from mmlu_kit.formatting import columns, percent, plural
from mmlu_kit.results.merged import Merged
from mmlu_kit.results.protocols import protocol
from mmlu_kit.statistics.intervals import wilson
from mmlu_kit.terminal_text import visible
from mmlu_kit.user_errors import UserError

_HEADS = ("Model", "Questions", "Accuracy", "95% interval", "Asked for", "")
_ASKED = 4  # the column that is left out if all models are asked in the same way


def show(workflow: Any, results: Path) -> None:
    """Print the ending of a run of Snakemake's `workflow`; `results` is the study's folder."""
    _print(workflow, lines(results, target_files(workflow)))


def show_report(workflow: Any, results: Path) -> None:
    """Print where the report is, for a run that had nothing to do."""
    _print(workflow, report_line(results, target_files(workflow)))


def _print(workflow: Any, text: Iterable[str]) -> None:
    """Print lines unless `--quiet all` hides everything."""
    if "ALL" not in {value.name for value in workflow.output_settings.quiet or ()}:
        for line in text:
            print(visible(line), flush=True)


def lines(results: Path, targets: Iterable[str]) -> list[str]:
    """Return the lines; `results` is the study's folder, `targets` are the `target_files` of the run.

    Empty if the run was not meant to reach merged.json, which may then be missing or old.
    """
    targets = list(targets)
    if str(results / "merged.json") not in targets:
        return []
    from mmlu_kit.results import study_results  # it imports pandas, for which no start of Snakemake should wait

    try:
        return text(study_results.checked_folder(results, Path("resources")).merged, results, targets)
    except UserError as error:
        return [str(error)]


def text(merged: Merged, results: Path, targets: Iterable[str]) -> list[str]:
    """Return the lines for merged.json; the parameters are as in `lines`."""
    targets = list(targets)
    name = merged.study.name
    part = f", only {', '.join(merged.study.only)}" if merged.study.only else ""
    ending = [""]
    if merged.results or merged.not_run:
        asked = [model.prompt for model in merged.study.run.values()]
        best = "answer" if any(prompt.preset.is_cloze for prompt in asked) else "letter"
        ending += [f"Accuracy by the best {best}, study {name}{part}:", "", *table(merged), ""]
    ending += report_line(results, targets)
    if merged.results:
        ending.append(f"Every answer: {results}/questions.csv")
    if merged.not_run:
        ending.append(f"To run what was skipped, on a machine that can: make retry STUDY={name}")
    if merged.missing:
        total = len(merged.missing) + len(merged.not_run) + len(merged.results)
        ending.append(f"{len(merged.missing)} of {total} evaluations are missing: make report STUDY={name} runs them")
    return ending


def report_line(results: Path, targets: Iterable[str]) -> list[str]:
    """Return where the report is, as a line; no line if the run was not meant to reach it or there is none."""
    path = results / "report.html"
    return [f"The report: {path}"] if str(path) in targets and path.is_file() else []


def target_files(workflow: Any) -> list[str]:
    """Return the files that a run was meant to reach: the output and input of its last jobs, in Snakemake's workflow."""
    return [str(path) for job in workflow.dag.targetjobs for path in (*job.output, *job.input)]


def table(merged: Merged) -> list[str]:
    """Return a table of the models' accuracies over all their questions, with a row for guessing.

    How models are asked is a column if they differ in it.
    """
    ran = merged.order()
    rows = [_row(merged, model) for model in [*ran, *(model for model in _evaluated(merged) if model not in ran)]]
    if ran:
        rows.append(("(guessing)", "", _guessing(merged, ran), "", "", ""))
    table = [_HEADS, *rows]
    if len({row[_ASKED] for row in rows} - {""}) < 2:
        table = [(*row[:_ASKED], *row[_ASKED + 1 :]) for row in table]
    return columns(table, numbers=(1, 2, 3))


def _evaluated(merged: Merged) -> list[str]:
    """The models that the study evaluates; other models only chat or are only timed."""
    return list(dict.fromkeys(model for model, _ in merged.study.pairs()))


def _counts(merged: Merged, model: str) -> Totals:
    return merged.counted(result for result in merged.results if result.model == model)


def _guessing(merged: Merged, models: Iterable[str]) -> str:
    """The accuracy of guessing, from the lowest to the highest if models answered questions with other numbers of choices."""
    counts = [_counts(merged, model) for model in models]
    shares = sorted(each.guessed / each.questions for each in counts)
    return " to ".join(dict.fromkeys(percent(share) for share in (shares[0], shares[-1])))


def _row(merged: Merged, model: str) -> Sequence[str]:
    counts, entry = _counts(merged, model), merged.study.run.get(model)
    questions, correct = counts.questions, counts.correct
    asked, notes = protocol(entry.prompt) if entry else "", "; ".join(_notes(merged, model))
    if not questions:
        return model, "", "", "", asked, notes
    low, high = wilson(correct, questions)
    return model, str(questions), percent(correct / questions), f"{percent(low)} to {percent(high)}", asked, notes


def _notes(merged: Merged, model: str) -> Iterable[str]:
    """What a reader of a model's row must know: how it ran, and what is not in the numbers."""
    entry = merged.models.get(model)  # None without results
    if entry and not entry.effective:
        counts = _counts(merged, model)
        unread = counts.questions - (counts.parsed or 0)
        yield f"answers imported, {unread:,} of them unreadable" if unread else "answers imported"
    if entry and entry.requested and entry.effective and settings.differences(entry.requested, entry.effective):
        yield f"ran as {settings.in_words(entry.effective)}" + (f" ({entry.reason})" if entry.reason else "")
    reasons = [pair.reason for pair in merged.not_run if pair.model == model]
    for reason in dict.fromkeys(reasons):
        where = f" on {plural(reasons.count(reason), 'subject')}" if entry else ""
        yield f"not run{where}: {reason}"
    missing = sum(pair.model == model for pair in merged.missing)
    if missing:
        yield f"{plural(missing, 'subject')} missing"
