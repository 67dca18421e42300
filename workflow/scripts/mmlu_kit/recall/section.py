"""What the report's section on the chat agent is filled with: numbers and choices of sentences, all from chat.json."""

from ..statistics import ALPHA

HALF = 0.5


def section(chat: dict | None) -> dict | None:
    """Everything that the section's template names; None where a study has no chat models."""
    if chat is None:
        return None
    ran = [told(model) for model in chat["models"] if model["effective"]]
    left_out = [{key: model[key] for key in ("model", "reason")} for model in chat["models"] if not model["effective"]]
    return {"models": ran, "not_run": left_out, "transcripts": chat["transcripts"]}


def told(model: dict) -> dict:
    """A model's summary with its rows where the template looks for them: `overall` and `at` by reader and strategy."""
    overall: dict[str, dict] = {}
    at: dict[str, dict] = {}
    for row in model["rows"]:
        if row["distance"] is None:
            overall.setdefault(row["reader"], {})[row["strategy"]] = row
        else:
            at.setdefault(row["reader"], {}).setdefault(row["strategy"], {})[row["distance"]] = row
    recall = overall["model"]["full"]["recall"]
    return {
        **model,
        "overall": overall,
        "at": at,
        "nearest": min(model["distances"]),
        "farthest": max(model["distances"]),
        "growth": growth(model),
        "first_token": {one["strategy"]: one for one in model["first_token"]},
        "fails": recall["right_in_context"] < HALF * recall["in_context"],
        "comparisons": [{**one, "differs": one["p_holm"] < ALPHA} for one in model["comparisons"]],
    }


def growth(model: dict, strategy: str = "full") -> dict | None:
    """By how many tokens a prompt grows with each turn, and after how many turns the model's context is full: `tokens_a_turn,
    turns` (None where the context is not known). None where all conversations are of one length, or prompts do not grow."""
    rows = [row for row in model["rows"] if (row["reader"], row["strategy"]) == ("model", strategy) and row["distance"]]
    near, far = (choose(rows, key=lambda row: row["distance"]) for choose in (min, max))
    if near["distance"] == far["distance"]:
        return None
    first, last = near["prompt_tokens"]["mean"], far["prompt_tokens"]["mean"]
    each = (last - first) / (far["distance"] - near["distance"])
    if each <= 0:
        return None
    room = None if model["context"] is None else model["context"] - model["max_new_tokens"] - first
    return {"tokens_a_turn": each, "turns": None if room is None else near["distance"] + round(room / each)}
