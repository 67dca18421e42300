"""The JSON schemas in workflow/schemas are up to date and documented."""

import json

import jsonschema
import pytest
from mmlu_kit.cli import schemas


@pytest.fixture(scope="module")
def generated(kit, tmp_path_factory):
    """The folder of schemas that `make schemas` writes."""
    folder = tmp_path_factory.mktemp("schemas")
    process = kit("schemas", "--folder", folder)
    assert process.returncode == 0, process.stderr
    return folder


@pytest.mark.parametrize("name", schemas.MODELS)
def test_each_schema_is_up_to_date(root, generated, name):
    committed = (root / f"workflow/schemas/{name}.json").read_bytes()
    assert committed == (generated / f"{name}.json").read_bytes(), f"workflow/schemas/{name}.json is stale: make schemas"


def test_no_schema_is_left_over(root):
    assert {path.stem for path in (root / "workflow/schemas").iterdir()} == set(schemas.MODELS)


@pytest.mark.parametrize("name", schemas.MODELS)
def test_each_schema_is_valid_and_documented(generated, name):
    schema = json.loads((generated / f"{name}.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["description"] and "\n" not in schema["title"]
