"""The JSON schemas in workflow/schemas are up to date and documented."""

import json

import jsonschema
import pytest
from mmlu_kit.cli import schemas


@pytest.mark.parametrize("name", schemas.MODELS)
def test_each_schema_is_up_to_date(root, name):
    stale = f"workflow/schemas/{name}.json is stale: make schemas"
    assert json.loads((root / f"workflow/schemas/{name}.json").read_text()) == schemas.schema(name), stale


def test_no_schema_is_left_over(root):
    assert {path.stem for path in (root / "workflow/schemas").iterdir()} == set(schemas.MODELS)


@pytest.mark.parametrize("name", schemas.MODELS)
def test_each_schema_is_valid_and_documented(name):
    schema = schemas.schema(name)
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["description"] and "\n" not in schema["title"]
