"""Typed data files are validated strictly; an error is one line with key and value."""

import json
from typing import Literal

import pytest
from mmlu_kit.config import Strategy
from mmlu_kit.data import Count, Data, Document, Entry, Fraction, MedianRange, Name, Sha256, version
from mmlu_kit.evaluation.answers import Totals
from mmlu_kit.recall.documents import CorrectedCounts, NeverCounts, RuleCounts
from mmlu_kit.settings import Device, Letter
from mmlu_kit.source_entries import Commit, Repository
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import MAX_MESSAGE_LENGTH
from pydantic import Field, TypeAdapter, ValidationError


class Part(Data):
    count: Count
    share: Fraction | None = None


class Chosen(Entry):
    device: Device = Device.CPU
    examples: Count = 0


class File(Document):
    schema_: Literal["mmlu-kit/sample/2"] = version("mmlu-kit/sample/2")
    name: Name
    digest: Sha256 | None = None
    done: bool = False
    seconds: float = 0.0
    parts: list[Part] = Field([])
    chosen: dict[str, Chosen] = Field({})


WHOLE = {"schema": "mmlu-kit/sample/2", "name": "m", "parts": [{"count": 1}]}


def test_documents_round_trip_and_equal_documents_are_byte_identical(tmp_path):
    file = File(name="m", seconds=0.1 + 0.2, parts=[Part(count=3, share=0.25)], chosen={"a": Chosen(device=Device.CUDA)})
    file.write(tmp_path / "a.json")
    again = File.read(tmp_path / "a.json")
    assert again == file and again.seconds == 0.1 + 0.2 and again.chosen["a"].device is Device.CUDA
    again.write(tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert json.loads((tmp_path / "a.json").read_text())["schema"] == File.form() == "mmlu-kit/sample/2"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nmae": "m"}, "at nmae: 'nmae' is not a key here"),
        ({"parts": [{"count": 1}, {"count": 2, "extra": 1}]}, "at parts.1.extra: 'extra' is not a key here"),
        ({"chosen": {"a": {"exmaples": 1}}}, "at chosen.a: 'exmaples' is not a key here; did you mean 'examples'?"),
        ({"name": None}, "at name: needs text, not null"),
        ({"name": "../m"}, "at name: '../m' does not match ^"),
        ({"name": "m\n"}, "at name: 'm ' does not match ^"),
        ({"digest": "abc"}, "at digest: 'abc' does not match ^[0-9a-f]{64}$"),
        ({"done": 1}, "at done: needs true or false, not 1"),
        ({"done": "true"}, "at done: needs true or false, not 'true'"),
        ({"seconds": "0.5"}, "at seconds: needs a number, not '0.5'"),
        ({"seconds": True}, "at seconds: needs a number, not true"),
        ({"seconds": float("nan")}, "at seconds: needs a finite number, not NaN"),
        ({"seconds": float("inf")}, "at seconds: needs a finite number, not Infinity"),
        ({"seconds": float("-inf")}, "at seconds: needs a finite number, not -Infinity"),
        ({"parts": {"count": 1}}, "at parts: needs a list, not a mapping"),
        ({"parts": [[]]}, "at parts.0: needs a mapping, not a list"),
        ({"parts": [{}]}, "at parts.0.count: missing"),
        ({"parts": [{"count": "3"}]}, "at parts.0.count: needs a whole number, not '3'"),
        ({"parts": [{"count": 1.5}]}, "at parts.0.count: needs a whole number, not 1.5"),
        ({"parts": [{"count": -1}]}, "at parts.0.count: needs at least 0, not -1"),
        ({"parts": [{"count": 1, "share": 1.01}]}, "at parts.0.share: needs at most 1.0, not 1.01"),
        ({"chosen": {"a": {"device": "gpu"}}}, "at chosen.a.device: 'gpu' is not known; did you mean 'cpu'?"),
        ({"chosen": {"a": {"device": "tensor"}}}, "at chosen.a.device: 'tensor' is not known; known: cpu, cuda, mps"),
    ],
)
def test_a_mistake_names_its_key_and_its_value(changes, words):
    with pytest.raises(UserError) as error:
        File.parse(json.dumps({**WHOLE, **changes}), "f.json")
    message = " ".join(str(error.value).split())
    assert message.startswith("f.json: not a valid sample file at ")
    assert message.endswith("; if the kit wrote it, delete it and run again")
    assert words in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "f.json is not valid JSON (EOF while parsing"),
        ('{"schema": ', "f.json is not valid JSON ("),
        ("[1]", "not a valid sample file: needs a mapping, not a list"),
        ("null", "not a valid sample file: needs a mapping, not null"),
        ("[" * 100_000, "f.json is not valid JSON ("),
        ('{"name": "m", "parts": ' + "[" * 100_000, "f.json is not valid JSON ("),
        ('{"seconds": ' + "9" * 5_000 + "}", "f.json is not valid JSON (number out of range"),
        ('{"name": "m"}', "not a valid sample file at schema: missing"),
        ('{"schema": 3, "name": "m"}', "not a valid sample file at schema: 3 is not known; known: mmlu-kit/sample/2"),
        ('{"schema": "mmlu-kit/other/2", "name": "m"}', "at schema: 'mmlu-kit/other/2' is not known"),
        (b"\xff\xfe", "f.json is not valid JSON ("),
    ],
)
def test_a_damaged_text_is_reported_in_one_line(text, words):
    with pytest.raises(UserError, match=r"^f\.json\b") as error:
        File.parse(text, "f.json")
    assert words in str(error.value) and len(str(error.value)) < MAX_MESSAGE_LENGTH + 100


