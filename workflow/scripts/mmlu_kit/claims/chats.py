"""Predicates of claims on the chat agent: what it remembers with and without history, and what history costs.

A predicate takes evidence and the claim's parameters, and returns a judgement. A claim is tested on one chat model: the
publication's or, failing that, the study's first.
"""

import math

from mmlu_kit import formatting
from mmlu_kit.claims.document import Judgement
from mmlu_kit.claims.evidence import ChatEvidence, Evidence
from mmlu_kit.claims.verdicts import Untestable, shown, verdict
from mmlu_kit.recall.documents import ChatModelSummary, RecallCounts, RecallRow
from mmlu_kit.recall.growth import growth
from mmlu_kit.statistics import ALPHA, comparisons


def outgrows_context(evidence: Evidence, at_least: float) -> Judgement:
    """With full history, prompts grow by at least this many tokens per turn, so the context is full at some point."""
    model = _model(evidence)
    if min(model.distances) == max(model.distances):
        raise Untestable("all conversations have the same length here")
    grown = growth(model)
    if grown is None:
        return verdict(False, f"{model.model}: no prompt grew with the conversation")
    line = f"{model.model}: {grown.tokens_a_turn:.1f} more tokens with each turn"
    if grown.turns is None:
        raise Untestable(f"{line}, but its context is not known")
    filled = f"its context of {model.context:,} tokens is full after about {grown.turns:,} turns"
    return verdict(grown.tokens_a_turn >= at_least, f"{line}; {filled}")


def strategies_compared(evidence: Evidence, kinds: list[str]) -> Judgement:
    """Strategies of these kinds were compared with full history, and a restored chat went on like an uninterrupted one."""
    model, transcripts = _model(evidence), _chat(evidence).transcripts
    if transcripts is None:
        raise Untestable("no chat was saved and restored here")
    compared = [test.strategy for test in model.comparisons if test.strategy.startswith(tuple(kinds))]
    every = all(any(strategy.startswith(kind) for strategy in compared) for kind in kinds)
    line = f"{', '.join(compared) or 'none of them'} compared with full history on {_recall(model, 'full').n} facts"
    same = transcripts.restored.same
    return verdict(every and same, f"{line}; a restored chat went on with {'the same' if same else 'different'} replies")


def history_helps(evidence: Evidence, at_least: float, alpha: float) -> Judgement:
    """Recall is at least this much lower with history off, and significantly so by the McNemar test.

    If the paired 95 % interval of what is lost lies below `at_least`, that speaks against it.
    """
    model = _model(evidence)
    on, off = _recall(model, "full"), _recall(model, "none")
    (test,) = [test for test in model.comparisons if test.strategy == "none"]
    lost = on.right / on.n - off.right / off.n
    both, neither = on.right - test.only_full, on.n - on.right - test.only_strategy
    interval = comparisons.paired_interval(both, test.only_full, test.only_strategy, neither)
    recalled = f"{_share(on)} recalled with history on, {_share(off)} with history off"
    points = f"{100 * lost:.1f} points lost ({100 * interval.low:.1f} to {100 * interval.high:.1f})"
    line = f"{model.model}: {recalled}; {points}, {formatting.p_value(test.p_holm)}"
    return shown(lost >= at_least and test.p_holm < alpha, interval.high < at_least, line)


def remembers(evidence: Evidence, at_least: float, at_most: float) -> Judgement:
    """Recall is above `at_least` with history on, for all facts and for the most recent, and below `at_most` with history off.

    The 95 % intervals must lie beyond these shares; one that lies on the other side speaks against it.
    """
    model = _model(evidence)
    nearest = min(model.distances)
    on, off, follow_up = _recall(model, "full"), _recall(model, "none"), _recall(model, "full", nearest)
    before = f"{_share(follow_up)} of those told {formatting.plural(nearest, 'turn')} earlier"
    line = f"{model.model}: {_share(on)} recalled with history on ({before}), {_share(off)} with history off"
    holds = min(on.low, follow_up.low) > at_least and off.high < at_most
    return shown(holds, min(on.high, follow_up.high) < at_least or off.low > at_most, line)


def example_is_remembered(evidence: Evidence) -> Judgement:
    """In the publication's example, the last reply is right with history on, and with history off the model does not know."""
    model = _model(evidence)
    outcomes = {mode: session.outcome for mode, session in model.alice.items()}
    words = "; ".join(f"history {mode}: {outcomes[mode].replace('_', ' ')}" for mode in ("on", "off"))
    return verdict(outcomes["on"] == "right" and outcomes["off"] == "not_knowing", f"{model.model}, asked once: {words}")


def tokens_grow(evidence: Evidence, growing: float, flat: float) -> Judgement:
    """Prompts grow with history on and stay flat with it off, and independent questions take less time with history off.

    From the shortest to the longest conversation, prompts grow by a factor of at least `growing` with history and at most
    `flat` without. With history, the times compared are those without a KV cache kept between turns, as agents without
    a cache have none. If their two ranges overlap, or so few times are apart by chance in more than 5 %, nothing is told.
    """
    model = _model(evidence)
    near, far = min(model.distances), max(model.distances)
    if near == far:
        raise Untestable("all conversations have the same length here")
    with_history, without = (
        _row(model, strategy, far).prompt_tokens.mean / _row(model, strategy, near).prompt_tokens.mean
        for strategy in ("full", "none")
    )
    times = {mode: summary.total_s for mode, summary in model.independent.items()}
    seconds = {mode: formatting.format_range(values, "moment") for mode, values in times.items()}
    line = (
        f"{model.model}: from {near} to {far} turns, prompts become {formatting.ratio(with_history)} as long with history and "
        f"{formatting.ratio(without)} without; an independent question takes {seconds['on_without_cache']} with history, "
        f"{seconds['on']} with history and a cache, and {seconds['off']} without history"
    )
    if with_history < growing or without > flat:
        return verdict(False, line)
    off, on = times["off"], times["on_without_cache"]
    if off.smallest <= on.largest and on.smallest <= off.largest:
        return shown(False, False, f"{line}; the times with and without history overlap")
    number, other = (model.independent[mode].n for mode in ("off", "on_without_cache"))
    if 1 / math.comb(number + other, number) > ALPHA:
        return shown(False, False, f"{line}; {number} and {other} times are too few to tell")
    return verdict(off.largest < on.smallest, line)


def _chat(evidence: Evidence) -> ChatEvidence:
    if evidence.chat is None:
        raise Untestable("no numbers of a chat agent are published")
    return evidence.chat


def _model(evidence: Evidence) -> ChatModelSummary:
    """Return the chat model that claims are tested on."""
    models = _chat(evidence).models
    if not models:
        raise Untestable("no chat model ran here")
    return models[0]


def _row(model: ChatModelSummary, strategy: str, distance: int | None) -> RecallRow:
    key = ("model", strategy, distance)
    return next(row for row in model.rows if (row.reader, row.strategy, row.distance) == key)


def _recall(model: ChatModelSummary, strategy: str, distance: int | None = None) -> RecallCounts:
    return _row(model, strategy, distance).recall


def _share(recall: RecallCounts) -> str:
    share, low, high = (formatting.percent(value) for value in (recall.right / recall.n, recall.low, recall.high))
    return f"{share} ({low} to {high})"
