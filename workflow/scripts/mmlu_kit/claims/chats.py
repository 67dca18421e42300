"""Predicates of claims on the chat agent: what it remembers with and without history, and what history costs.

A predicate takes evidence and the claim's parameters, and returns a judgement. Several chat models make no claim truer: a claim
is tested on the writeup's model, or else on the study's first.
"""

from mmlu_kit import formatting
from mmlu_kit.claims.document import Judgement
from mmlu_kit.claims.evidence import ChatEvidence, Evidence
from mmlu_kit.claims.verdicts import Untestable, verdict
from mmlu_kit.recall.documents import ChatModelSummary, RecallCounts, RecallRow
from mmlu_kit.recall.growth import growth


def outgrows_context(evidence: Evidence, at_least: float) -> Judgement:
    """With all of its history a prompt grows by so many tokens a turn, so that a known context is full after some."""
    model = _model(evidence)
    grown = growth(model)
    if grown is None:
        return verdict(False, f"{model.model}: no prompt grew with the conversation")
    line = f"{model.model}: {grown.tokens_a_turn:.1f} tokens more with each turn"
    if grown.turns is None:
        raise Untestable(f"{line}, and its context is not known")
    filled = f"{model.context:,} tokens of context are full after about {grown.turns:,} turns"
    return verdict(grown.tokens_a_turn >= at_least, f"{line}; {filled}")


def strategies_compared(evidence: Evidence, kinds: list[str]) -> Judgement:
    """Strategies of these kinds stand beside full history, and a chat that was saved and restored went on as one unbroken."""
    model, transcripts = _model(evidence), _chat(evidence).transcripts
    if transcripts is None:
        raise Untestable("no chat was saved and restored here")
    compared = [test.strategy for test in model.comparisons if test.strategy.startswith(tuple(kinds))]
    every = all(any(strategy.startswith(kind) for strategy in compared) for kind in kinds)
    line = f"{', '.join(compared) or 'none of them'} beside full history on {_recall(model, 'full').n} facts"
    same = transcripts.restored.same
    return verdict(every and same, f"{line}; a restored chat went on with {'the same' if same else 'other'} replies")


def history_helps(evidence: Evidence, at_least: float, alpha: float) -> Judgement:
    """Recall with history off is lower by this much, and the McNemar test shows the difference."""
    model = _model(evidence)
    on, off = _recall(model, "full"), _recall(model, "none")
    (test,) = [test for test in model.comparisons if test.strategy == "none"]
    lost = on.right / on.n - off.right / off.n
    line = f"{model.model}: {_share(on)} recalled with history on, {_share(off)} off; {formatting.p_value(test.p_holm)}"
    return verdict(lost >= at_least and test.p_holm < alpha, line)


def remembers(evidence: Evidence, at_least: float, at_most: float) -> Judgement:
    """With history on more than a share of facts is recalled, all of them and those of the turn before; with it off less than
    another. The 95 % intervals must lie beyond these shares."""
    model = _model(evidence)
    nearest = min(model.distances)
    on, off, follow_up = _recall(model, "full"), _recall(model, "none"), _recall(model, "full", nearest)
    before = f"{_share(follow_up)} of those told {formatting.plural(nearest, 'turn')} before"
    line = f"{model.model}: {_share(on)} recalled with history on ({before}), {_share(off)} off"
    return verdict(min(on.low, follow_up.low) > at_least and off.high < at_most, line)


def tokens_grow(evidence: Evidence, growing: float, flat: float) -> Judgement:
    """Prompts grow with history and are flat without; and without history a message that needs none takes less time.

    With history, prompts are at least `growing` times as long after the longest conversation as after the shortest, without
    at most `flat` times. Times are compared with those of no cache kept between turns, as the writeup's agent kept none.
    Where the two ranges of times overlap, it cannot be told which is shorter.
    """
    model = _model(evidence)
    near, far = min(model.distances), max(model.distances)
    if near == far:
        raise Untestable("all conversations were of one length here")
    with_history, without = (
        _row(model, strategy, far).prompt_tokens.mean / _row(model, strategy, near).prompt_tokens.mean
        for strategy in ("full", "none")
    )
    times = {mode: summary.total_s for mode, summary in model.independent.items()}
    seconds = {mode: formatting.format_range(values, "moment") for mode, values in times.items()}
    line = (
        f"{model.model}: from {near} to {far} turns prompts become {formatting.ratio(with_history)} as long with history and "
        f"{formatting.ratio(without)} without; an independent question takes {seconds['on_without_cache']} with history, "
        f"{seconds['on']} with a cache kept and {seconds['off']} without"
    )
    if with_history < growing or without > flat:
        return verdict(False, line)
    off, on = times["off"], times["on_without_cache"]
    if off.smallest <= on.largest and on.smallest <= off.largest:
        raise Untestable(f"{line}; the times with and without history overlap, so which is faster cannot be told")
    return verdict(off.largest < on.smallest, line)


def _chat(evidence: Evidence) -> ChatEvidence:
    if evidence.chat is None:
        raise Untestable("the writeup publishes one example of its chat agent and no numbers")
    return evidence.chat


def _model(evidence: Evidence) -> ChatModelSummary:
    """Return the chat model that claims are tested on."""
    models = _chat(evidence).models
    if not models:
        raise Untestable("no chat model ran here")
    return models[0]


def _row(model: ChatModelSummary, strategy: str, distance: int | None) -> RecallRow:
    wanted = ("model", strategy, distance)
    return next(row for row in model.rows if (row.reader, row.strategy, row.distance) == wanted)


def _recall(model: ChatModelSummary, strategy: str, distance: int | None = None) -> RecallCounts:
    return _row(model, strategy, distance).recall


def _share(recall: RecallCounts) -> str:
    share, low, high = (formatting.percent(value) for value in (recall.right / recall.n, recall.low, recall.high))
    return f"{share} ({low} to {high})"
