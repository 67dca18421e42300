"""What the report's section on the chat agent is filled with: numbers and choices of sentences, all from chat.json."""

from mmlu_kit import formatting
from mmlu_kit.recall.transcripts import TITLES
from mmlu_kit.report import captions
from mmlu_kit.statistics import ALPHA

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


def alt(chat: dict | None) -> str:
    """The text that stands for the figure where it cannot be seen: what each model recalled under each strategy."""
    rows = [
        (model["model"], row["strategy"], row["recall"])
        for model in (chat["models"] if chat else [])
        if model["effective"]
        for row in model["rows"]
        if row["reader"] == "model" and row["distance"] is None
    ]
    shares = [f"{model} {strategy} {formatting.percent(found['right'] / found['n'])}" for model, strategy, found in rows]
    return f"{captions.CHAT_FIGURES['chat_recall']}: {', '.join(shares)}"


def files(chat: dict | None) -> list[tuple[str, str]]:
    """(path below results/<study>, what it is) of every file that the chat models made."""
    if chat is None:
        return []
    found = [("chat.json", "what chat models recall under each strategy, and what it costs: every number of section 8")]
    found += [(f"chat/{name}.md", "a whole chat, every message in full") for name in TITLES]
    found.append(("chat/transcripts.json", "what these chats show, as data"))
    for model in chat["models"]:
        name = model["model"]
        ran = model["effective"]
        found.append((f"chat/{name}/recall.json", "every prompt's reply" if ran else f"why {name} was not run"))
        found.append((f"chat/{name}/times.json", "what replies took" if ran else f"why {name} was not run"))
        found.append((f"logs/chat_benchmark/{name}.log", f"what the program said ({name})"))
    if any(model["effective"] for model in chat["models"]):
        found += [(f"figures/{name}.{form}", text) for name, text in captions.CHAT_FIGURES.items() for form in ("png", "svg")]
    return found + [(f"logs/{name}.log", f"what `{name}.py` said") for name in ("write_transcripts", "summarise_chat")]