@pytest.mark.parametrize("form", ["mmlu-kit/sample/1", "mmlu-kit/sample/3"])
def test_another_schema_version_is_named_before_unknown_keys(form):
    with pytest.raises(UserError, match=rf"^f.json was made by another version of the kit \({form}, this one writes .*/2\)"):
        File.parse(json.dumps({"schema": form, "neu": 1}), "f.json")


def test_a_long_value_is_shortened_in_messages():
    with pytest.raises(UserError) as error:
        File.parse(json.dumps({**WHOLE, "name": "?" * 10_000}), "f.json")
    assert len(str(error.value)) < MAX_MESSAGE_LENGTH


def test_data_is_validated_on_creation_and_immutable():
    for changes in ({"count": -1}, {"count": 1, "share": float("nan")}, {"count": 1, "more": 2}):
        with pytest.raises(ValidationError):
            Part(**changes)
    part = Part(count=1)
    with pytest.raises(ValidationError):
        part.count = 2
    assert part.model_copy(update={"count": 2}) == Part(count=2) and part.count == 1


def test_a_median_with_its_range():
    assert MedianRange.over([3.0, 1.0, 2.0, 10.0]) == MedianRange(median=2.5, smallest=1.0, largest=10.0)


@pytest.mark.parametrize(
    ("kind", "counts", "problem"),
    [
        (
            Totals,
            {"questions": 4, "guessed": 1, "correct": 5, "correct_generated": 4, "parsed": 4},
            "correct is larger than questions",
        ),
        (
            Totals,
            {"questions": 4, "guessed": 1, "correct": 4, "correct_generated": 4, "parsed": 5},
            "parsed is larger than questions",
        ),
        (
            Totals,
            {"questions": 4, "guessed": 5, "correct": 4, "correct_generated": 4, "parsed": 4},
            "guessed is larger than questions",
        ),
        (CorrectedCounts, {"n": 4, "stale": 5}, "stale is larger than n"),
        (NeverCounts, {"n": 4, "false_recall": 0, "not_knowing": 5}, "not_knowing is larger than n"),
        (RuleCounts, {"n": 4, "kept": 5}, "kept is larger than n"),
    ],
)
def test_no_part_is_larger_than_its_whole(kind, counts, problem):
    with pytest.raises(ValidationError, match=problem):
        kind(**counts)
    assert kind(**{count: min(number, 4) for count, number in counts.items()})


@pytest.mark.parametrize("extra", ["\n", "\r\n", "\r", "\x00", " ", "\u2028", "\x85", "\u0660", "\u00e9", "/", "\\"])
@pytest.mark.parametrize(
    ("kind", "text"),
    [(Name, "demo"), (Sha256, "a" * 64), (Repository, "a/b"), (Commit, "a" * 40), (Strategy, "last_turns(2)"), (Letter, "A")],
)
def test_a_name_is_a_name_from_its_first_character_to_its_last(kind, text, extra):
    adapter = TypeAdapter(kind)
    assert adapter.validate_python(text) == text and adapter.validate_json(json.dumps(text)) == text
    for wrong in (text + extra, extra + text, f"{text}{extra}{text}"):
        with pytest.raises(ValidationError):
            adapter.validate_python(wrong)
