"""The files of the recall experiment: conversations and replies, times, transcripts, and the summary."""

import itertools
from typing import Annotated, Literal, Self, get_args

from pydantic import AfterValidator, Field, model_validator

from mmlu_kit.data import Count, Data, Document, Fraction, MedianRange, Positive, Seconds, Sha256, at_most, version
from mmlu_kit.inputs.adapters import AdapterIdentity
from mmlu_kit.settings import Effective, LoadSettings, PromptSettings
from mmlu_kit.template_arguments import TemplateArguments
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
    left_out: Count = Field(description="Turns that were left out of the model's view.")
    ended: Ended = Field(description="How the reply ended: by the model itself, at the token limit, or interrupted.")


class Session(Data):
    """A chat and the outcome of its last reply."""

    turns: list[Turn]
    outcome: Outcome


class TrialRecord(Data):
    """One conversation; its messages follow from the seed, so only their hash is stored."""

    kind: Kind
    distance: Positive = Field(description="How many turns before the question the right value is told.")
    fact: str
    value: str | None = Field(description="The right answer; null if it was never told.")
    stale: str | None = Field(description="The value before the correction; null without one.")
    word: str | None = Field(description="The word with which the rule asks every reply to end; null without a rule.")
    turns: Positive
    messages_sha256: Sha256

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        for key, kind, is_null in (("value", "never", True), ("stale", "corrected", False), ("word", "rule", False)):
            if (getattr(self, key) is None) != ((self.kind == kind) == is_null):
                raise ValueError(f"{key} contradicts the kind, {self.kind}")
        return self


class ReplyRecord(Data):
    """A reply and its outcome; `other` is a value that was not told, `unclear` neither a value nor 'I do not know'."""

    text: str
    outcome: Outcome
    rule_kept: bool | None = Field(description="Whether the reply ends with the rule's word; null without a rule.")


class Replies(Data):
    """The replies of the model and of the oracle to one prompt."""

    model: ReplyRecord
    oracle: ReplyRecord


class ProbeRecord(Data):
    """One conversation under one strategy, and the replies to it."""

    trial: Count = Field(description="The conversation's index in `trials`.")
    strategy: str
    in_context: bool = Field(description="Whether the model's view contains the right value.")
    stale_in_context: bool = Field(description="Whether the model's view contains the stale value.")
    left_out: Count = Field(description="Turns that were left out of the model's view.")
    prompt_tokens: Positive
    cached_tokens: Count = Field(description="Tokens of the prompt's prefix that are in the KV cache of the previous turn.")
    replies: Replies
    _limits = model_validator(mode="after")(at_most("prompt_tokens", "cached_tokens"))


def _on_and_off(sessions: dict[str, Session]) -> dict[str, Session]:
    if sorted(sessions) != ["off", "on"]:
        raise ValueError("needs one chat with history on and one with history off")
    return sessions


Alice = Annotated[dict[Literal["on", "off"], Session], AfterValidator(_on_and_off)]


class ChatModel(Data):
    """A chat model and how it ran."""

    model: str
    repository: str | None
    commit: str | None
    adapter: AdapterIdentity | None = Field(None, description="The adapter that was applied to the model; null without one.")
    parameters: Count
    requested: LoadSettings
    template_arguments: TemplateArguments = Field(description=PromptSettings.model_fields["template_arguments"].description)
    effective: Effective
    reason: str | None = Field(description="Why it did not run as requested; null if it did.")
    context: Positive | None = Field(description="The model's context length in tokens; null if its configuration has none.")


class Design(Data):
    """The design of the experiment, and the writeup's example."""

    strategies: list[str]
    distances: list[Positive]
    trials_each: Positive = Field(description="Conversations of each kind at each distance.")
    max_new_tokens: Positive
    seed: int
    alice: Alice = Field(description="The writeup's example, with history on and off.")


