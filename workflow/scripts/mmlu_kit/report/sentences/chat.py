"""Sentences on the chat agent: how fast prompts grow, what a model recalls, and which strategy recalls less."""

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

# A model that recalls fewer of the facts it is shown mostly fails, and its rows say little about strategies.
FAILS_BELOW = 0.5
_OUTCOMES: dict[Outcome, str] = {
    "right": "gives the name",
    "stale": "gives a name that was corrected",
    "other": "gives a name that was never told",
    "not_knowing": "says that it does not know",
    "unclear": "neither gives a name nor says that it does not know",
}


def growing(model: ChatModelSummary) -> str | None:
    """How fast prompts grow with history on; None where they do not."""
    grows = growth(model)
    if not grows:
        return None
    sentence = f"With full history, prompts of {model.model} grew by {grows.tokens_a_turn:.1f} tokens a turn"
    if not grows.turns:
        return f"{sentence}."
    return f"{sentence}; at that rate its context of {model.context:,} tokens is full after about {grows.turns:,} turns."


def design(model: ChatModelSummary) -> str:
    """What the model was told, asked and shown."""
    distances = listed(map(str, model.distances))
    return (
        f"{model.model} ({settings.in_words(model.effective)}) was told facts and asked for them {distances} turns later, with "
        "the whole conversation in the prompt (history on) or the question alone (history off)."
    )


def transcript(transcripts: Transcripts, chat: TranscriptSummary) -> str:
    """What one transcript shows."""
    turns, left_out = plural(chat.turns, "turn"), plural(chat.most_left_out, "turn")
    return f"{transcripts.model}, `{chat.strategy}`, {turns}, at most {chat.most_prompt_tokens} tokens and {left_out} left out"


def restored(transcripts: Transcripts) -> str:
    """Whether a restored chat goes on like one that was not interrupted."""
    restored = transcripts.restored
    same = "the same as" if restored.same else "**not** the same as"
    return (
        f"The replies of the restored chat were {same} those of a chat without a break: another process restored it after "
        f"{plural(restored.saved_after, 'turn')}."
    )


def example(on: Session, off: Session) -> str:
    """What the second answer of the writeup's example says, with history on and off."""
    return f"The second answer {_OUTCOMES[on.outcome]} with history on and {_OUTCOMES[off.outcome]} with history off."


def recalled(model: str, counts: RecallCounts) -> str:
    """How many of the facts in its prompt a model recalled, and a warning where it recalled few."""
    numbers = f"{counts.in_context} of {counts.n} facts were in its prompt and it recalled {counts.right_in_context} of these."
    if counts.right_in_context >= FAILS_BELOW * counts.in_context:
        return f"{model} with full history: {numbers}"
    oracle = "The oracle's rows tell what the strategies keep; the model's own say little about them."
    return f"**{model} mostly fails at this**: with full history, {numbers} {oracle}"


def compared(comparison: StrategyComparison, comparisons: int) -> str:
    """Whether a strategy recalls less or more than full history."""
    if comparison.p_holm >= ALPHA:
        finding = "shows no difference from full history"
    else:
        finding = f"recalls {'less' if comparison.only_full > comparison.only_strategy else 'more'} than full history"
    only_full = plural(comparison.only_full, "fact")
    return (
        f"`{comparison.strategy}` {finding}: {only_full} recalled with full history alone and {comparison.only_strategy} with "
        f"`{comparison.strategy}` alone (McNemar test, corrected for {plural(comparisons, 'comparison')}, "
        f"{p_value(comparison.p_holm)})."
    )
