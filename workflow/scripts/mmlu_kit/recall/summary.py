"""The results of the recall experiment: recall for each reader, strategy and distance, and the cost of prompts.

Results are counts; callers compute percentages. Intervals are 95 % Wilson intervals.
"""

from collections.abc import Iterable, Sequence
from typing import get_args

from mmlu_kit.data import MedianRange
from mmlu_kit.recall.documents import (
    CachedTokens,
    ChatModel,
    ChatModelSummary,
    CorrectedCounts,
    Design,
    FirstToken,
    FirstTokenSummary,
    IndependentMessage,
    IndependentSummary,
    Kind,
    Mode,
    NeverCounts,
    Outcome,
    ProbeRecord,
    PromptTokens,
    Reader,
    RecallCounts,
    RecallFile,
    RecallRow,
    RecallTimesFile,
    ReplyRecord,
    RuleCounts,
    StrategyComparison,
    TrialRecord,
)
from mmlu_kit.statistics import comparisons, intervals, multiple

READERS: tuple[Reader, ...] = get_args(Reader)
RECALL_KINDS: tuple[Kind, ...] = ("told", "corrected")  # kinds in which the fact was told
FULL = "full"  # the strategy that all others are compared with


def summarize(recall: RecallFile, times: RecallTimesFile) -> ChatModelSummary:
    """Summarise a model's results for chat.json."""
    shared = {name: getattr(recall, name) for name in (*ChatModel.model_fields, *Design.model_fields)}
    return ChatModelSummary(
        **shared,
        rows=rows(recall.trials, recall.probes, recall.strategies, recall.distances),
        comparisons=compare_strategies(recall.trials, recall.probes, recall.strategies),
        first_token=first_token(times.first_token, recall.strategies),
        independent=independent(times.independent),
        machine=times.machine,
        threads=times.threads,
    )


def rows(
    trials: Sequence[TrialRecord], probes: Sequence[ProbeRecord], strategies: Iterable[str], distances: Sequence[int]
) -> list[RecallRow]:
    """Return a row for each reader, strategy and distance, and one for all distances together (`distance` null)."""
    return [
        row(trials, _select(trials, probes, strategy, distance), reader, strategy, distance)
        for reader in READERS
        for strategy in strategies
        for distance in (None, *distances)
    ]


def row(
    trials: Sequence[TrialRecord], probes: Sequence[ProbeRecord], reader: Reader, strategy: str, distance: int | None
) -> RecallRow:
    """Summarise one reader's replies to probes, all of them of this strategy and distance."""

    def replies(*kinds: Kind) -> list[tuple[ProbeRecord, ReplyRecord]]:
        return [(probe, _reply(probe, reader)) for probe in probes if trials[probe.trial].kind in kinds]

    told, corrected, never, rule = replies(*RECALL_KINDS), replies("corrected"), replies("never"), replies("rule")
    right = [probe for probe, reply in told if reply.outcome == "right"]
    low, high = intervals.wilson(len(right), len(told))
    tokens = [probe.prompt_tokens for probe in probes]
    return RecallRow(
        reader=reader,
        strategy=strategy,
        distance=distance,
        recall=RecallCounts(
            n=len(told),
            in_context=sum(probe.in_context for probe, _ in told),
            right=len(right),
            right_in_context=sum(probe.in_context for probe in right),
            low=low,
            high=high,
            other=_count(told, "other"),
            not_knowing=_count(told, "not_knowing"),
            unclear=_count(told, "unclear"),
        ),
        corrected=CorrectedCounts(n=len(corrected), stale=_count(corrected, "stale")),
        never=NeverCounts(n=len(never), false_recall=_count(never, "other"), not_knowing=_count(never, "not_knowing")),
        rule=RuleCounts(n=len(rule), kept=sum(bool(reply.rule_kept) for _, reply in rule)),
        prompt_tokens=PromptTokens(mean=sum(tokens) / len(tokens), max=max(tokens)),
        cached_tokens=CachedTokens(mean=sum(probe.cached_tokens for probe in probes) / len(probes)),
    )


def compare_strategies(
    trials: Sequence[TrialRecord], probes: Sequence[ProbeRecord], strategies: Iterable[str]
) -> list[StrategyComparison]:
    """Compare the model's recall under every other strategy with full history on the same facts.

    Uses exact McNemar tests, corrected for their number by Holm's method.
    """
    recalled = {strategy: _recalled(trials, _select(trials, probes, strategy, None)) for strategy in (FULL, *strategies)}
    full = recalled.pop(FULL)
    only_full = {strategy: len(full - facts) for strategy, facts in recalled.items()}
    only_strategy = {strategy: len(facts - full) for strategy, facts in recalled.items()}
    p_values = [comparisons.mcnemar(only_full[strategy], only_strategy[strategy]) for strategy in recalled]
    return [
        StrategyComparison(
            strategy=strategy, only_full=only_full[strategy], only_strategy=only_strategy[strategy], p=p, p_holm=p_holm
        )
        for strategy, p, p_holm in zip(recalled, p_values, multiple.holm(p_values), strict=True)
    ]


def first_token(times: Sequence[FirstToken], strategies: Iterable[str]) -> list[FirstTokenSummary]:
    """Summarise times to first token under each strategy, with and without the previous turn's cache."""
    by_strategy = {strategy: [time for time in times if time.strategy == strategy] for strategy in strategies}
    return [
        FirstTokenSummary(
            strategy=strategy,
            n=len(measured),
            warm_s=MedianRange.over([time.warm_s for time in measured]),
            cold_s=MedianRange.over([time.cold_s for time in measured]),
            prompt_tokens=MedianRange.over([time.prompt_tokens for time in measured]),
            cached_tokens=MedianRange.over([time.cached_tokens for time in measured]),
        )
        for strategy, measured in by_strategy.items()
        if measured
    ]


def independent(times: Sequence[IndependentMessage]) -> dict[Mode, IndependentSummary]:
    """Summarise by mode the times, prompts and replies of messages that do not refer to earlier ones."""
    modes = dict.fromkeys(time.mode for time in times)
    by_mode = {mode: [time for time in times if time.mode == mode] for mode in modes}
    return {
        mode: IndependentSummary(
            n=len(measured),
            first_token_s=MedianRange.over([time.first_token_s for time in measured]),
            total_s=MedianRange.over([time.total_s for time in measured]),
            prompt_tokens=MedianRange.over([time.prompt_tokens for time in measured]),
            new_tokens=MedianRange.over([time.new_tokens for time in measured]),
        )
        for mode, measured in by_mode.items()
    }


def _select(
    trials: Sequence[TrialRecord], probes: Iterable[ProbeRecord], strategy: str, distance: int | None
) -> list[ProbeRecord]:
    """The probes of a strategy at one distance, or at all distances."""
    return [probe for probe in probes if probe.strategy == strategy and distance in (None, trials[probe.trial].distance)]


def _recalled(trials: Sequence[TrialRecord], probes: Iterable[ProbeRecord]) -> set[int]:
    """The indices of the trials whose fact the model recalled."""
    told = [probe for probe in probes if trials[probe.trial].kind in RECALL_KINDS]
    return {probe.trial for probe in told if probe.replies.model.outcome == "right"}


def _reply(probe: ProbeRecord, reader: Reader) -> ReplyRecord:
    return probe.replies.model if reader == "model" else probe.replies.oracle


def _count(replies: Iterable[tuple[ProbeRecord, ReplyRecord]], outcome: Outcome) -> int:
    return sum(reply.outcome == outcome for _, reply in replies)