class RecallFile(Document, ChatModel, Design):
    """chat/<model>/recall.json: a chat model's view of each conversation under each strategy, and every reply.

    The file has the same bytes in every run with one machine and version.
    """

    schema_: Literal["mmlu-kit/recall/2"] = version("mmlu-kit/recall/2")
    model_files: dict[str, Sha256] = Field(description="The SHA-256 of each of the model's files.")
    trials: list[TrialRecord]
    probes: list[ProbeRecord] = Field(description="Each trial under each strategy.")

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        probed = sorted((probe.trial, probe.strategy) for probe in self.probes)
        if probed != sorted(itertools.product(range(len(self.trials)), self.strategies)):
            raise ValueError("probes are not each trial under each strategy")
        designed = [pair for pair in itertools.product(get_args(Kind), self.distances) for _ in range(self.trials_each)]
        if sorted((trial.kind, trial.distance) for trial in self.trials) != sorted(designed):
            raise ValueError("trials are not trials_each of each kind at each distance")
        for probe in self.probes:
            for reply in (probe.replies.model, probe.replies.oracle):
                if (reply.rule_kept is None) != (self.trials[probe.trial].word is None):
                    raise ValueError(f"rule_kept of trial {probe.trial} contradicts its kind")
        return self


class FirstToken(Data):
    """The time to the first token of one probe's reply."""

    strategy: str
    distance: Positive
    prompt_tokens: Positive
    cached_tokens: Count = Field(description="Prompt tokens reused from the previous turn's KV cache.")
    warm_s: Seconds = Field(description="The time with that cache.")
    cold_s: Seconds = Field(description="The time without a cache.")
    _limits = model_validator(mode="after")(at_most("prompt_tokens", "cached_tokens"))


class IndependentMessage(Data):
    """The time of a reply to a message that does not refer to earlier ones."""

    mode: Mode = Field(description="History on, history on without keeping the KV cache, or history off.")
    prompt_tokens: Positive
    new_tokens: Count
    first_token_s: Seconds
    total_s: Seconds
    _limits = model_validator(mode="after")(at_most("total_s", "first_token_s"))


class RecallTimesFile(Document):
    """chat/<model>/times.json: how long replies of a chat model took; differs from run to run."""

    schema_: Literal["mmlu-kit/recall_times/2"] = version("mmlu-kit/recall_times/2")
    model: str
    repository: str | None
    commit: str | None
    machine: Machine
    threads: Positive
    first_token: list[FirstToken] = Field(description="Times of the first conversations of each strategy and distance.")
    independent: list[IndependentMessage] = Field(description="Messages that do not refer to earlier ones, sent in a row.")


class TranscriptSummary(Data):
    """One whole chat."""

    name: str = Field(description="The file's name without .md.")
    strategy: str
    turns: Positive
    most_left_out: Count = Field(description="The largest number of turns left out of the model's view.")
    most_prompt_tokens: Positive


class Restored(Data):
    """A saved chat continued by another process, compared with the same chat without an interruption."""

    saved_after: Positive = Field(description="How many turns the chat had when it was saved.")
    same: bool = Field(description="Whether all replies are the same.")


class Transcripts(Data):
    """A summary of the three transcripts."""

    model: str
    chats: list[TranscriptSummary]
    restored: Restored


class TranscriptsFile(Document, Transcripts):
    """chat/transcripts.json: a summary of the transcripts; it has the same bytes in every run with one machine and version."""

    schema_: Literal["mmlu-kit/transcripts/1"] = version("mmlu-kit/transcripts/1")


