"""Entries are added to a config file that keeps every byte it has, or not at all."""

import stat

import pytest
import yaml
from mmlu_kit import config_files
from mmlu_kit.jobs import config_entries
from mmlu_kit.jobs.pinning import Pin
from mmlu_kit.user_errors import UserError

ENTRY = {"repository": "Qwen/Qwen3-0.6B", "commit": "c" * 40}
PIN = Pin("qwen3", ENTRY, {"licence": "apache-2.0"})
ADDED = f"  qwen3:\n    repository: Qwen/Qwen3-0.6B\n    commit: {'c' * 40}\n"
# The text of a file, split where the entry is added; `>` stands for the section's own line.
FORMS = {
    "a model": ("models:\n  a: {path: x}\n", ""),
    "a comment after the last model": ("models:\n  a:\n    path: x # here\n", "  # more of them later\n"),
    "another section after it": ("models:\n  a:\n    path: x\n", "\n# Mine\nstudy: demo\n"),
    "a section before it": ("study: demo\n\nmodels: # mine\n  a:\n    path: x\n", ""),
    "no section": ("# Mine\nstudy: demo # as always\n>", ""),
    "no models in the section": ("models:\n", "  # none yet\nstudy: demo\n"),
    "comments alone": ("# Mine\n\n# Yours\n>", ""),
    "nothing": (">", ""),
    "an empty section at the end": ("study: demo\nmodels:\n", ""),
    "a text of several lines": ("models:\n  a:\n    path: x\n    description: |\n      one\n\n      two\n", "study: demo\n"),
    "a folded text": ("models:\n  a:\n    description: >-\n      one\n      two\n\n", "study: demo\n"),
    "a text that keeps its empty lines": ("models:\n  a:\n    description: |+\n      one\n\n\n", "study: demo\n"),
    "an alias": ("x: &x\n  path: x\nmodels:\n  b: *x # the same\n", "study: demo\n"),
    "a merged mapping": ("models:\n  a: &a\n    path: x\n  b:\n    <<: *a\n    dtype: auto\n", "study: demo\n"),
    "quotes over two lines": ('models:\n  a:\n    path: "x\n      y"   # two\n', "study: demo\n"),
    "a flow mapping over two lines": ("models:\n  a: {path: x,\n      dtype: auto}\n", "study: demo\n"),
    "a key in quotes": ('"models":\n  a:\n    path: x\n', "study: demo\n"),
    "the same word elsewhere": ("studies:\n  models:\n    title: x\nmodels:\n  a:\n    path: x\n", "chat:\n  models: [a]\n"),
    "a document's start": ("---\nmodels:\n  a:\n    path: x\n", ""),
    "letters of two and four bytes": ("# ä 😀\nmodels:\n  a:\n    description: ä 😀\n", "# ö\n"),
    "a mark of the byte order": ("\ufeffmodels:\n  a:\n    path: x\n", ""),
    "an empty value at the end": ("models:\n  a:\n    path:\n", "study: demo\n"),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_an_entry_is_added_and_all_else_stays(tmp_path, name, ends):
    before, after = (part.replace("\n", ends) for part in FORMS[name])
    path = tmp_path / "mine.yaml"
    unchanged = before.removesuffix(">")
    path.write_bytes((unchanged + after).encode())
    old = config_entries.read(path)
    config_entries.add(path, {"models": [PIN]})
    added = ADDED if before == unchanged else f"models:\n{ADDED}"
    assert path.read_bytes().decode() == unchanged + (added.replace("\n", ends) if ends in unchanged else added) + after
    assert config_files.read([path]) == {**old, "models": {**(old.get("models") or {}), "qwen3": ENTRY}}


def test_wide_indents_and_a_missing_line_end_are_kept(tmp_path):
    path = tmp_path / "mine.yaml"
    path.write_text("models:\n      a:\n            path: x")
    config_entries.add(path, {"models": [PIN]})
    assert path.read_text().startswith("models:\n      a:\n            path: x\n      qwen3:\n        repository: ")
    path.write_text("study: demo")
    config_entries.add(path, {"models": [PIN], "questions": [PIN]})
    assert path.read_text() == f"study: demo\nmodels:\n{ADDED}questions:\n{ADDED}"


@pytest.mark.parametrize(
    "content",
    [
        "models: {}",
        "models: {a: {path: x}}\n",
        "models: ~\n",
        "models: []\n",
        "models: [a]\n",
        "models:\n- a\n",
        "models: a\n",
        "models: 3 # of them\n",
        '{\n\t"models": {}\n}\n',
        "x: &x {}\nmodels: *x\n",
        "{study: demo}\n",
        '{"models": {"a": {"path": "x"}}}',
        "study: demo\n...\n",
        "? models\n: {a: {path: x}}\n",
    ],
)
def test_a_file_of_another_form_is_left_alone(tmp_path, content):
    path = tmp_path / "mine.yaml"
    path.write_text(content)
    with pytest.raises(UserError, match="so nothing was written: add what is printed by hand") as error:
        config_entries.add(path, {"models": [PIN]})
    assert str(error.value).startswith(str(path)) and path.read_text() == content
    assert [other.name for other in tmp_path.iterdir()] == ["mine.yaml"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"models: [", "is not valid YAML"),
        (b"- a\n", "has no keys"),
        (b"models: {a: 1, a: 2}\n", "the key 'a' is in line 1 and again in line 1"),
        (b"\xff\xfea\0", "is not UTF-8 text"),
        (b"a: \xff\n", "is not UTF-8 text"),
        (b"a: 1\n---\nb: 2\n", "is not valid YAML"),
    ],
)
def test_a_damaged_file_is_left_alone(tmp_path, content, words):
    path = tmp_path / "mine.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError, match=words):
        config_entries.add(path, {"models": [PIN]})
    assert path.read_bytes() == content


