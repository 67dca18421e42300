"""The manner in which a model was asked: the form of its conversations, and which questions were computed together."""

from collections.abc import Sequence
from typing import Literal, Self

from pydantic import Field, model_validator

from mmlu_kit.data import Count, Data, Text
from mmlu_kit.evaluation.messages import Contents, System


class Conversation(Data):
    """How a model's chat template takes the questions."""

    contents: Contents = Field(description="How a message's content is given: as text, or as a list with one text part.")
    system: System = Field(
        description="Where the header is: in a system turn, or at the beginning of the first user turn if the template does "
        "not write system messages."
    )
    before_answer: str = Field(
        description="What the template writes between the prompt and an assistant's reply. White space is part of the answer's "
        "token. After anything else, such as a mark of reasoning, the model is asked before its answer begins."
    )
    open_thought: bool = Field(description="Whether the prompt ends within the model's reasoning.")

    def notes(self) -> list[str]:
        """What a reader of the model's numbers must know, as sentences without a subject."""
        notes = []
        advice = "turn reasoning off with template_arguments, or let it generate a longer answer"
        if self.open_thought:
            notes.append(f"the prompt ends within an open thought, so the best letter is not its answer: {advice}")
        elif self.before_answer.strip():
            mark = "".join(letter if letter.isprintable() else "\ufffd" for letter in " ".join(self.before_answer.split()))
            template = f"its chat template writes {mark[:80]} before an answer"
            notes.append(f"{template}, and the best letter is scored before that: {advice}")
        if self.system == "first user turn":
            notes.append("its chat template writes no system message, so the header begins the first user message")
        return notes

    @property
    def space(self) -> str:
        """The white space with which an answer begins."""
        return "" if self.before_answer.strip() else self.before_answer


Together = Literal["packed", "prefix", "steps", "whole"]
_IN_WORDS = {
    "packed": "packed",
    "prefix": "from the shared prefix",
    "steps": "from the shared prefix token by token",
    "whole": "in batches of whole prompts",
    "alone": "one at a time",
}


class Packing(Data):
    """How many questions were computed in which way: together, mostly with their shared prefix computed once, or alone."""

    packed: Count = Field(0, description="Questions computed in rows without padding, with others if there are any.")
    prefix: Count = Field(
        0, description="Questions computed in batches that continue the model's own cache of their shared prefix."
    )
    steps: Count = Field(
        0,
        description="Questions computed one token at a time, many at once, from the cache of their shared prefix.",
    )
    whole: Count = Field(0, description="Questions whose whole prompts were computed in batches.")
    alone: Count = Field(0, description="Questions computed one at a time by the model's own attention.")
    reason: Text | None = Field(None, description="Why some were not packed; null if all were.")

    @model_validator(mode="after")
    def _has_reason(self) -> Self:
        if (self.reason is not None) != (self.packed < self.questions):
            raise ValueError("needs a reason if and only if some questions were not packed")
        return self

    @property
    def questions(self) -> int:
        """The number of questions."""
        return sum(self._counts().values())

    def in_words(self) -> str:
        """'packed', 'from the shared prefix, because …', or '90 packed, 10 one at a time, because …'."""
        counts = {_IN_WORDS[way]: count for way, count in self._counts().items() if count}
        ways = ", ".join(f"{count} {words}" for words, count in counts.items()) if len(counts) > 1 else "".join(counts)
        return f"{ways}, because {self.reason}" if self.reason else ways

    def _counts(self) -> dict[str, int]:
        return {way: getattr(self, way) for way in _IN_WORDS}

    @classmethod
    def over(cls, parts: Sequence[Self]) -> Self:
        """Add up the questions of several subjects."""
        reasons = dict.fromkeys(part.reason for part in parts if part.reason)
        counts = {way: sum(getattr(part, way) for part in parts) for way in _IN_WORDS}
        return cls(**counts, reason="; ".join(reasons) or None)
