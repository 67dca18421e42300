"""Arguments that a config passes to chat templates: their names and values, validated."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator


def _argument_name(name: str) -> str:
    """Check a template argument's name: it must be able to reach the template, and not replace what the kit itself passes."""
    if not name.isidentifier() or name.startswith("_"):
        raise ValueError(f"'{name[:80]}' is not a name of an argument: use letters, digits and underscores")
    if name in TEMPLATE_NAMES or name.endswith("_token"):
        raise ValueError(f"'{name}' is set by the kit or by the template language: remove it")
    return name


def _argument(value: Any) -> Any:
    if not (len(value) <= 200 if isinstance(value, str) else isinstance(value, bool | int | float) and abs(value) < 2**63):
        raise ValueError("needs true, false, a number or a text of at most 200 characters")
    return value


# Names that chat templates have without arguments, and parameters of the functions that render them.
TEMPLATE_NAMES = frozenset(
    (
        "messages tools documents add_generation_prompt date_string strftime_now raise_exception conversation conversations "
        "chat_template continue_final_message tokenize sanitize_control_tokens padding truncation max_length return_tensors "
        "return_dict return_assistant_tokens_mask tokenizer_kwargs additional_special_tokens extra_special_tokens "
        "range dict namespace lipsum cycler joiner loop self caller varargs kwargs"
    ).split()
)
TemplateArguments = Mapping[
    Annotated[str, AfterValidator(_argument_name)], Annotated[bool | int | float | str, BeforeValidator(_argument)]
]
