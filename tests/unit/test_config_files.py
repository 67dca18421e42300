"""Config files as the kit reads them: merged as Snakemake merges them, and no key is lost."""

import json

import pytest
from mmlu_kit import config_files, files
from mmlu_kit.user_errors import UserError


def test_several_config_files_are_merged_key_by_key(tmp_path):
    texts = {
        "first": "study: s\nmodels: {m: {path: p, threads: 1}}\nonly: [a]",
        "second": "models: {m: {threads: 2}}\nonly: []",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    merged = config_files.read([tmp_path / "first", tmp_path / "second"])
    assert merged == {"study": "s", "models": {"m": {"path": "p", "threads": 2}}, "only": []}
    (tmp_path / "list").write_text("- study")
    with pytest.raises(UserError, match="list has no keys"):
        config_files.read([tmp_path / "list"])
    (tmp_path / "torn").write_text("study: [")
    with pytest.raises(UserError, match="torn is not valid YAML"):
        config_files.read([tmp_path / "torn"])


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("study: a\nmodels: {}\nstudy: b\n", "the key 'study' is in line 1 and again in line 3: keep one of them"),
        ("models:\n  m: {path: a}\n  m: {path: b}\n", "the key 'm' is in line 2 and again in line 3: keep one of them"),
        ("models: {m: {path: a, path: b}}", "the key 'path' is in line 1 and again in line 1: keep one of them"),
        ('{"study": "a", "study": "b"}', "the key 'study' is there twice: keep one of them"),
    ],
)
def test_a_duplicate_key_is_refused(tmp_path, text, line):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UserError) as error:
        config_files.read([path])
    assert str(error.value) == f"{path}: {line}"


def test_keys_that_merge_others_are_no_duplicates(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("models:\n  a: {inner: &a {<<: &b {x: 1, y: 1}, x: 2}}\n  b: {<<: *a, x: 3}\n")
    assert files.read_yaml(path)["models"] == {"a": {"inner": {"x": 2, "y": 1}}, "b": {"x": 3, "y": 1}}


def test_json_with_tabs_is_read_as_snakemake_reads_it(tmp_path):
    path = tmp_path / "mine.json"
    path.write_text(json.dumps({"study": "s", "only": ["a"]}, indent="\t"))
    assert config_files.read([path]) == {"study": "s", "only": ["a"]}


@pytest.mark.parametrize("text", ["study: 2026-13-45", "[" * 5000, "study: !!python/name:os.system x"])
def test_a_file_that_cannot_be_read_is_one_line(tmp_path, text):
    path = tmp_path / "mine.yaml"
    path.write_text(text)
    with pytest.raises(UserError, match=r"mine.yaml is not valid YAML \(.*\): correct it") as error:
        config_files.read([path])
    assert "\n" not in str(error.value)
