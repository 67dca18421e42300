"""The manner in which a model was asked: the form of its conversations, and which questions were computed together."""

from collections.abc import Sequence
from typing import Self

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


class Packing(Data):
    """How many questions were computed together, with their shared prefix computed once, and how many one at a time."""

    packed: Count = Field(description="Questions computed in rows without padding, with others if there are any.")
    alone: Count = Field(description="Questions computed one at a time by the model's own attention.")
    reason: Text | None = Field(description="Why some were computed one at a time; null if none were.")

    @model_validator(mode="after")
    def _has_reason(self) -> Self:
        if (self.reason is not None) != (self.alone > 0):
            raise ValueError("needs a reason if and only if some questions were computed one at a time")
        return self

    def in_words(self) -> str:
        """'packed', 'one at a time, because …', or '90 packed, 10 one at a time, because …'."""
        if not self.alone:
            return "packed"
        alone = f"one at a time, because {self.reason}"
        return f"{self.packed} packed, {self.alone} {alone}" if self.packed else alone

    @classmethod
    def over(cls, parts: Sequence[Self]) -> Self:
        """Add up the questions of several subjects."""
        reasons = dict.fromkeys(part.reason for part in parts if part.reason)
        return cls(
            packed=sum(part.packed for part in parts),
            alone=sum(part.alone for part in parts),
            reason="; ".join(reasons) or None,
        )
