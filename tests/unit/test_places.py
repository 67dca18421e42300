"""Paths of the kit's files, seen from other working directories."""

import pytest
from mmlu_kit.jobs.places import Kit
from mmlu_kit.user_errors import UserError


def test_the_kits_files_are_named_relative_to_the_working_directory(tmp_path, monkeypatch):
    for folder in ("kit/workflow/demo", "work/mine"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "kit")
    monkeypatch.chdir(tmp_path / "work")
    for kit in (Kit(tmp_path / "kit"), Kit(tmp_path / "link")):
        assert kit.path("Snakefile") == "../kit/Snakefile"
        assert kit.locate("mine") == "mine" and kit.locate("workflow/demo") == "../kit/workflow/demo"
        assert kit.locate("nowhere") == "nowhere"


def test_a_path_with_braces_is_refused_unless_the_working_directory_is_in_it(tmp_path, monkeypatch):
    (tmp_path / "{kit}/models/{x}").mkdir(parents=True)
    kit = Kit(tmp_path / "{kit}")
    monkeypatch.chdir(tmp_path / "{kit}")
    assert kit.path("Snakefile") == "Snakefile"
    for name in ("models/{x}", str(tmp_path / "{kit}/models")):
        with pytest.raises(UserError, match="takes braces in a path for wildcards: rename the file or folder"):
            kit.locate(name)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="takes braces"):
        kit.path("Snakefile")
