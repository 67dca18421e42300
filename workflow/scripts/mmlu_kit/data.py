"""Typed data: what every file of the kit is read into and written from, and the limits that fields share.

A model refuses unknown keys, NaN and infinities; a file is read strictly, so that "3" is no number and 1 no boolean.
"""

import difflib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mmlu_kit import files
from mmlu_kit.user_errors import UserError

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0)]
Joules = Annotated[float, Field(ge=0)]
Bytes = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
# A name that is also a file name, as results are kept under it.
Name = Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Text = Annotated[str, Field(min_length=1)]

LONGEST_MESSAGE = 300


class Data(BaseModel):
    """Immutable data whose fields are checked when it is made; a change is a copy: `model_copy(update=…)`."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        serialize_by_alias=True,
        protected_namespaces=(),
        defer_build=True,  # a program builds only the validators it uses
    )

    def plain(self) -> dict[str, Any]:
        """The data as JSON has it."""
        return self.model_dump(mode="json")

    # Until every reader uses attributes.
    def __getitem__(self, key: str) -> Any:
        return getattr(self, "schema_" if key == "schema" else key)

    def keys(self) -> list[str]:
        return list(type(self).model_fields)

    def get(self, key: str, default: Any = None) -> Any:
        return getattr(self, key, default)


class MedianRange(Data):
    """What repeated measurements gave."""

    median: float
    smallest: float
    largest: float

    @classmethod
    def over(cls, values: Sequence[float]) -> Self:
        """Median, smallest and largest of at least one value."""
        return cls(median=median(values), smallest=min(values), largest=max(values))


def version(name: str) -> Any:
    """The `schema` field of a file's form, as in `schema_: Literal["mmlu-kit/run/1"] = version("mmlu-kit/run/1")`."""
    return Field(name, alias="schema", description="The file's form and its version.")


class Document(Data):
    """A JSON file with a `schema`, as 'mmlu-kit/run/1'."""

    @classmethod
    def form(cls) -> str:
        """The form and version that this class reads and writes."""
        return str(cls.model_fields["schema_"].default)

    @classmethod
    def parse(cls, text: str | bytes, where: str) -> Self:
        """The document that a JSON text holds; anything else raises UserError naming `where` and the key."""
        try:
            value = cls.model_validate_json(text, strict=True)
            if "schema_" in value.model_fields_set:
                return value
            problem = "schema: Field required"
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            if first["type"] == "json_invalid":
                reason = first["msg"].removeprefix("Invalid JSON: ")
                raise UserError(f"{where} is not valid JSON ({reason}): delete it and run again") from None
            problem = explain(error)
        kind = cls.form().split("/")[1]
        theirs = _schema(text)
        if theirs and theirs != cls.form() and theirs.startswith(f"mmlu-kit/{kind}/"):
            made = f"{where} was made by another version of the kit ({theirs[:40]}, here {cls.form()})"
            raise UserError(f"{made}: make it with this one")
        raise UserError(f"{where}: not a valid {kind} file at {problem}; delete it and run again")

    @classmethod
    def read(cls, path: Path) -> Self:
        """The document in a file; a missing or damaged file raises UserError naming it."""
        return cls.parse(files.read_text(path), str(path))

    def write(self, path: Path) -> None:
        """Write the document, whole or not at all; equal documents are equal bytes."""
        files.write_json(path, self.plain())


def explain(error: ValidationError) -> str:
    """The first thing that is wrong, in one line: 'models.m.device: 'gpu' is not known; did you mean 'cpu'?'."""
    first = error.errors(include_url=False)[0]
    # A tag that chooses between the forms of an entry is no key of the file.
    keys = [str(part) for part in first["loc"] if not str(part).startswith("as_")]
    message = first["msg"].removeprefix("Value error, ")
    expected = first.get("ctx", {}).get("expected")
    if first["type"] == "extra_forbidden":
        message = f"'{keys[-1]}' is not known here" if keys else "an unknown key"
    elif first["type"] in ("enum", "literal_error") and isinstance(expected, str):
        known = [name.strip("'") for name in expected.replace(" or ", ", ").split(", ")]
        message = f"'{first['input']}' is not known; {suggestion(str(first['input']), known)}"
    elif not isinstance(first["input"], dict | list):
        message += f", and it is {json.dumps(first['input'], ensure_ascii=False, default=str)[:80]}"
    where = ".".join(keys) or "the top level"
    return f"{where}: {message}"[:LONGEST_MESSAGE]


def suggestion(word: str, known: Iterable[str]) -> str:
    """'did you mean 'cpu'?' for a near miss, else all that is known."""
    known = list(known)
    near = difflib.get_close_matches(word, known, n=1)
    return f"did you mean '{near[0]}'?" if near else f"known: {', '.join(known)}"


def _schema(text: str | bytes) -> str | None:
    """The schema that a JSON text names, None where it is no such text."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    schema = value.get("schema") if isinstance(value, dict) else None
    return schema if isinstance(schema, str) else None
