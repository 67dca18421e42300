"""The JSON schemas in workflow/schemas: up to date, and what the files of a run fit."""

import json

import jsonschema
import pytest
from mmlu_kit.cli import schemas


@pytest.mark.parametrize("name", schemas.MODELS)
def test_a_schema_is_that_of_its_model(root, name):
    stale = f"workflow/schemas/{name}.json is stale: make schemas"
    assert json.loads((root / f"workflow/schemas/{name}.json").read_text()) == schemas.schema(name), stale


def test_there_is_no_schema_without_a_model(root):
    assert {path.stem for path in (root / "workflow/schemas").iterdir()} == set(schemas.MODELS)


@pytest.mark.parametrize("name", schemas.MODELS)
def test_a_schema_is_valid_and_every_field_is_described_or_named_for_what_it_is(name):
    schema = schemas.schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["description"] and "\n" not in schema["title"]
