"""Command lines and studies are recorded without personal data."""

import json
import shlex
from pathlib import PurePosixPath

import pytest
from mmlu_kit.provenance import privacy

PROJECT, HOME = PurePosixPath("/home/alice/my kit"), PurePosixPath("/home/alice")
NAMES = ["alice", "node-7"]


def given(*arguments):
    return privacy.command(["/home/alice/my kit/.venv/bin/snakemake", *arguments], PROJECT, HOME, NAMES)


@pytest.mark.parametrize(
    ("argument", "shown"),
    [
        ("--cores=8", "--cores=8"),
        ("study=writeup", "study=writeup"),
        ("profiles/slurm", "profiles/slurm"),
        ("docker://ghcr.io/x/kit@sha256:0a1b", "docker://ghcr.io/x/kit@sha256:0a1b"),
        ("resources/models/demo-small@local.json", "resources/models/demo-small@local.json"),
        ("/home/alice/my kit/mine.yaml", "mine.yaml"),
        ("/home/alice/my kit", "."),
        ("/home/alice/configs/mine.yaml", "…/mine.yaml"),
        ("/scratch/alice/a b/mine.yaml", "…/mine.yaml"),
        ("~/configs/mine.yaml", "…/mine.yaml"),
        ("~bob/configs/mine.yaml", "…/mine.yaml"),
        ("../../bob/mine.yaml", "…/mine.yaml"),
        ("--singularity-args=--bind=/home/alice/data:/data,/scratch/alice", "--singularity-args=--bind=…/data:…/data,…/<name>"),
        ("file:///home/alice/x/y.db", "…/y.db"),
        ("slurm_account=alice", "slurm_account=<name>"),
        ("on=node-7", "on=<name>"),
        ("alices=1", "alices=1"),
        ("--mail-user=alice.b@uni.example", "--mail-user=<address>"),
        ("HF_TOKEN=hf_abcdefgh", "HF_TOKEN=<hidden>"),
        ("hf_abcdefghij", "<token>"),
        ("https://alice:pw@proxy.example/x", "https://proxy.example/x"),
    ],
)
def test_a_users_command_line_keeps_its_options_and_loses_personal_data(argument, shown):
    program, found = shlex.split(given(argument))
    assert (program, found) == ("snakemake", shown)


def test_a_jobs_command_line_loses_outside_folders_even_with_spaces():
    outside = privacy.outside_project(["/home/Alice Smith/m", "workflow/demo"], PROJECT)
    text = "python x.py --folder '/home/Alice Smith/m' --output results/x.json > results/x.log 2>&1"
    assert privacy.clean(text, PROJECT, outside) == "python x.py --folder '…/m' --output results/x.json > results/x.log 2>&1"


def test_a_jobs_command_line_does_not_repeat_the_study():
    study = shlex.quote(json.dumps({"notice": "it's long", "models": {"m": {"path": "/data/m"}}}))
    text = f"python workflow/scripts/merge.py --study {study} --results results/x"
    assert (
        privacy.job_command(text, PROJECT, {}) == "python workflow/scripts/merge.py --study '<the study>' --results results/x"
    )


def test_folders_outside_the_project_are_shortened_to_base_names():
    study = {"a": [{"path": "/home/alice/my kit/data/q"}, {"path": "/data/alice/q"}], "notice": "and/or", "n": 3, "r": "x/y"}
    assert privacy.shorten(study, PROJECT) == {
        "a": [{"path": "data/q"}, {"path": "…/q"}],
        "notice": "and/or",
        "n": 3,
        "r": "x/y",
    }
