"""What the report says of prompts that end before an answer begins, or that a template takes in another form."""

from collections.abc import Sequence

from mmlu_kit import formatting
from mmlu_kit.results.merged import Merged


def notes(merged: Merged, models: Sequence[str]) -> list[str]:
    """Return a sentence for each of these models whose chat template needs one."""
    conversations = {name: merged.models[name].conversation for name in models}
    return [
        f"**{name}**: {formatting.cell(note)}."
        for name, conversation in conversations.items()
        for note in (conversation.notes() if conversation else [])
    ]
