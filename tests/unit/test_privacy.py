"""Command lines and studies are recorded without personal data."""

import json
import os
import shlex
from base64 import urlsafe_b64encode
from pathlib import PurePosixPath

import pytest
from mmlu_kit import private_names
from mmlu_kit.provenance import privacy, run_record

from tests.helpers import results

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


# What each must not show, in an argument; '' for what a text shows unchanged.
SECRET = "aB3dE5gH7jK9mN1pQ"
PERSONAL = {
    f"HF_TOKEN={SECRET}": SECRET,
    f"--config=x.hf_token={SECRET}": SECRET,
    f"AWS_SECRET_ACCESS_KEY={SECRET}": SECRET,
    f"AWS_ACCESS_KEY_ID={SECRET}": SECRET,
    f"AWS_SESSION_TOKEN='{SECRET}'": SECRET,
    f"WANDB_API_KEY={SECRET}": SECRET,
    f"authToken={SECRET}": SECRET,
    f"accesstoken={SECRET}": SECRET,
    f"db_password={SECRET}": SECRET,
    f"--storage-s3-secret-key={SECRET}": SECRET,
    f"--storage-s3-access-key={SECRET}": SECRET,
    f'{{"token": "{SECRET}"}}': SECRET,
    f"Authorization: Bearer {SECRET}": SECRET,
    f"Authorization: Basic {SECRET}": SECRET,
    f"bearer {SECRET}": SECRET,
    f"hf_{SECRET}": SECRET,
    f"ghp_{SECRET}{SECRET}": SECRET,
    "AKIAIOSFODNN7EXAMPLE": "IOSFODNN",
    f"https://example.org/x?token={SECRET}": SECRET,
    f"https://example.org/x?a=1&X-Amz-Signature={SECRET}&b": SECRET,
    f"https://example.org/x#access={SECRET}": SECRET,
    f"HF_ENDPOINT=https://user:{SECRET}@example.org": SECRET,
    f"docker://user:p@{SECRET}@ghcr.io/x/kit@sha256:0a1b": SECRET,
    f"https://user:a/{SECRET}@example.org": SECRET,
    f"https://{SECRET}@example.org/x": SECRET,
    "--configfile=/srv/Jane Doe/x.yaml": "Jane",
    '-d"/home/jane doe"': "jane",
    "-d/home/jane/x": "jane",
    "-d~jane/x": "jane",
    "--directory=~jane": "jane",
    "~jane": "jane",
    "/home/jane": "jane",
    "/Users/jane/": "jane",
    "/srv/Jane's data/x": "Jane",
    "'/srv/Jane's data/x'": "Jane",
    "(/srv/jane/x)": "jane",
    "file:///home/jane/x": "jane",
    "file://localhost/home/jane/x": "jane",
    "file:/srv/jane/x": "jane",
    "file://server7/jane/x": "server7",
    "sqlite:////srv/jane/x.db": "jane",
    "C:\\Users\\Jane\\x": "Jane",
    "--configfile=C:\\Users\\Jane Doe\\x": "Jane",
    "C:/Users/Jane/x": "Jane",
    "\\\\server7\\jane\\x": "jane",
    "//server7/jane/x": "server7",
    "./../../jane/x": "jane",
    "workflow/../../jane/x": "jane",
    "--bind=/srv/jane/x:/x,/srv/jane/y": "jane",
    "[/srv/jane/x]": "jane",
    "jane@login7:/srv/x": "jane",
    "Jane.Doe@Example.ORG": "Doe",
    "10.20.30.40": "20.30.40",
    "http://10.20.30.40:8080/x": "20.30.40",
    "fe80::1ff:fe23:4567:890a": "fe23:4567",
    "2001:db8:0:0:0:0:2:1": "db8:0",
    "on=node-7.rack9.example": "rack9",
    "slurm_partition=NODE-7": "NODE-7",
    "/scratch/alice_data": "alice",
}  # fmt: skip


@pytest.mark.parametrize(("argument", "secret"), PERSONAL.items(), ids=PERSONAL)
def test_nothing_personal_is_left_wherever_it_stands(argument, secret):
    assert secret in argument
    for arguments in ([argument], ["--config", argument], ["--x", argument, "y"]):
        assert secret not in privacy.command(["snakemake", *arguments], PROJECT, HOME, NAMES)
    quoted = shlex.quote(argument)
    for text in (quoted, f"python x.py --y={quoted} > z", f"sh -c {shlex.quote(f'x {argument}')}"):
        assert secret not in privacy.clean(text, PROJECT, {}, NAMES)


def test_a_secret_setting_may_have_spaces():
    assert given(f"--x=PGPASSWORD={SECRET} and a space", "y") == "snakemake '--x=PGPASSWORD=<hidden>' y"


