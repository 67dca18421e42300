"""The chat agent, from chat.json."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from mmlu_kit.formatting import fenced, format_range, percent, plural
from mmlu_kit.recall.documents import (
    ChatFile,
    ChatModelSummary,
    FirstTokenSummary,
    Reader,
    RecallCounts,
    RecallRow,
    Session,
    Transcripts,
)
from mmlu_kit.report import captions
from mmlu_kit.report.cells import NOT_KNOWN, Row, Rows, interval, listed
from mmlu_kit.report.sentences import chat as sentences

# A title and description of each transcript, by file name.
TRANSCRIPTS = {
    "sliding_window": ("Sliding window", "Keep only the last N turns"),
    "token_budget_history_on": ("Token budget", "Leave out the oldest turns once the prompt exceeds a number of tokens"),
    "saved_and_restored": (
        "Save and restore",
        "Save the conversation as JSON, which is validated when it is loaded; not as a pickle, because loading a pickle runs "
        "any code in it",
    ),
}


@dataclass(frozen=True)
class ModelSection:
    """One chat model: what it recalls, and what its prompts cost."""

    heading: str
    design: str
    history: Rows
    example_on: str
    example_off: str
    example: str
    trials_each: int
    strategies: Rows
    recalled: str
    comparisons: list[str]
    distances: Row
    by_distance: Rows
    costs: Rows
    prompts_timed: str
    machine: str


@dataclass(frozen=True)
class ChatSection:
    """The section on all chat models."""

    growth: list[str]
    not_run: list[str]
    transcripts: Rows
    restored: str | None
    models: list[ModelSection]
    alt: str


def section(chat: ChatFile | None) -> ChatSection | None:
    """Return the section, None if the study has no chat models."""
    if chat is None:
        return None
    return ChatSection(
        growth=[sentence for model in chat.models if (sentence := sentences.growing(model))],
        not_run=[f"**{model.model}** was not run: {model.reason}" for model in chat.not_run],
        transcripts=[_transcript(name, chat.transcripts) for name in TRANSCRIPTS],
        restored=sentences.restored(chat.transcripts) if chat.transcripts else None,
        models=[_model(model, only_model=len(chat.models) == 1) for model in chat.models],
        alt=alt(chat),
    )


def alt(chat: ChatFile) -> str:
    """Return the figure's alternative text: what each model recalled under each strategy."""
    shares = [
        f"{model.model} {row.strategy} {_share(row.recall.right, row.recall.n)}"
        for model in chat.models
        for row in model.rows
        if row.reader == "model" and row.distance is None
    ]
    return f"{captions.CHAT_FIGURES['chat_recall'].title}: {listed(shares)}"


def _transcript(name: str, transcripts: Transcripts | None) -> Row:
    title, description = TRANSCRIPTS[name]
    link = f"[`chat/{name}.md`](chat/{name}.md)"
    chats = [chat for chat in (transcripts.chats if transcripts else []) if chat.name == name]
    summary = f": {sentences.transcript(transcripts, chats[0])}" if transcripts and chats else ""
    return [f"**{title}**", description, link + summary]


def _model(model: ChatModelSummary, only_model: bool) -> ModelSection:
    rows = {(row.reader, row.strategy, row.distance): row for row in model.rows}
    first_token = {times.strategy: times for times in model.first_token}
    prompts = max((times.n for times in model.first_token), default=0)
    return ModelSection(
        heading="" if only_model else f": {model.model}",
        design=sentences.design(model),
        history=_history(model, rows),
        example_on=_dialogue(model.alice["on"]),
        example_off=_dialogue(model.alice["off"]),
        example=sentences.example(model.alice["on"], model.alice["off"]),
        trials_each=model.trials_each,
        strategies=[
            _strategy(name, rows[reader, strategy, None]) for reader, name in _readers(model) for strategy in model.strategies
        ],
        recalled=sentences.recalled(model.model, rows["model", "full", None].recall),
        comparisons=[sentences.compared(comparison, len(model.comparisons)) for comparison in model.comparisons],
        distances=["Strategy", *(f"{plural(distance, 'turn')} back" for distance in model.distances)],
        by_distance=[
            [f"`{strategy}`", *(_at_distance(rows["model", strategy, distance].recall) for distance in model.distances)]
            for strategy in model.strategies
        ],
        costs=[_cost(rows["model", strategy, None], first_token[strategy]) for strategy in model.strategies],
        prompts_timed=plural(prompts, "prompt"),
        machine=f"{model.machine.in_words()}, {plural(model.threads, 'thread')}",
    )


