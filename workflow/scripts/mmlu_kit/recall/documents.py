"""The files of the recall experiment: what was asked and replied, what it took, the transcripts, and the summary."""

from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from mmlu_kit.data import Count, Data, Document, MedianRange, Positive, Seconds, Sha256, version
from mmlu_kit.settings import Effective, LoadSettings
from mmlu_kit.timing.machine import Machine

Kind = Literal["told", "corrected", "never", "rule"]
Outcome = Literal["right", "stale", "other", "not_knowing", "unclear"]
Reader = Literal["model", "oracle"]
Ended = Literal["end", "length", "interrupted"]
Mode = Literal["on", "on_without_cache", "off"]


class Turn(Data):
    """One turn of a chat with a scripted user."""

    user: str
    assistant: str
    prompt_tokens: Positive
    left_out: Count = Field(description="Turns that the model was not shown.")
    ended: Ended = Field(description="How the reply ended: by the model itself, at its longest, or interrupted.")


class Session(Data):
    """A chat and what its last reply says."""

    turns: list[Turn]
    outcome: Outcome


class TrialRecord(Data):
    """One conversation; its messages follow from the seed, so their hash is enough."""

    kind: Kind
    distance: Positive = Field(description="How many turns before the question the right value is told.")
    fact: str
    value: str | None = Field(description="The right answer; null where it was never told.")
    stale: str | None = Field(description="What was told before it was corrected.")
    word: str | None = Field(description="What the rule asks every reply to end with.")
    turns: Positive
    messages_sha256: Sha256


class ReplyRecord(Data):
    """A reply and what it says; `other` is a value that was not told, `unclear` neither a value nor that it does not know."""

    text: str
    outcome: Outcome
    rule_kept: bool | None = Field(description="Whether it ends with the rule's word; null without a rule.")


class Replies(Data):
    """The replies of both readers to one prompt."""

    model: ReplyRecord
    oracle: ReplyRecord


class ProbeRecord(Data):
    """One conversation under one strategy, and the replies to it."""

    trial: Count = Field(description="Its place in `trials`.")
    strategy: str
    in_context: bool = Field(description="Whether the right value is in what the model is shown.")
    stale_in_context: bool
    left_out: Count = Field(description="Turns that the model was not shown.")
    prompt_tokens: Positive
    cached_tokens: Count = Field(description="How many of the prompt's first tokens the KV cache has from the turn before.")
    replies: Replies


def _on_and_off(sessions: dict[str, Session]) -> dict[str, Session]:
    if sorted(sessions) != ["off", "on"]:
        raise ValueError("a chat with history on and one with history off are needed")
    return sessions


Alice = Annotated[dict[Literal["on", "off"], Session], AfterValidator(_on_and_off)]


class ChatModel(Data):
    """A chat model and how it ran."""

    model: str
    repository: str | None
    commit: str | None
    parameters: Count
    requested: LoadSettings
    effective: Effective
    reason: str | None = Field(description="Why it did not run as requested.")
    context: Positive | None = Field(description="How many tokens the model can attend to; null where it does not say.")


class Design(Data):
    """What the experiment asked, and the writeup's example."""

    strategies: list[str]
    distances: list[Positive]
    trials_each: Positive = Field(description="Conversations of each kind and distance.")
    max_new_tokens: Positive
    seed: int
    alice: Alice = Field(description="The writeup's example, with history on and off.")


class RecallFile(Document, ChatModel, Design):
    """chat/<model>/recall.json: what one chat model was shown of each conversation under each strategy, and every reply.

    The same bytes on every run of one machine and version.
    """

    schema_: Literal["mmlu-kit/recall/1"] = version("mmlu-kit/recall/1")
    model_files: dict[str, Sha256] = Field(description="The SHA-256 of each of the model's files.")
    trials: list[TrialRecord]
    probes: list[ProbeRecord] = Field(description="Each trial under each strategy.")


class FirstToken(Data):
    """The time to the first token of one probe's reply."""

    strategy: str
    distance: Positive
    prompt_tokens: Positive
    cached_tokens: Count = Field(description="What was found in the cache of the turn before.")
    warm_s: Seconds = Field(description="With that cache.")
    cold_s: Seconds = Field(description="Without.")


class IndependentMessage(Data):
    """What a message took that needs nothing said before."""

    mode: Mode = Field(description="History on, on without a KV cache kept, off.")
    prompt_tokens: Positive
    new_tokens: Count
    first_token_s: Seconds
    total_s: Seconds


