"""Base classes for the kit's data and files, and types that their fields share.

Unknown keys, NaN and infinities are refused. Files are read strictly: "3" is not a number, 1 is not a boolean.
"""

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from mmlu_kit import files
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import explain, first_problem, suggestion

Count = Annotated[int, Field(ge=0)]
Positive = Annotated[int, Field(ge=1)]
Fraction = Annotated[float, Field(ge=0, le=1)]
Seconds = Annotated[float, Field(ge=0, le=1e9)]  # no program has run for thirty years
Joules = Annotated[float, Field(ge=0)]
Bytes = Annotated[int, Field(ge=0)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
# Results are stored under these names, so they must be valid file names.
Name = Annotated[str, Field(pattern="^[A-Za-z0-9][A-Za-z0-9._-]*$")]
Text = Annotated[str, Field(min_length=1)]

_AGAIN = "if the kit wrote it, delete it and run again"


class Data(BaseModel):
    """Immutable data, validated when it is created; to change a field, copy it: `model_copy(update=…)`."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        allow_inf_nan=False,
        serialize_by_alias=True,
        protected_namespaces=(),
        defer_build=True,  # a program builds only the validators it uses
    )

    @classmethod
    def read_yaml(cls, path: Path) -> Self:
        """The data in a YAML file; a missing or damaged file raises UserError naming it and the key."""
        value = files.read_yaml(path)
        try:
            # By way of JSON, as that is where a strict model takes 'cpu' for a device and a list for a tuple.
            return cls.model_validate_json(json.dumps(value), strict=True)
        except ValidationError as error:
            raise UserError(f"{path}: {explain(error, value)}; correct it") from None
        except (TypeError, ValueError) as error:  # dates, or keys that are no text
            raise UserError(f"{path}: {error}; correct it") from None

    def plain(self) -> dict[str, Any]:
        """The data as JSON values."""
        return self.model_dump(mode="json")


AnyData = TypeVar("AnyData", bound=Data)


def at_most(whole: str, *parts: str) -> Callable[[AnyData], AnyData]:
    """A check, for `model_validator(mode="after")`, that none of the counts `parts` is larger than the count `whole`.

    A part may be None.
    """

    def check(data: AnyData) -> AnyData:
        for part in parts:
            count = getattr(data, part)
            if count is not None and count > getattr(data, whole):
                raise ValueError(f"{part} is larger than {whole}")
        return data

    return check


class MedianRange(Data):
    """The median and the range of repeated measurements."""

    median: float
    smallest: float
    largest: float

    @classmethod
    def over(cls, values: Sequence[float]) -> Self:
        """Median, smallest and largest of at least one value."""
        return cls(median=median(values), smallest=min(values), largest=max(values))


def version(name: str) -> Any:
    """Define a file's `schema` field, as in `schema_: Literal["mmlu-kit/run/1"] = version("mmlu-kit/run/1")`."""
    return Field(name, alias="schema", description="The file's format and its version.")


class Entry(Data):
    """Data that people write by hand: the error for a misspelt key suggests the nearest known one."""

    @model_validator(mode="before")
    @classmethod
    def _known_keys(cls, value: Any) -> Any:
        known = [field.alias or name for name, field in cls.model_fields.items()]
        for key in value if isinstance(value, dict) else ():
            if key not in known:
                raise ValueError(f"'{key}' is not a key here; {suggestion(key, known)}")
        return value


class Document(Data):
    """A JSON file with a `schema` such as 'mmlu-kit/run/1'."""

    @classmethod
    def form(cls) -> str:
        """The format and version that this class reads and writes."""
        return str(cls.model_fields["schema_"].default)

    @classmethod
    def parse(cls, text: str | bytes, where: str, advice: str = _AGAIN) -> Self:
        """The document in a JSON text; invalid text raises UserError that names `where` and the key, and ends with `advice`."""
        try:
            document = cls.model_validate_json(text, strict=True)
            if "schema_" in document.model_fields_set:
                return document
            problem = " at schema: missing"
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            if first["type"] == "json_invalid":
                raise UserError(f"{where} is not valid JSON ({first['ctx']['error']}): {advice}") from None
            key, message = first_problem(error, _loaded(text))
            problem = f" at {key}: {message}" if key else f": {message}"
        kind = cls.form().split("/")[1]
        form = _schema(_loaded(text))
        if form and form != cls.form() and form.startswith(f"mmlu-kit/{kind}/"):
            versions = f"{form[:40]}, this one writes {cls.form()}"
            raise UserError(f"{where} was made by another version of the kit ({versions}): make it again with this one")
        raise UserError(f"{where}: not a valid {kind} file{problem}; {advice}")

    @classmethod
    def read(cls, path: Path) -> Self:
        """The document in a file; a missing or damaged file raises UserError naming it."""
        return cls.parse(files.read_text(path), str(path))

    def write(self, path: Path) -> None:
        """Write the document atomically; equal documents give equal bytes."""
        files.write_json(path, self.plain())


def _loaded(text: str | bytes) -> Any:
    """The value of a JSON text, None if it is not JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _schema(value: Any) -> str | None:
    """The schema that a JSON value names, None if it names none."""
    schema = value.get("schema") if isinstance(value, dict) else None
    return schema if isinstance(schema, str) else None
