"""Chats of a model as Markdown: every message in full, in code blocks, as what people and models write could be markup."""

from collections.abc import Iterable, Sequence

from mmlu_kit.formatting import fenced

TITLES = {
    "sliding_window": "Sliding window",
    "token_budget_history_on": "Token budget, history on",
    "saved_and_restored": "Saved and restored",
}
_ENDED = {"length": "cut off at the most tokens that a reply may have", "interrupted": "interrupted"}


def document(name: str, about: dict, strategy: str, system: str, turns: Sequence[dict], notes: Iterable[str] = ()) -> str:
    """One transcript. `about` has `model, commit, effective, max_new_tokens`; `turns` are sessions.converse's; `notes` are
    sentences that stand below the heading."""
    commit = f" at commit `{about['commit']}`" if about["commit"] else ""
    forgotten = max(turn["left_out"] for turn in turns)
    lines = [
        f"# {TITLES[name]}",
        "",
        f"A chat with {about['model']}{commit} ({about['effective']}), strategy `{strategy}`, greedy replies of at most "
        f"{about['max_new_tokens']} tokens. What the user says was written beforehand, what the assistant says is the model's.",
        *(f"\n{note}" for note in notes),
        "",
        f"The log of messages is never changed; under this strategy the model was shown all of it in "
        f"{sum(not turn['left_out'] for turn in turns)} of {len(turns)} turns, and at most {forgotten} earlier "
        f"turn{'' if forgotten == 1 else 's'} had left its view.",
        "",
        "**System**",
        "",
        fenced(system),
    ]
    for number, turn in enumerate(turns, 1):
        lines += ["", f"## Turn {number}: {_seen(turn)}", "", "**You**", "", fenced(turn["user"])]
        lines += ["", "**Assistant**", "", fenced(turn["assistant"])]
        if turn["ended"] in _ENDED:
            lines += ["", f"(The reply was {_ENDED[turn['ended']]}.)"]
    return "\n".join(lines) + "\n"


def not_run(name: str, model: str, reason: str) -> str:
    """What stands in a transcript's place where the machine could not run the model."""
    return f"# {TITLES[name]}\n\n**Not run:** {model}: {reason}\n"


def comparison(restored: Sequence[dict], unbroken: Sequence[dict], saved_after: int) -> str:
    """The note of the saved chat: whether its later replies are those of a run that was never interrupted."""
    later, other = restored[saved_after:], unbroken[saved_after:]
    differ = [number for number, (one, two) in enumerate(zip(later, other, strict=True), saved_after + 1) if one != two]
    outcome = (
        f"All {len(later)} later replies were the same, letter by letter."
        if not differ
        else f"The replies of turn{'' if len(differ) == 1 else 's'} {', '.join(map(str, differ))} were **not** the same."
    )
    return (
        f"After turn {saved_after} the chat was saved as JSON and the process ended; another process restored it and went on, "
        f"then had the whole chat once more without a break, and the replies were compared. {outcome}"
    )


def _seen(turn: dict) -> str:
    left = turn["left_out"]
    shown = "the whole chat" if not left else f"without its first {'turn' if left == 1 else f'{left} turns'}"
    return f"{turn['prompt_tokens']} tokens, {shown}"
