"""Documents whose texts the report can use anywhere: names, reasons and descriptions from outside add no markup to it."""

from enum import Enum
from typing import Any

from mmlu_kit.data import AnyData, Data
from mmlu_kit.formatting import escaped
from mmlu_kit.recall.documents import Session

# Shown in code blocks, as they are.
_CODE = (Session,)


def markdown_safe(document: AnyData) -> AnyData:
    """Return a copy of a document with each of its texts escaped for Markdown.

    Keys are escaped alike, so what they name is still found. Chats stay as they are.
    """
    return document.model_copy(update={name: _safe(getattr(document, name)) for name in type(document).model_fields})


def _safe(value: Any) -> Any:
    if isinstance(value, str) and not isinstance(value, Enum):
        return escaped(value)
    if isinstance(value, Data) and not isinstance(value, _CODE):
        return markdown_safe(value)
    if isinstance(value, dict):
        return {_safe(key): _safe(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(map(_safe, value))
    return value
