"""The main tables as files: CSV with shares as fractions for programs, LaTeX with percentages for papers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas

from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.report import leaderboard
from mmlu_kit.report.cells import NOT_KNOWN
from mmlu_kit.results import summaries
from mmlu_kit.results.merged import Merged
from mmlu_kit.study import Group
from mmlu_kit.terminal_text import visible

FORMATS = ("csv", "tex")
LEADERBOARD, PAIRS = "leaderboard", "pairs"

_NEEDS = "% needs \\usepackage{booktabs}\n"


@dataclass(frozen=True)
class Table:
    """A table for programs, and the same for a paper."""

    data: pandas.DataFrame
    text: pandas.DataFrame

    def csv(self) -> str:
        """Return the data as CSV; what is not known is empty."""
        return self.data.to_csv(index=False, lineterminator="\n")

    def latex(self) -> str:
        """Return the text as a LaTeX tabular, with all special characters escaped."""
        return _NEEDS + self.text.to_latex(index=False, escape=True)


def tables(merged: Merged, analysis: AnalysisFile) -> dict[str, Table]:
    """Return the tables by the names of their files; one without rows is left out."""
    groups = {f"{group.name}_accuracies": _accuracies(merged, group) for group in merged.study.groups}
    every = {LEADERBOARD: _leaderboard(merged), **groups, PAIRS: _pairs(analysis)}
    return {name: table for name, table in every.items() if len(table.data)}


def _leaderboard(merged: Merged) -> Table:
    rows, texts = [], []
    for entry in leaderboard.entries(merged):
        summary = entry.summary
        rows.append(
            {
                "model": summary.model,
                "parameters": entry.parameters,
                "questions": summary.questions,
                "correct": summary.correct,
                "accuracy": summary.accuracy,
                "low": summary.accuracy_low,
                "high": summary.accuracy_high,
                "guessing": summary.guessing,
                "accuracy_generated": summary.accuracy_generated,
                "readable": entry.readable,
                "protocol": entry.summary.protocol and visible(entry.summary.protocol),
                "precision": entry.precision,
                "ran_as": entry.ran_as,
                "seconds_a_question": entry.seconds_a_question,
            }
        )
        texts.append(
            {
                "Model": summary.model,
                "Questions": f"{summary.questions:,}",
                "Accuracy, %": _percent(summary.accuracy),
                "95% interval": _ends(summary.accuracy_low, summary.accuracy_high),
                "Readable, %": NOT_KNOWN if entry.readable is None else _percent(entry.readable),
                "Asked as": visible(summary.protocol or NOT_KNOWN),
                "Precision": entry.precision or NOT_KNOWN,
            }
        )
    return _table(rows, texts)


def _accuracies(merged: Merged, group: Group) -> Table:
    """Return a row for each subject and model for programs, and for papers one for each subject, with a column a model."""
    rows, texts = [], []
    for subject in merged.study.subjects:
        results = [summaries.summarize(merged, model, [subject]) for model in group.models]
        known = [summary for summary in results if summary]
        rows += [
            {
                "subject": subject,
                "model": summary.model,
                "questions": summary.questions,
                "correct": summary.correct,
                "accuracy": summary.accuracy,
                "low": summary.accuracy_low,
                "high": summary.accuracy_high,
                "accuracy_generated": summary.accuracy_generated,
            }
            for summary in known
        ]
        cells = {one.model: f"{_percent(one.accuracy)} ({_ends(one.accuracy_low, one.accuracy_high)})" for one in known}
        if known:
            texts.append({"Subject": subject, **{model: cells.get(model, NOT_KNOWN) for model in group.models}})
    return _table(rows, texts)


def _pairs(analysis: AnalysisFile) -> Table:
    rows, texts = [], []
    for pair in analysis.pairs:
        first, second = pair.models
        low, high, test = pair.difference.low, pair.difference.high, pair.mcnemar
        rows.append(
            {
                "first": first,
                "second": second,
                "questions": pair.questions,
                "only_first": test.only_first,
                "only_second": test.only_second,
                "difference": pair.difference.difference,
                "low": low,
                "high": high,
                "p": test.p,
                "p_holm": test.p_holm,
                "p_by_subjects": pair.clustered and pair.clustered.p,
                "p_by_subjects_holm": pair.clustered and pair.clustered.p_holm,
                "kappa": pair.kappa,
            }
        )
        texts.append(
            {
                "First": first,
                "Second": second,
                "Questions": f"{pair.questions:,}",
                "Difference, points": _percent(pair.difference.difference),
                "95% interval": _ends(low, high),
                "p (McNemar)": f"{test.p:.2g}",
                "p (Holm)": f"{test.p_holm:.2g}",
            }
        )
    return _table(rows, texts)


def _table(rows: Sequence[Mapping[str, object]], texts: Sequence[Mapping[str, str]]) -> Table:
    return Table(pandas.DataFrame(rows), pandas.DataFrame(texts))


def _percent(share: float) -> str:
    return f"{100 * share:z.1f}"


def _ends(low: float, high: float) -> str:
    return f"{_percent(low)} to {_percent(high)}"