TEXTS = {
    "OSError: /srv/jane/models/x/model.safetensors: not found": "OSError: …/model.safetensors: not found",
    "cannot open '/srv/Jane Doe/x' (No such file)": "cannot open '…/x' (No such file)",
    "/srv/Jane Doe/m: does not fit": "…/m: does not fit",
    'File "/home/jane/kit/x.py", line 3, in load': 'File "…/x.py", line 3, in load',
    "/home/alice/my kit/models/m: too large": "models/m: too large",
    "C:\\Users\\Jane Doe\\x.txt is missing": "…/x.txt is missing",
    "401 Client Error for url: https://u:p@hub.example/api?token=abc": "401 Client Error for url: https://hub.example/api?<hidden>",
    "HF_TOKEN=abcdef is wrong": "HF_TOKEN=<hidden> is wrong",
    "connection to 10.1.2.3 refused": "connection to <address> refused",
}


@pytest.mark.parametrize(("text", "cleaned"), TEXTS.items())
def test_a_librarys_error_loses_folders_and_secrets(text, cleaned):
    assert private_names.in_text(text, PROJECT) == cleaned


@pytest.mark.parametrize(
    "text",
    [
        "snakemake --cores 8 --config study=demo only=small,medium --max-new-tokens=32",
        "python workflow/scripts/evaluate.py --tokens-per-batch 768 > results/x.log 2>&1",
        "env -u HF_TOKEN -u HF_TOKEN_PATH HF_HUB_OFFLINE=1 python x.py --strategies 'token_budget(128)'",
        "python x.py --model resources/models/m@0123456789abcdef.json --questions resources/subjects/demo@local/a.jsonl",
        "sh workflow/scripts/timed.sh results/demo/timings/m/together.time python",
        'x --begun "${MMLU_KIT_BEGUN:-}" --image=cpu=docker://kit@sha256:0a1b --image=cuda=oras://ghcr.io/x/kit:1.0',
        "torch::jit and c10::Error, eos_token: none, 12:30:45, torch==2.13.0.1, 4 * 3 / 2 ~ 6, and/or, results/../results/x",
        "/usr/bin/time -v python > /dev/null",
        "device 'cuda' was requested, but this machine has none",
        "snakemake --rerun-triggers mtime --sdm apptainer --profile profiles/slurm",
    ],
)
def test_ordinary_commands_and_texts_are_unchanged(text):
    assert private_names.in_text(text, PROJECT) == text
    assert privacy.clean(text, PROJECT, {}, ["user", "test", "model", "demo", "me", "root", "max", "new", "", None]) == text


@pytest.mark.parametrize("option", ["--token", "--hf-token", "--api-key", "--storage-s3-secret-key", "--password"])
def test_what_follows_a_secret_option_is_hidden(option):
    assert given(option, SECRET, "x") == f"snakemake {option} '<hidden>' x"
    assert SECRET not in privacy.clean(f"x {option} {SECRET} y", PROJECT)
    assert SECRET not in privacy.clean(f"x {option} '{SECRET} z' y", PROJECT)


@pytest.mark.parametrize(
    "path",
    ["/home/jane", "~jane", "~/jane/x", "file:///srv/jane/x", "./../jane/x", "m/../../jane/x", "C:\\jane\\x", "//host/jane/x",
     "/home/alice/my kit/../jane/x"],
)  # fmt: skip
def test_a_study_names_no_folder_outside_the_project(path):
    assert "jane" not in privacy.shorten({"path": path}, PROJECT)["path"]


def test_an_images_address_is_recorded_without_its_password():
    image = run_record.image("docker://user:pw@ghcr.io/x/kit@sha256:" + "a" * 64)
    assert image.name == "docker://ghcr.io/x/kit@sha256:" + "a" * 64 and image.sha256 == "a" * 64


def test_no_file_of_a_run_holds_what_its_commands_named(run, root, tmp_path):
    options = results.write(tmp_path, results.study(["m"], ["anatomy"]), [])
    folder = tmp_path / "results/made"
    command = " ".join(f"--x={shlex.quote(argument)}" for argument in PERSONAL)
    records = tmp_path / ".snakemake/metadata"
    records.mkdir(parents=True)
    record = {"rule": "merge", "shellcmd": f"python merge.py {command}", "starttime": 1.0, "endtime": 2.0}
    (records / urlsafe_b64encode(b"results/made/merged.json").decode()).write_text(json.dumps(record))
    begun = {"command": privacy.command(["snakemake", *PERSONAL], tmp_path, HOME, NAMES)}
    image = f"--image=cpu=docker://user:{SECRET}@ghcr.io/x/kit:1?token={SECRET}"
    described = run(
        "describe_run.py", *options, "--begun", json.dumps(begun), image, "--output", "results/made/run.json", cwd=tmp_path
    )  # fmt: skip
    assert described.returncode == 0, described.stderr
    env = {**os.environ, "USER": NAMES[0], "LOGNAME": NAMES[1]}  # of whom no file may tell
    recorded = run(
        "record_provenance.py", "--run", "results/made/run.json", "--workflow", root / "Snakefile", cwd=tmp_path, env=env
    )
    assert recorded.returncode == 0, recorded.stderr
    files = [path for path in folder.rglob("*") if path.name in ("run.json", "provenance.json", "ro-crate-metadata.json")]
    assert len(files) == 3 and "merge.py" in (folder / "provenance.json").read_text()
    for path in files:
        for secret in PERSONAL.values():
            assert secret not in path.read_text(encoding="utf-8"), (path, secret)