def test_a_link_stays_a_link_and_a_file_keeps_its_permissions(tmp_path):
    path, link = tmp_path / "mine.yaml", tmp_path / "link.yaml"
    path.write_text("study: demo\n")
    path.chmod(0o600)
    link.symlink_to(path)
    config_entries.add(link, {"models": [PIN]})
    assert link.is_symlink() and stat.S_IMODE(path.stat().st_mode) == 0o600 and "qwen3" in path.read_text()
    (tmp_path / "later.yaml").symlink_to(tmp_path / "new.yaml")
    config_entries.add(tmp_path / "later.yaml", {"models": [PIN]})
    assert (tmp_path / "later.yaml").is_symlink() and "qwen3" in (tmp_path / "new.yaml").read_text()
    with pytest.raises(UserError, match="is a folder, not a file"):
        config_entries.add(tmp_path, {"models": [PIN]})


@pytest.mark.parametrize("name", ["on", "007", "1e5", "1.0", "null", "0x1F", "2026-01-01", "y", "1_000", "a.b-c_d"])
def test_names_and_commits_of_any_form_are_read_back_as_texts(tmp_path, name):
    for commit in ("1" * 40, "1" * 38 + "e5", "0" * 40):
        entry = {"repository": f"a/{name}", "commit": commit, "file": "x #1: 'ä'.gguf"}
        path = tmp_path / f"{commit}.yaml"
        config_entries.add(path, {"models": [Pin(name, entry, {})]})
        assert config_files.read([path]) == {"models": {name: entry}}
        assert yaml.safe_load(f"models:\n{config_entries.text([Pin(name, entry, {'a': 'b'})])}") == {"models": {name: entry}}


def test_entries_that_are_there_are_not_added_again():
    config = {"models": {"qwen3": {**ENTRY, "dtype": "auto"}, "other": {"path": "x"}, "odd": 3}}
    assert config_entries.missing(config, "models", [PIN]) == []
    assert config_entries.missing({"models": None}, "models", [PIN]) == [PIN]
    moved = PIN._replace(entry={**ENTRY, "commit": "d" * 40})
    with pytest.raises(UserError, match=f"models.qwen3 is in config already, at commit {'c' * 40}: choose another name with"):
        config_entries.missing(config, "models", [moved])
    for name in ("other", "odd"):
        with pytest.raises(UserError, match=f"models.{name} is in config already, with another source: choose another"):
            config_entries.missing(config, "models", [PIN._replace(name=name)])
