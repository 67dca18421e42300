"""Values as people type them: switches in words, lists with commas, names that look like numbers.

Snakemake's `--config` passes True, False and numbers on as such and everything else as text; inside braces all values are text.
YAML 1.1 reads on, yes and no as booleans, also where they are names.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator
from pydantic_core import ErrorDetails

from mmlu_kit.user_errors import UserError

# Far more than any config has; aliases of YAML can repeat a value without end.
MAX_DEPTH, MAX_VALUES = 20, 1_000_000
_SWITCHES = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
_NUMBER = re.compile(r"[+-]?[0-9][0-9_]*(\.[0-9]*)?(e[+-]?[0-9]+)?", re.I)


def _switch(value: Any) -> Any:
    return _SWITCHES.get(str(value).lower(), value) if isinstance(value, str | int) else value


def _names(value: Any) -> Any:
    values = value if isinstance(value, list) else [] if value is None else [value]
    texts = [_text(each) for each in values]
    if not all(isinstance(text, str) for text in texts):
        return value
    return list(dict.fromkeys(name for text in texts for name in re.split(r"[\s,]+", text) if name))


def _name(value: Any) -> Any:
    if value in (None, ""):
        raise ValueError("is empty: name one, as in --config study=demo")
    return _text(value)


def _text(value: Any) -> Any:
    """A number as text, anything else as it is."""
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


# A boolean that may also be typed as a word or as 1 and 0.
Switch = Annotated[bool, BeforeValidator(_switch, json_schema_input_type=bool)]
# A list of names that may also be typed as one text, 'small,medium', or as a number; nothing is an empty list.
Names = Annotated[list[str], BeforeValidator(_names, json_schema_input_type=list[str] | str)]
# A name that may look like a number: 2026.
NameOrNumber = Annotated[str, BeforeValidator(_name, json_schema_input_type=str)]


def intended_name(name: str, names: Iterable[str]) -> str:
    """The one of `names` that `name` means: Snakemake passes `study=007` on as 7, which means the only name of that number."""
    names = list(names)
    alike = [other for other in names if _number(other) == _number(name) is not None]
    return alike[0] if name not in names and len(alike) == 1 else name


def _number(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def check_keys(config: Mapping[Any, Any]) -> None:
    """Check that all keys of a config are text and that it ends; UserError says where they are not, and how to write them."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), config)]
    for keys, value in waiting:
        if len(keys) > MAX_DEPTH or len(waiting) > MAX_VALUES:
            where = _where(keys[:3])
            raise UserError(f"{where} is nested too deeply or repeats too much: write it without YAML's aliases (*name)")
        if isinstance(value, Mapping):
            for key in value:
                if not isinstance(key, str):
                    raise UserError(f"{_where(keys)}: {_key_problem(key)}")
            waiting += [((*keys, key), part) for key, part in value.items()]
        elif isinstance(value, list | tuple):
            waiting += [((*keys, str(number)), part) for number, part in enumerate(value)]


def _where(keys: Sequence[str]) -> str:
    return ": ".join(filter(None, ["config", ".".join(keys)]))


def _key_problem(key: Any) -> str:
    """What is wrong with a key that is not text, and how to write it."""
    if isinstance(key, bool):
        words = "yes, on or true" if key else "no, off or false"
        return f"YAML reads one of the keys here as the boolean {str(key).lower()}: write {words} in quotes"
    if isinstance(key, int | float):
        return f"YAML reads the key {key} as a number: write it in quotes"
    return f"the key {str(key)[:80]} is not text: write it in quotes"


def advice(problem: ErrorDetails, keys: Sequence[str]) -> str:
    """How to write the value of a problem in config, as the end of its message; '' if the message says enough."""
    kind, value = problem["type"], problem["input"]
    in_list = bool(keys) and keys[-1].isdigit()  # where null may be meant as a name
    if kind == "string_type" and (isinstance(value, bool | int | float) or (value is None and in_list)):
        return ": write it in quotes" + (" in a file, which --configfile names" if len(keys) == 1 else "")
    if not isinstance(value, str):
        return ""
    if kind in ("dict_type", "model_type", "model_attributes_type") and len(keys) == 1:
        if keys == ["studies"]:
            return f": did you mean study={value[:80]}?"
        return ": change it in a file, which --configfile names"
    if kind == "list_type":
        return f": write [{value[:80]}]"
    typed = kind in ("bool_type", "int_type", "float_type", "literal_error")
    if typed and (value.lower() in _SWITCHES or _NUMBER.fullmatch(value)):
        return ": write it without quotes, in a file (inside the braces of --config every value is text)"
    return ""
