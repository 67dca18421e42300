"""What the report says of prompts that a model was not given as other models were, or that end before its answer begins."""

from collections.abc import Sequence

from mmlu_kit.evaluation.manner import Conversation
from mmlu_kit.results.merged import Merged


def notes(merged: Merged, models: Sequence[str]) -> list[str]:
    """Return a sentence for each of these models whose chat template needs one."""
    conversations = {name: merged.models[name].conversation for name in models}
    return [
        f"**{name}**: {sentence}"
        for name, conversation in conversations.items()
        if conversation is not None
        for sentence in _sentences(conversation)
    ]


def _sentences(conversation: Conversation) -> list[str]:
    sentences = []
    if conversation.open_thought:
        sentences.append(
            "its prompts end within an open thought, so the best letter is how its reasoning would begin and not its answer. "
            "Turn reasoning off with `template_arguments`, or let it generate a longer answer."
        )
    elif conversation.before_answer.strip():
        sentences.append(
            f"its chat template writes {_code(conversation.before_answer)} before an answer, and the best letter is scored "
            "before that. Turn reasoning off with `template_arguments`, or let it generate a longer answer."
        )
    if conversation.system == "first user turn":
        sentences.append("its chat template writes no system message, so the header begins the first user message.")
    return sentences


def _code(text: str) -> str:
    """A text of a model's own as code in one line."""
    return f"`{' '.join(text.replace('`', ' ').split())[:80]}`"
