"""Show what differs between two runs: settings, machines and versions, models, questions, answers and times.

The runs agree if the same models gave the same answers to the same questions. The exit status is 0 if they agree, 1 if they
differ, and 2 if they cannot be compared.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from mmlu_kit.cli.json_output import print_json
from mmlu_kit.formatting import columns, duration, p_value, percent, plural
from mmlu_kit.provenance.diff_document import AnswerChange, Change, RunDiff
from mmlu_kit.report.cells import points, points_range
from mmlu_kit.statistics import ALPHA

EXAMPLE = "mmlu-kit diff results/demo laptop/results/demo"
EPILOG = (
    "Settings, machines and times are shown, but do not make results differ. Each model's two accuracies are compared "
    "by the exact McNemar test, corrected by Holm's method for the number of models."
)
_LINES, _WIDTH = 6, 40  # of each kind, so that everything fits on a screen


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("a", type=Path, metavar="FOLDER_A", help="a study's results: results/<study>")
    add("b", type=Path, metavar="FOLDER_B", help="those of another run")
    add("--json", action="store_true", help="print all differences as one JSON document")


def run(args: argparse.Namespace) -> None:
    from mmlu_kit.provenance import run_diff  # it imports scipy, for which help and completion should not wait

    difference = run_diff.diff(run_diff.read(args.a), run_diff.read(args.b))
    if args.json:
        print_json(difference)
    else:
        print("\n".join(_lines(difference)))
    sys.exit(0 if difference.agree else 1)


def _lines(difference: RunDiff) -> list[str]:
    parts = {
        "settings": difference.settings,
        "machines and versions": difference.machines,
        "models": difference.models,
        "questions": difference.questions,
    }
    lines = [f"a  {difference.a}", f"b  {difference.b}", "", _headline(difference)]
    for title, changes in parts.items():
        if changes:
            lines += ["", title, *_changes(changes)]
    same = [title for title, changes in parts.items() if not changes]
    if same:
        lines += ["", f"the same: {', '.join(same)}"]
    return [*lines, "", *_answers(difference), "", *_times(difference)]


def _headline(difference: RunDiff) -> str:
    answers = difference.answers
    number, changed = sum(change.questions for change in answers), [change for change in answers if not change.is_none]
    if difference.agree:
        steps = [change.logprob for change in answers if change.logprob]
        exact = f"; log-probabilities differ by at most {max(steps):.2g} nats" if steps else ""
        return f"The results agree: all {plural(number, 'answer')} of {plural(len(answers), 'model')} are the same{exact}."
    if not changed:
        return f"The results differ: not the same models and questions; the {plural(number, 'answer')} of both are the same."
    flipped = sum(change.flipped for change in answers)
    significant = [change.model for change in answers if change.p is not None and change.p < ALPHA]
    text = "no difference in accuracy is more than chance"
    if significant:
        text = f"more than chance: {', '.join(significant)}"
    return f"The results differ: {flipped} of {plural(number, 'best answer')} flipped; {text} (p < {ALPHA:g}, corrected)."


def _changes(changes: Sequence[Change]) -> list[str]:
    table = [[f"  {change.name}", _short(change.a), "→", _short(change.b)] for change in changes[:_LINES]]
    rest = len(changes) - _LINES
    return [*columns(table), *([f"  … and {rest} more, which --json prints"] if rest > 0 else [])]


def _short(text: str | None) -> str:
    if text is None:
        return "—"
    return text if len(text) <= _WIDTH else f"{text[: _WIDTH - 1]}…"


def _answers(difference: RunDiff) -> list[str]:
    rows = [["answers", "n", "a", "b", "b - a (95% interval)", "flipped", "to wrong", "to right", "McNemar"]]
    return columns([*rows, *map(_answer_row, difference.answers)], numbers=range(1, 4))


def _answer_row(change: AnswerChange) -> list[str]:
    accuracies = [percent(right / change.questions) for right in (change.a_right, change.b_right)]
    interval = f"{points(change.difference)} ({points_range(change.low, change.high)})" if change.flipped else "—"
    numbers = [str(number) for number in (change.flipped, change.right_to_wrong, change.wrong_to_right)]
    return [f"  {change.model}", str(change.questions), *accuracies, interval, *numbers, p_value(change.p)]


def _times(difference: RunDiff) -> list[str]:
    rows = [["times", "a", "b", ""]]
    for time in difference.times:
        note = "" if time.alike else "not of machines that are alike"
        rows.append([f"  {time.model}", duration(time.a_s), duration(time.b_s), note])
    return columns(rows, numbers=(1, 2))
