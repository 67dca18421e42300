"""Chats as Markdown: every message in full, in code blocks, since messages could contain markup."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mmlu_kit.formatting import escaped, fenced, plural
from mmlu_kit.recall.documents import TranscriptSummary, Turn

TITLES = {
    "sliding_window": "Sliding window",
    "token_budget_history_on": "Token budget, history on",
    "saved_and_restored": "Saved and restored",
}
_ENDED = {"length": "cut off at the token limit", "interrupted": "interrupted"}


@dataclass(frozen=True)
class Header:
    """The header of all transcripts: the model, its commit, how it ran, the longest reply in tokens, the system message."""

    model: str
    commit: str | None
    effective: str
    max_new_tokens: int
    system: str


def document(name: str, header: Header, strategy: str, turns: Sequence[Turn], notes: Iterable[str] = ()) -> str:
    """Return one transcript as Markdown; `notes` are sentences below the heading."""
    commit = f" at commit `{header.commit}`" if header.commit else ""
    complete = sum(not turn.left_out for turn in turns)
    left = "was" if max(turn.left_out for turn in turns) == 1 else "were"
    lines = [
        f"# {TITLES[name]}",
        "",
        f"A chat with {header.model}{commit} ({escaped(header.effective)}), strategy `{strategy}`, greedy replies of at most "
        f"{header.max_new_tokens} tokens. The user's messages were written in advance; the assistant's are the model's own.",
        *(f"\n{note}" for note in notes),
        "",
        f"The log of messages is never changed. Under this strategy the model saw all of it in {complete} of {len(turns)} "
        f"turns; at most {plural(max(turn.left_out for turn in turns), 'earlier turn')} {left} left out of its view.",
        "",
        "**System**",
        "",
        fenced(header.system),
    ]
    for number, turn in enumerate(turns, 1):
        lines += ["", f"## Turn {number}: {_view_in_words(turn)}", "", "**You**", "", fenced(turn.user)]
        lines += ["", "**Assistant**", "", fenced(turn.assistant)]
        if turn.ended in _ENDED:
            lines += ["", f"(The reply was {_ENDED[turn.ended]}.)"]
    return "\n".join(lines) + "\n"


def not_run(name: str, model: str, reason: str) -> str:
    """Return the placeholder for a transcript whose model could not be run."""
    return f"# {TITLES[name]}\n\n**Not run:** {model}: {escaped(reason)}\n"


def comparison(restored: Sequence[Turn], unbroken: Sequence[Turn], saved_after: int) -> str:
    """Return a note on the saved chat: whether its later replies equal those of an uninterrupted run."""
    pairs = list(zip(restored, unbroken, strict=True))[saved_after:]
    differing = [str(number) for number, (turn, other) in enumerate(pairs, saved_after + 1) if turn != other]
    outcome = (
        f"The replies of turn{'' if len(differing) == 1 else 's'} {', '.join(differing)} were **not** the same."
        if differing
        else f"All {len(pairs)} later replies were the same, letter by letter."
    )
    return (
        f"After turn {saved_after} the chat was saved as JSON and the process ended. Another process restored and continued "
        f"it, then ran the whole chat again without an interruption, and the replies were compared. {outcome}"
    )


def summarize(name: str, strategy: str, turns: Sequence[Turn]) -> TranscriptSummary:
    """Summarise one transcript in numbers."""
    return TranscriptSummary(
        name=name,
        strategy=strategy,
        turns=len(turns),
        most_left_out=max(turn.left_out for turn in turns),
        most_prompt_tokens=max(turn.prompt_tokens for turn in turns),
    )


def _view_in_words(turn: Turn) -> str:
    left_out = turn.left_out
    view = "the whole chat" if not left_out else f"without its first {'turn' if left_out == 1 else f'{left_out} turns'}"
    return f"{turn.prompt_tokens} tokens, {view}"
