"""A study that this machine can run only in part: the results are reported, and the rest is named."""

import re

import pytest
import yaml

from tests.helpers.reports import listed_files


@pytest.fixture(scope="module")
def without_gpu(tmp_path_factory, snakemake):
    """A folder with the results of a study whose second group needs a device that this machine lacks."""
    import torch

    from tests.conftest import copy_of_the_workflow

    if torch.backends.mps.is_available():
        pytest.skip("this machine has the device that the test needs to be missing")
    folder = copy_of_the_workflow(tmp_path_factory.mktemp("without_gpu") / "kit")
    groups = {"small": {"title": "Small", "models": ["demo-small"]}, "medium": {"title": "Medium", "models": ["demo-large"]}}
    study = {"title": "Two groups", "questions": "demo", "subjects": ["astronomy"], "groups": groups}
    changes = {"models": {"demo-large": {"device": "mps", "on_unavailable": "skip"}}, "studies": {"two": study}}
    (folder / "mine.yaml").write_text(yaml.safe_dump(changes))
    process = snakemake(folder, "--cores", "1", "--configfile", "mine.yaml", "--config", "study=two")
    assert process.returncode == 0, process.stdout + process.stderr
    return folder / "results/two"


def test_a_group_that_was_not_run_is_named_and_has_no_figures(without_gpu):
    report = (without_gpu / "report.md").read_text()
    assert "**demo-large** was not run on 1 subject: device 'mps' was requested, but this machine has none" in report
    drawn = {path.name for path in (without_gpu / "figures").iterdir()}
    assert "small_overall_accuracy.png" in drawn and not [name for name in drawn if name.startswith("medium_")]


def test_the_file_reference_covers_every_file(without_gpu):
    report = (without_gpu / "report.md").read_text()
    local = [path for path in re.findall(r"\]\(([^)#]+)\)", report) if "://" not in path]
    assert len(local) > 10
    assert not [path for path in local if not (without_gpu / path).exists()]
    everything = [path for path in without_gpu.rglob("*") if path.is_file() and path.name != ".snakemake_timestamp"]
    made = [path.relative_to(without_gpu).as_posix() for path in everything]
    patterns = listed_files(report)
    assert {pattern.pattern: sum(map(pattern.matches, made)) for pattern in patterns} == {
        pattern.pattern: pattern.count for pattern in patterns
    }
    assert len(made) == sum(pattern.count for pattern in patterns)
