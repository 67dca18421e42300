"""The summary's findings, in at most five sentences: the numbers choose which are said."""

from collections.abc import Mapping, Sequence

from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.pair_document import PairAnalysis
from mmlu_kit.analysis.protocol_document import ReadBy
from mmlu_kit.formatting import p_value, percent, plural
from mmlu_kit.report.cells import interval, listed, points, points_range
from mmlu_kit.report.sentences import findings, precision, protocols, size, study
from mmlu_kit.report.sentences.findings import MOST_NAMED
from mmlu_kit.results.merged import Merged
from mmlu_kit.results.summaries import Summary
from mmlu_kit.statistics import ALPHA

MOST_SENTENCES = 5


def headlines(ranked: Sequence[Summary], merged: Merged, analysis: AnalysisFile, labels: Mapping[str, str]) -> list[str]:
    """Return the findings, the most important first; `ranked` are the models in order of accuracy, `labels` are by model."""
    knowledge = findings.knowledge(analysis) if analysis.models else {}
    doubts = [sentence for kind, sentence in knowledge.items() if kind != "better" or len(ranked) == 1]
    sentences = [
        _best(ranked, analysis),
        _pairs(analysis, labels),
        *doubts,
        _not_run(merged),
        protocols.in_short(analysis.protocols.families, labels) if analysis.protocols else None,
        _precision(analysis, labels),
    ]
    return [sentence for sentence in sentences if sentence][:MOST_SENTENCES]


def _best(ranked: Sequence[Summary], analysis: AnalysisFile) -> str | None:
    """Say which model is right most often, and whether a test shows its lead over the next.

    Models that nearly always give the same answer take no part; None if there is no other.
    """
    constant = {model.model for model in analysis.models if model.always}
    ranked = [summary for summary in ranked if summary.model not in constant]
    if not ranked:
        return None
    first = ranked[0]
    if len(ranked) == 1:
        ends = interval(first.accuracy_low, first.accuracy_high)
        right = f"{percent(first.accuracy)} of {plural(first.questions, 'question')}"
        return f"**{first.label} is right on {right}** (95% interval {ends})."
    tied = [summary for summary in ranked if summary.accuracy == first.accuracy]
    if len(tied) > 1:
        who = listed(summary.label for summary in tied) if len(tied) <= MOST_NAMED else f"{len(tied)} models"
        beginning, lead = f"**{who} are right most often**, on {percent(first.accuracy)} each", "their lead"
    else:
        beginning, lead = f"**{first.label} is right most often**, on {percent(first.accuracy)}", "its lead"
    others = [summary for summary in ranked if summary not in tied]
    return f"{beginning}; {_lead(tied, others[0], lead, analysis)}." if others else f"{beginning}."


def _lead(tied: Sequence[Summary], follower: Summary, lead: str, analysis: AnalysisFile) -> str:
    """Say whether a lead over the next model is shown: by the first of the paired tests that the analysis has."""
    over = f"{follower.label} ({percent(follower.accuracy)})"
    for leader in tied:
        difference, p = _paired(leader, follower, analysis)
        if p is None:
            continue
        if p >= ALPHA:
            return f"{lead} over {over} is not shown ({p_value(p)})"
        if difference < 0:
            return f"but on the questions that every model answered, {over} is better ({p_value(p)})"
        return f"{lead} of {points(difference)} over {over} is shown ({p_value(p)})"
    return f"{lead} over {over} was not tested"


def _paired(leader: Summary, follower: Summary, analysis: AnalysisFile) -> tuple[float, float | None]:
    """Return how far a model is ahead of another, and the corrected p-value of their paired test if there is one: two models
    of the same weights are tested as two ways of asking."""
    step = size.step(follower, leader, analysis)
    if step.p is None and analysis.protocols:
        for pair in (pair for family in analysis.protocols.families for pair in family.pairs):
            first, second = pair.readings
            models = (first.model, second.model)
            if {first.read_by, second.read_by} == {ReadBy.BEST} and set(models) == {leader.model, follower.model}:
                return pair.difference if models[0] == leader.model else -pair.difference, pair.p_holm
    return step.difference, step.p


def _pairs(analysis: AnalysisFile, labels: Mapping[str, str]) -> str | None:
    """Say how many pairs of models differ and which are too close to tell; None for fewer than two pairs, whose test is told
    with the best model."""
    pairs = findings.telling_pairs(analysis)
    if len(pairs) < 2:
        return None
    close = sorted((pair for pair in pairs if pair.test.p_holm >= ALPHA), key=lambda pair: abs(pair.advantage))
    differ = " ".join(findings.better(analysis))
    if not close or len(close) == len(pairs):
        return differ
    return f"{differ.removesuffix('.')}; {_named(close, labels)}."


def _named(close: Sequence[PairAnalysis], labels: Mapping[str, str]) -> str:
    if len(close) > MOST_NAMED:
        return f"the other {len(close)} are too close to tell"
    names = listed(f"{labels[first]} and {labels[second]}" for first, second in (pair.models for pair in close))
    return f"too close to tell: {names}"


def _not_run(merged: Merged) -> str | None:
    """Say what was skipped and what is missing; None if everything ran."""
    skipped = list(dict.fromkeys(one.model for one in study.skipped(merged, merged.study.models)))
    setups = [str(setup.number) for setup in merged.setups.setups if not setup.effective] if merged.setups else []
    skipped += [f"timing setup{'s' if len(setups) > 1 else ''} {' and '.join(setups)}"] if setups else []
    skipped += [model.model for model in merged.chat.not_run] if merged.chat else []
    missing = list(dict.fromkeys(pair.model for pair in merged.missing))
    parts = [f"{what}: {listed(names)}" for what, names in (("skipped", skipped), ("without all results", missing)) if names]
    return f"**Not everything ran** ({'; '.join(parts)})." if parts else None


def _precision(analysis: AnalysisFile, labels: Mapping[str, str]) -> str | None:
    """Say what the lower precision that costs most costs; None if none was compared."""
    if not analysis.precisions:
        return None
    largest = min(analysis.precisions, key=lambda compared: compared.difference)
    finding, _ = precision.verdict(largest, labels)
    numbers = f"{points(largest.difference)}, 95% interval {points_range(largest.low, largest.high)}"
    return f"{finding.removesuffix(':')} ({numbers})."
