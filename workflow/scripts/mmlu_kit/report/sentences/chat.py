"""Sentences on the chat agent: how fast prompts grow, what a model recalls, and which strategies recall less."""

from mmlu_kit import settings
from mmlu_kit.formatting import p_value, plural
from mmlu_kit.recall.documents import (
    ChatModelSummary,
    Outcome,
    RecallCounts,
    Session,
    StrategyComparison,
    Transcripts,
    TranscriptSummary,
)
from mmlu_kit.recall.growth import growth
from mmlu_kit.report.cells import listed
from mmlu_kit.statistics import ALPHA

# A model that recalls less than this share of the facts in its prompt tells little about strategies.
FAILS_BELOW = 0.5
_OUTCOMES: dict[Outcome, str] = {
    "right": "gives the name",
    "stale": "gives a name that was corrected",
    "other": "gives a name that was never told",
    "not_knowing": "says that it does not know",
    "unclear": "neither gives a name nor says that it does not know",
}


def growing(model: ChatModelSummary) -> str | None:
    """Say how fast prompts grow with history on; None if they do not grow."""
    grows = growth(model)
    if not grows:
        return None
    sentence = f"With full history, prompts of {model.model} grew by {grows.tokens_a_turn:.1f} tokens per turn"
    if not grows.turns:
        return f"{sentence}."
    return f"{sentence}; at that rate its context of {model.context:,} tokens is full after about {grows.turns:,} turns."


def design(model: ChatModelSummary) -> str:
    """Describe the design: what the model was told and asked, and what was in its prompt."""
    distances = listed(map(str, model.distances))
    return (
        f"{model.model} ({settings.in_words(model.effective)}) was told facts and asked for them {distances} turns later, with "
        "the whole conversation in the prompt (history on) or the question alone (history off)."
    )


def transcript(transcripts: Transcripts, chat: TranscriptSummary) -> str:
    """Summarize one transcript."""
    turns, left_out = plural(chat.turns, "turn"), plural(chat.most_left_out, "turn")
    return f"{transcripts.model}, `{chat.strategy}`, {turns}, at most {chat.most_prompt_tokens} tokens and {left_out} left out"


def restored(transcripts: Transcripts) -> str:
    """Say whether a restored chat goes on like an uninterrupted one."""
    restored = transcripts.restored
    same = "the same as" if restored.same else "**not** the same as"
    return (
        f"The restored chat's replies were {same} those of an uninterrupted chat; another process restored it after "
        f"{plural(restored.saved_after, 'turn')}."
    )


def example(on: Session, off: Session) -> str:
    """Say what the second answer in the writeup's example is, with history on and off."""
    return f"The second answer {_OUTCOMES[on.outcome]} with history on and {_OUTCOMES[off.outcome]} with history off."


def recalled(model: str, counts: RecallCounts) -> str:
    """Say how many of the facts in its prompt a model recalled, and warn if it recalled few."""
    numbers = f"{counts.in_context} of {counts.n} facts were in its prompt, and it recalled {counts.right_in_context} of these."
    if counts.right_in_context >= FAILS_BELOW * counts.in_context:
        return f"{model} with full history: {numbers}"
    oracle = "The oracle's rows show what each strategy keeps; the model's rows say little about strategies."
    return f"**{model} mostly fails at this**: with full history, {numbers} {oracle}"


def compared(comparison: StrategyComparison, comparisons: int) -> str:
    """Say whether a strategy recalls less or more than full history."""
    if comparison.p_holm >= ALPHA:
        finding = "shows no difference from full history"
    else:
        finding = f"recalls {'less' if comparison.only_full > comparison.only_strategy else 'more'} than full history"
    only_full = plural(comparison.only_full, "fact")
    return (
        f"`{comparison.strategy}` {finding}: {only_full} recalled only with full history and {comparison.only_strategy} only "
        f"with `{comparison.strategy}` (McNemar test, corrected for {plural(comparisons, 'comparison')}, "
        f"{p_value(comparison.p_holm)})."
    )