class RecallCounts(Data):
    """Recall of facts that were told, or told and corrected."""

    n: Count = Field(description="All such facts.")
    in_context: Count = Field(description="Those that the reader's view contains.")
    right: Count = Field(description="Those recalled.")
    right_in_context: Count
    low: Fraction = Field(description="The lower end of the 95 % Wilson interval of right / n.")
    high: Fraction = Field(description="The upper end of the interval.")
    other: Count = Field(description="Those answered with a value that was not told.")
    not_knowing: Count
    unclear: Count
    _limits = model_validator(mode="after")(at_most("n", "in_context", "right", "other", "not_knowing", "unclear"))
    _limits_in_context = model_validator(mode="after")(at_most("in_context", "right_in_context"))

    @model_validator(mode="after")
    def _agrees(self) -> Self:
        if self.right_in_context > self.right or self.right + self.other + self.not_knowing + self.unclear > self.n:
            raise ValueError("the counts of outcomes are more than n")
        if self.n and not self.low - 1e-9 <= self.right / self.n <= self.high + 1e-9:
            raise ValueError("right / n is not within its interval")
        return self


class CorrectedCounts(Data):
    """Facts that were corrected."""

    n: Count
    stale: Count = Field(description="Those answered with the value before the correction.")
    _limits = model_validator(mode="after")(at_most("n", "stale"))


class NeverCounts(Data):
    """Facts that were never told."""

    n: Count
    false_recall: Count = Field(description="Those answered with a value.")
    not_knowing: Count
    _limits = model_validator(mode="after")(at_most("n", "false_recall", "not_knowing"))


class RuleCounts(Data):
    """Conversations with a rule."""

    n: Count
    kept: Count
    _limits = model_validator(mode="after")(at_most("n", "kept"))


class PromptTokens(Data):
    """The length of prompts."""

    mean: float = Field(ge=0)
    max: Positive


class CachedTokens(Data):
    """How many prompt tokens were reused from the cache."""

    mean: float = Field(ge=0)


class RecallRow(Data):
    """What one reader recalled under one strategy."""

    reader: Reader = Field(description="The model, or the oracle, which finds the fact with a regular expression.")
    strategy: str
    distance: Positive | None = Field(description="Turns between fact and question; null for all distances together.")
    recall: RecallCounts
    corrected: CorrectedCounts
    never: NeverCounts
    rule: RuleCounts
    prompt_tokens: PromptTokens
    cached_tokens: CachedTokens


class StrategyComparison(Data):
    """A strategy's recall compared with that of full history on the same facts, by the exact McNemar test."""

    strategy: str
    only_full: Count = Field(description="Facts recalled only with full history.")
    only_strategy: Count = Field(description="Facts recalled only with the strategy.")
    p: Fraction
    p_holm: Fraction = Field(description="Corrected for the number of strategies by Holm's method.")


class FirstTokenSummary(Data):
    """Times to a reply's first token under one strategy."""

    strategy: str
    n: Count
    warm_s: MedianRange
    cold_s: MedianRange
    prompt_tokens: MedianRange
    cached_tokens: MedianRange


class IndependentSummary(Data):
    """Times of replies to messages that do not refer to earlier ones, in one mode."""

    n: Count
    first_token_s: MedianRange
    total_s: MedianRange
    prompt_tokens: MedianRange
    new_tokens: MedianRange


class ChatModelSummary(ChatModel, Design):
    """A chat model's recall and cost."""

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
    """chat.json: recall and cost of chat models under each strategy, as counts, not percentages."""

    schema_: Literal["mmlu-kit/chat_summary/4"] = version("mmlu-kit/chat_summary/4")
    models: list[ChatModelSummary] = Field(description="The models that ran, in the study's order.")
    not_run: list[ChatModelNotRun]
    transcripts: Transcripts | None = Field(description="Three whole chats; null if the model could not be run.")

    @model_validator(mode="after")
    def _each_once(self) -> Self:
        names = [*(model.model for model in self.models), *(model.model for model in self.not_run)]
        if len({*names}) < len(names):
            raise ValueError("a model occurs twice")
        for model in self.models:
            rows = [(row.reader, row.strategy, row.distance) for row in model.rows]
            if rows != list(itertools.product(get_args(Reader), model.strategies, (None, *model.distances))):
                raise ValueError(f"the rows of {model.model} are not one for each reader, strategy and distance")
        return self
