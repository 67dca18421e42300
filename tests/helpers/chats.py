"""Chat experiments made up for tests: real conversations and views, a count of words for tokens, and replies as a test says."""

from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

from mmlu_kit.chat import views
from mmlu_kit.chat.views import Message
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.recall import conversations, judging, oracle, probes, summary
from mmlu_kit.recall.conversations import Trial
from mmlu_kit.recall.documents import (
    ChatFile,
    FirstToken,
    IndependentMessage,
    Mode,
    RecallFile,
    RecallTimesFile,
    Restored,
    Session,
    Transcripts,
    TranscriptSummary,
    Turn,
)
from mmlu_kit.settings import LoadSettings

from tests.helpers import results

RECALL = Path(__file__).parents[2] / "workflow/recall"
MATERIAL = conversations.read(RECALL / "conversations.yaml")
STRATEGIES = ("none", "full", "last_turns(2)", "token_budget(60)")
DISTANCES = (1, 4)
# The reply of a made-up model to a trial of which it is shown these messages.
Reply = Callable[[Trial, Sequence[Message]], str]


def length(messages: Sequence[Message]) -> int:
    """Count words, plus four template tokens per message."""
    return sum(4 + len(message["content"].split()) for message in messages)


def knows_what_it_sees(trial: Trial, messages: Sequence[Message]) -> str:
    """Return the oracle's reply, the best that a model can give."""
    text = "\n".join(message["content"] for message in messages)
    return oracle.reply(text, MATERIAL)


def knows_nothing(trial: Trial, messages: Sequence[Message]) -> str:
    return "I do not know. You have not told me."


def recall(
    reply: Reply = knows_what_it_sees,
    model: str = "m",
    strategies: Sequence[str] = STRATEGIES,
    distances: Sequence[int] = DISTANCES,
    each: int = 10,
    context: int | None = 2048,
) -> RecallFile:
    """Return recall.json of a model that answers each probe with `reply(trial, messages)`."""
    trials = conversations.trials(MATERIAL, distances, each, 7)
    records = []
    for number, trial in enumerate(trials):
        for strategy in map(views.parse, strategies):
            view = views.view(trial.messages, strategy, length, None)
            probe = probes.Probe(
                trial=number,
                strategy=str(strategy),
                ids=(0,) * view.tokens,
                before=(),
                cached=view.tokens // 2,
                left_out=view.left_out,
                in_context=trial.tells(trial.value, view.messages),
                stale_in_context=trial.tells(trial.stale, view.messages),
            )
            replies = reply(trial, view.messages), knows_what_it_sees(trial, view.messages)
            records.append(probes.probe_record(probe, trial, *replies, MATERIAL))
    example = conversations.example(MATERIAL, "name", "Alice")
    return RecallFile(
        model=model,
        repository=None,
        commit=None,
        parameters=1000,
        model_files={},
        requested=LoadSettings(),
        template_arguments={},
        effective=results.effective(),
        reason=None,
        context=context,
        strategies=list(strategies),
        distances=list(distances),
        trials_each=each,
        max_new_tokens=48,
        seed=7,
        trials=[probes.trial_record(trial) for trial in trials],
        probes=records,
        alice={
            "on": session(example, reply(example, example.messages)),
            "off": session(example, reply(example, example.messages[-1:])),
        },
    )


default = cache(recall)  # of tests that change nothing in it


def manifest(path: Path) -> Path:
    """Write the manifest of the model of `default`, and return its path."""
    about = {"folder": "p", "repository": None, "commit": None, "checkpoint_bytes": 1}
    Manifest(**about, files={}, parameters=1000).write(path)
    return path


def turn(user: str, assistant: str, **changes: object) -> Turn:
    """Return a turn whose reply the model ended itself, with no turn left out of the prompt."""
    return Turn(**{"user": user, "assistant": assistant, "prompt_tokens": 20, "left_out": 0, "ended": "end", **changes})


def session(example: Trial, answer: str) -> Session:
    """Return the writeup's example, ending with this answer."""
    turns = [turn("My name is Alice.", "Hello Alice!"), turn("What is my name?", answer)]
    return Session(turns=turns, outcome=judging.outcome(answer, example, MATERIAL))


def times(model: str = "m", on: float = 0.03, cached: float = 0.012, off: float = 0.01) -> RecallTimesFile:
    """Return times.json; `on`, `cached` and `off` are the seconds for an independent question in each mode."""
    seconds: dict[Mode, float] = {"on": cached, "on_without_cache": on, "off": off}
    return RecallTimesFile(
        model=model,
        repository=None,
        commit=None,
        machine=results.MACHINE,
        threads=1,
        first_token=[first_token(strategy) for strategy in STRATEGIES for _ in range(2)],
        independent=[
            IndependentMessage(mode=mode, prompt_tokens=50, new_tokens=5, first_token_s=0.002, total_s=total_s)
            for mode, total_s in seconds.items()
            for _ in range(3)
        ],
    )


def first_token(strategy: str, warm_s: float = 0.004, cold_s: float = 0.008) -> FirstToken:
    """Return a time to the first token."""
    return FirstToken(strategy=strategy, distance=1, prompt_tokens=80, cached_tokens=40, warm_s=warm_s, cold_s=cold_s)


def transcripts(same: bool = True) -> Transcripts:
    """Return the part of chat.json on transcripts."""
    strategies = {
        "sliding_window": "last_turns(2)",
        "token_budget_history_on": "token_budget(160)",
        "saved_and_restored": "full",
    }
    chats = [
        TranscriptSummary(name=name, strategy=strategy, turns=8, most_left_out=5, most_prompt_tokens=90)
        for name, strategy in strategies.items()
    ]
    return Transcripts(model="m", chats=chats, restored=Restored(saved_after=3, same=same))


def chat(*recalls: RecallFile, same: bool = True, **seconds: float) -> ChatFile:
    """Return chat.json of these models."""
    models = [summary.summarize(recall, times(recall.model, **seconds)) for recall in recalls or (default(),)]
    return ChatFile(models=models, not_run=[], transcripts=transcripts(same))