def _readers(model: ChatModelSummary) -> Sequence[tuple[Reader, str]]:
    return [("model", model.model), ("oracle", "oracle (no language model)")]


def _history(model: ChatModelSummary, rows: Mapping[tuple[Reader, str, int | None], RecallRow]) -> Rows:
    """Return the rows that compare history on with history off."""
    near, far = min(model.distances), max(model.distances)
    later = "next turn" if near == 1 else f"{near}th turn after"
    independent = model.independent

    def both(cell: Callable[[str], str]) -> Row:
        return [cell(strategy) for strategy in ("full", "none")]

    def recalled(distance: int | None) -> Callable[[str], str]:
        return lambda strategy: _recall(rows["model", strategy, distance].recall)

    def tokens(strategy: str) -> str:
        means = (rows["model", strategy, distance].prompt_tokens.mean for distance in (near, far))
        return " and ".join(f"{mean:.0f}" for mean in means)

    def seconds(name: str, cache: str) -> Row:
        on, uncached, off = (
            format_range(getattr(independent[mode], name), "moment") for mode in ("on", "on_without_cache", "off")
        )
        return [f"{on}; {cache} {uncached}", off]

    questions = independent["off"].n
    return [
        ["Remembers earlier context: facts recalled", *both(recalled(None))],
        [f"Can answer follow-up questions: facts recalled in the {later}", *both(recalled(near))],
        [f"Token usage grows: mean prompt tokens with the fact {near} and {far} turns back", *both(tokens)],
        [
            f"Independent questions: time of a reply, median of {questions} (smallest to largest)",
            *seconds("total_s", "without a cache between turns"),
        ],
        ["Independent questions: time to the first token", *seconds("first_token_s", "without a cache")],
    ]


def _recall(counts: RecallCounts) -> str:
    return f"{counts.right} of {counts.n}, {_share(counts.right, counts.n)} ({interval(counts.low, counts.high)})"


def _share(part: float, whole: float) -> str:
    return percent(part / whole) if whole else NOT_KNOWN


def _dialogue(session: Session) -> str:
    """Return a chat as a code block, so that no text of a model is markup."""
    return fenced("\n\n".join(f"You: {turn.user}\nAssistant: {turn.assistant}" for turn in session.turns))


def _strategy(reader: str, row: RecallRow) -> Row:
    recall, never = row.recall, row.never
    return [
        reader,
        f"`{row.strategy}`",
        _share(recall.in_context, recall.n),
        f"**{_share(recall.right, recall.n)}** ({interval(recall.low, recall.high)})",
        _share(recall.right_in_context, recall.in_context),
        _share(row.corrected.stale, row.corrected.n),
        _share(never.false_recall, never.n),
        _share(never.not_knowing, never.n),
        _share(row.rule.kept, row.rule.n),
    ]


def _at_distance(counts: RecallCounts) -> str:
    """Return the share recalled, with the share in context if it differs."""
    share = _share(counts.right, counts.n)
    return share if counts.right == counts.in_context else f"{share} ({_share(counts.in_context, counts.n)})"


def _cost(row: RecallRow, times: FirstTokenSummary) -> Row:
    tokens, cached = row.prompt_tokens, row.cached_tokens.mean
    return [
        f"`{row.strategy}`",
        f"{tokens.mean:.0f} ({tokens.max})",
        f"{cached:.0f}, {_share(cached, tokens.mean)}",
        format_range(times.warm_s, "moment"),
        format_range(times.cold_s, "moment"),
    ]
