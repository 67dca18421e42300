"""The messages of scripted users: the writeup's example with history on and off, and the chats of the three transcripts."""

from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from mmlu_kit.chat import views
from mmlu_kit.chat.views import Strategy
from mmlu_kit.data import Data, Positive
from mmlu_kit.recall import yaml_files


class Example(Data):
    """The name of a fact in conversations.yaml, and the value that is told."""

    fact: str
    value: str


class Script(Data):
    """The user's messages in one chat, and the strategy for its views."""

    strategy: Annotated[Strategy, BeforeValidator(lambda text: views.parse(str(text)))]
    user: Annotated[tuple[str, ...], Field(min_length=1)]


class InterruptedScript(Script):
    """A chat that is saved after some turns and restored by another process."""

    saved_after: Positive

    @model_validator(mode="after")
    def _goes_on(self) -> "InterruptedScript":
        if self.saved_after >= len(self.user):
            raise ValueError("saved_after must be smaller than the number of turns")
        return self


class Scripts(Data):
    """workflow/recall/transcripts.yaml."""

    alice: Example
    sliding_window: Script
    token_budget_history_on: Script
    saved_and_restored: InterruptedScript


def read(path: Path) -> Scripts:
    """Read the scripts from a YAML file; any other file raises UserError."""
    return yaml_files.read(path, Scripts, "the users' messages in the transcripts")
