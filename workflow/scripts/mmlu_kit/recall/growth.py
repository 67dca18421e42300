"""How fast the prompts of a conversation grow, and when they fill a model's context."""

from dataclasses import dataclass

from mmlu_kit.recall.documents import ChatModelSummary


@dataclass(frozen=True)
class Growth:
    """Prompts grow by `tokens_a_turn` and fill the context after `turns` turns (None if the context is unknown)."""

    tokens_a_turn: float
    turns: int | None


def growth(model: ChatModelSummary, strategy: str = "full") -> Growth | None:
    """Return how prompts grow under a strategy, from the mean lengths in the shortest and the longest conversations.

    None if all conversations have the same length or prompts do not grow.
    """
    tokens = {
        row.distance: row.prompt_tokens.mean
        for row in model.rows
        if (row.reader, row.strategy) == ("model", strategy) and row.distance
    }
    shortest, longest = min(tokens), max(tokens)
    if shortest == longest:
        return None
    tokens_a_turn = (tokens[longest] - tokens[shortest]) / (longest - shortest)
    if tokens_a_turn <= 0:
        return None
    if model.context is None:
        return Growth(tokens_a_turn, None)
    room = model.context - model.max_new_tokens - tokens[shortest]
    return Growth(tokens_a_turn, shortest + round(room / tokens_a_turn))
