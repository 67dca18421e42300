"""Predicates of claims on the chat agent: what it remembers with and without history, and what history costs.

A predicate takes evidence (see evidence.py) and parameters, and gives a verdict and a line of numbers. Several chat models make
no claim truer: the one of the writeup is taken, or else the study's first.
"""

from mmlu_kit import formatting
from mmlu_kit.claims.verdicts import Untestable, Verdict, verdict
from mmlu_kit.report import chat_section


def outgrows_context(evidence: dict, at_least: float) -> Verdict:
    """With all of its history a prompt grows by so many tokens a turn, so that a known context is full after some."""
    model = _chat_model(evidence)
    growth = chat_section.growth(model)
    if growth is None:
        return verdict(False, f"{model['model']}: no prompt grew with the conversation")
    line = f"{model['model']}: {growth['tokens_a_turn']:.1f} tokens more with each turn"
    if growth["turns"] is None:
        raise Untestable(f"{line}, and its context is not known")
    filled = f"{model['context']:,} tokens of context are full after about {growth['turns']:,} turns"
    return verdict(growth["tokens_a_turn"] >= at_least, f"{line}; {filled}")


def strategies_compared(evidence: dict, kinds: list[str]) -> Verdict:
    """Strategies of these kinds stand beside full history, and a chat that was saved and restored went on as one unbroken."""
    model = _chat_model(evidence)
    transcripts = evidence["chat"]["transcripts"]
    if transcripts is None:
        raise Untestable("no chat was saved and restored here")
    compared = [one["strategy"] for one in model["comparisons"] if one["strategy"].startswith(tuple(kinds))]
    every = all(any(name.startswith(kind) for name in compared) for kind in kinds)
    same = transcripts["restored"]["same"]
    line = f"{', '.join(compared) or 'none of them'} beside full history on {_recall(model, 'full')['n']} facts"
    return verdict(every and same, f"{line}; a restored chat went on with {'the same' if same else 'other'} replies")


def history_helps(evidence: dict, at_least: float, alpha: float) -> Verdict:
    """Recall with history off is lower by this much, and the McNemar test says that it is no chance."""
    model = _chat_model(evidence)
    on, off = (_recall(model, strategy) for strategy in ("full", "none"))
    (test,) = [one for one in model["comparisons"] if one["strategy"] == "none"]
    lost = on["right"] / on["n"] - off["right"] / off["n"]
    line = f"{model['model']}: {_share(on)} recalled with history on, {_share(off)} off; {formatting.p_value(test['p_holm'])}"
    return verdict(lost >= at_least and test["p_holm"] < alpha, line)


def remembers(evidence: dict, at_least: float, at_most: float) -> Verdict:
    """With history on more than a share of facts is recalled, all of them and those of the turn before; with it off less than
    another. The 95 % intervals must lie beyond these shares."""
    model = _chat_model(evidence)
    on, off = _recall(model, "full"), _recall(model, "none")
    nearest = min(model["distances"])
    follow_up = _recall(model, "full", nearest)
    line = (
        f"{model['model']}: {_share(on)} recalled with history on ({_share(follow_up)} of those told "
        f"{nearest} turn{'s' if nearest > 1 else ''} before), {_share(off)} off"
    )
    return verdict(min(on["low"], follow_up["low"]) > at_least and off["high"] < at_most, line)


def tokens_grow(evidence: dict, growing: float, flat: float) -> Verdict:
    """Prompts with history are so many times as long after the longest conversation as after the shortest, those without at
    most `flat` times; and a message that needs no history takes less time without, where no cache is kept between turns (the
    writeup's agent kept none). Where the two ranges of times overlap, it cannot be told which takes less."""
    model = _chat_model(evidence)
    near, far = min(model["distances"]), max(model["distances"])
    if near == far:
        raise Untestable("all conversations were of one length here")
    ratios = {}
    for mode, strategy in (("on", "full"), ("off", "none")):
        ends = [_row(model, strategy, distance)["prompt_tokens"]["mean"] for distance in (near, far)]
        ratios[mode] = ends[1] / ends[0]
    times = {mode: found["total_s"] for mode, found in model["independent"].items()}
    taken = {mode: formatting.format_range(seconds, "moment") for mode, seconds in times.items()}
    line = (
        f"{model['model']}: {near} to {far} turns make prompts {ratios['on']:.1f} times as long with history and "
        f"{ratios['off']:.2f} times without; an independent question takes {taken['on_without_cache']} with history, "
        f"{taken['on']} with a cache kept and {taken['off']} without"
    )
    if ratios["on"] < growing or ratios["off"] > flat:
        return verdict(False, line)
    off, on = times["off"], times["on_without_cache"]
    if off["smallest"] <= on["largest"] and on["smallest"] <= off["largest"]:
        raise Untestable(f"{line}; the times with and without history overlap, so which is faster cannot be told")
    return verdict(off["largest"] < on["smallest"], line)


def _chat_model(evidence: dict) -> dict:
    """The chat model that claims are tested on."""
    chat = evidence["chat"]
    if chat is None:
        raise Untestable("the writeup publishes one example of its chat agent and no numbers")
    if not chat["models"]:
        raise Untestable("no chat model ran here")
    return chat["models"][0]


def _row(model: dict, strategy: str, distance: int | None) -> dict:
    wanted = ("model", strategy, distance)
    return next(row for row in model["rows"] if (row["reader"], row["strategy"], row["distance"]) == wanted)


def _recall(model: dict, strategy: str, distance: int | None = None) -> dict:
    return _row(model, strategy, distance)["recall"]


def _share(found: dict) -> str:
    share, low, high = (formatting.percent(part) for part in (found["right"] / found["n"], found["low"], found["high"]))
    return f"{share} ({low} to {high})"
