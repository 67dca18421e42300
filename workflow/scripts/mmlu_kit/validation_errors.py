"""One-line messages for invalid data: which key, what is wrong, and what would be right."""

import difflib
import json
from collections.abc import Iterable
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

MAX_MESSAGE_LENGTH = 300

# Pydantic's error types, and what our messages say the value needs.
_NEEDS = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "finite_number": "a finite number",
    "bool_type": "true or false",
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
    "too_short": "{min_length} or more entries",
    "too_long": "{max_length} or fewer entries",
    "string_too_short": "{min_length} or more characters",
}


def explain(error: ValidationError, value: Any) -> str:
    """The first problem in `value`, in one line: "models.m.device: 'gpu' is not known; did you mean 'cpu'?"."""
    key, message = first_problem(error, value)
    return f"{key}: {message}" if key else message


def explain_json(error: ValidationError, text: str | bytes) -> str:
    """The first problem in a JSON text, in one line."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        first = error.errors(include_url=False)[0]
        return f"not valid JSON ({first['msg'].removeprefix('Invalid JSON: ')})"
    return explain(error, value)


def suggestion(word: str, known: Iterable[str]) -> str:
    """ "did you mean 'cpu'?" if a known word is close, else the list of all known words."""
    known = list(known)
    return did_you_mean(word, known) or f"known: {', '.join(known)}"


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """ "did you mean 'cpu'?" for the known word that is closest, in whatever case; '' if none is close."""
    words = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), words, n=1)
    return f"did you mean '{words[near[0]]}'?" if near else ""


def first_problem(error: ValidationError, value: Any) -> tuple[str, str]:
    """The key of the first problem in `value` ('' for the value as a whole) and what is wrong there."""
    problem, keys = first_details(error, value)
    return ".".join(keys), _message(problem)[:MAX_MESSAGE_LENGTH]


def first_details(error: ValidationError, value: Any) -> tuple[ErrorDetails, list[str]]:
    """Pydantic's details of the first problem in `value`, and the path of keys to it."""
    problems = error.errors(include_url=False)
    keys = _keys(problems[0], value)
    # A union reports a problem for each of its types; for a text, the list of known words helps most.
    same_key = [problem for problem in problems if _keys(problem, value) == keys]
    unknown_words = [problem for problem in same_key if problem["type"] in ("enum", "literal_error")]
    return unknown_words[0] if unknown_words and isinstance(unknown_words[0]["input"], str) else problems[0], keys


def _keys(problem: ErrorDetails, value: Any) -> list[str]:
    """The path to a problem in `value`, without the names of union members that pydantic adds to it."""
    path = problem["loc"]
    if path[-1:] == ("[key]",):
        path = path[:-2]  # the key itself is invalid, and the message names it
    keys: list[str] = []
    for part in path:
        known = range(len(value)) if isinstance(value, list) else value if isinstance(value, dict) else ()
        if part in known:
            value = value[part]
            keys.append(str(part))
    return [*keys, str(path[-1])] if problem["type"] == "missing" else keys


def _message(problem: ErrorDetails) -> str:
    """What is wrong, with the value and the limit."""
    kind, value, context = problem["type"], problem["input"], problem.get("ctx", {})
    if kind in _NEEDS:
        length = f"{len(value)}" if kind in ("too_short", "too_long") else _display(value)
        return f"needs {_NEEDS[kind].format(**context)}, not {length}"
    if kind in ("enum", "literal_error"):
        known = [name.strip("'") for name in str(context["expected"]).replace(" or ", ", ").split(", ")]
        return f"{_display(value)} is not known; {suggestion(str(value), known)}"
    if kind == "extra_forbidden":
        return f"'{problem['loc'][-1]}' is not a key here"
    if kind == "string_pattern_mismatch":
        return f"{_display(value)} does not match {context['pattern']}"
    return "missing" if kind == "missing" else problem["msg"].removeprefix("Value error, ")


def _display(value: Any) -> str:
    """A value as shown in a message."""
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return f"'{value[:80]}'" if isinstance(value, str) else json.dumps(value, default=str)[:80]