class RecallTimesFile(Document):
    """chat/<model>/times.json: what replies of one chat model took; differs from run to run."""

    schema_: Literal["mmlu-kit/recall_times/1"] = version("mmlu-kit/recall_times/1")
    model: str
    repository: str | None
    commit: str | None
    machine: Machine
    threads: Positive
    first_token: list[FirstToken] = Field(description="The first conversations of each strategy and distance.")
    independent: list[IndependentMessage] = Field(description="Messages that need nothing said before, asked in a row.")


class TranscriptSummary(Data):
    """One whole chat."""

    name: str = Field(description="The file's name without .md.")
    strategy: str
    turns: Positive
    most_left_out: Count = Field(description="The most turns that the model was not shown.")
    most_prompt_tokens: Positive


class Restored(Data):
    """The saved chat, continued by another process, beside the same chat without a break."""

    saved_after: Positive = Field(description="How many turns it had when it was saved.")
    same: bool = Field(description="Whether all replies are the same.")


class Transcripts(Data):
    """What the three transcripts show."""

    model: str
    chats: list[TranscriptSummary]
    restored: Restored


class TranscriptsFile(Document, Transcripts):
    """chat/transcripts.json: what the transcripts beside it show; the same bytes on every run of one machine and version."""

    schema_: Literal["mmlu-kit/transcripts/1"] = version("mmlu-kit/transcripts/1")


class RecallCounts(Data):
    """Facts that were told, or told and corrected, and asked for."""

    n: Count = Field(description="How many.")
    in_context: Count = Field(description="Of these still in what the reader is shown.")
    right: Count = Field(description="Recalled.")
    right_in_context: Count
    low: float = Field(description="The 95 % Wilson interval of right / n.")
    high: float
    other: Count = Field(description="A value that was not told.")
    not_knowing: Count
    unclear: Count


class CorrectedCounts(Data):
    """Facts that were corrected."""

    n: Count
    stale: Count = Field(description="Answered with the value before its correction.")


class NeverCounts(Data):
    """Facts that were never told."""

    n: Count
    false_recall: Count = Field(description="Answered with a value.")
    not_knowing: Count


class RuleCounts(Data):
    """Conversations with a rule."""

    n: Count
    kept: Count


class PromptTokens(Data):
    """The length of prompts."""

    mean: float
    max: Positive


class CachedTokens(Data):
    """How much of prompts the cache had."""

    mean: float


class RecallRow(Data):
    """What one reader recalled under one strategy."""

    reader: Reader = Field(description="The oracle is no language model: it finds the fact by a regular expression.")
    strategy: str
    distance: Positive | None = Field(description="Turns between fact and question; null over all distances.")
    recall: RecallCounts
    corrected: CorrectedCounts
    never: NeverCounts
    rule: RuleCounts
    prompt_tokens: PromptTokens
    cached_tokens: CachedTokens


class StrategyComparison(Data):
    """A strategy's recall beside full history's on the same facts, by the exact McNemar test."""

    strategy: str
    only_full: Count = Field(description="Facts recalled with full history alone.")
    only_strategy: Count
    p: float
    p_holm: float = Field(description="Corrected for the number of strategies by Holm's method.")


class FirstTokenSummary(Data):
    """Times to a reply's first token under one strategy."""

    strategy: str
    n: Count
    warm_s: MedianRange
    cold_s: MedianRange
    prompt_tokens: MedianRange
    cached_tokens: MedianRange


class IndependentSummary(Data):
    """What a message took that needs nothing said before, in one mode."""

    n: Count
    first_token_s: MedianRange
    total_s: MedianRange
    prompt_tokens: MedianRange
    new_tokens: MedianRange


class ChatModelSummary(ChatModel, Design):
    """What one chat model recalls and costs."""

    rows: list[RecallRow]
    comparisons: list[StrategyComparison]
    first_token: list[FirstTokenSummary]
    independent: dict[Mode, IndependentSummary]
    machine: Machine
    threads: Positive


class ChatModelNotRun(Data):
    """A chat model that the machine could not run."""

    model: str
    requested: LoadSettings
    reason: str


class ChatFile(Document):
    """chat.json: what chat models recall of conversations under each strategy, and what that costs; counts, not percentages."""

    schema_: Literal["mmlu-kit/chat_summary/2"] = version("mmlu-kit/chat_summary/2")
    models: list[ChatModelSummary] = Field(description="Those that ran, in the study's order.")
    not_run: list[ChatModelNotRun]
    transcripts: Transcripts | None = Field(description="Three whole chats; null where the model could not be run.")
