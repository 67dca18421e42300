"""The demo study's provenance: true, complete, checkable, and without personal data."""

import hashlib
import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from rocrate.rocrate import ROCrate

from tests.conftest import HOST, USER
from tests.helpers.reports import planned
from tests.workflow.conftest import can_unshare

PROFILE = "https://w3id.org/ro/wfrun/workflow/0.5"


@pytest.fixture(scope="module")
def found(demo):
    return json.loads((demo / "results/demo/provenance.json").read_text())


@pytest.fixture
def results(demo, tmp_path):
    """A copy of the demo's results."""
    return Path(shutil.copytree(demo / "results/demo", tmp_path / "results/demo"))


def files_below(folder):
    """Return every visible file except logs, by name."""
    paths = [path for path in folder.rglob("*") if path.is_file() and path.name != ".snakemake_timestamp"]
    names = {path.relative_to(folder).as_posix(): path for path in paths}
    return {name: path for name, path in names.items() if not name.startswith("logs/")}


def test_every_result_file_has_its_hash(demo, found):
    there = files_below(demo / "results/demo")
    assert set(there) - set(found["files"]) == {"provenance.json", "ro-crate-metadata.json"}
    for name, entry in found["files"].items():
        content = there[name].read_bytes()
        assert entry == {"bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}, name


def test_every_result_file_is_the_output_of_a_recorded_job(found):
    made = {output: job for job in found["jobs"] for output in job["outputs"]}
    own = set(found["files"]) - {"Snakefile"}
    assert {name for name in own if name not in made} == {name for name in own if name.startswith(("figures/", "tables/"))}
    assert {"figures", "tables"} <= set(made) and len(found["jobs"]) > 40
    assert found["started"] <= found["run"]["started"] <= found["ended"]
    for job in found["jobs"]:
        assert found["started"] <= job["started"] <= job["ended"] <= found["ended"]
    evaluation = made["evaluations/demo-small/anatomy.json"]["command"]
    assert "evaluate.py" in evaluation and "--name demo-small" in evaluation and "> results/demo/logs/evaluate/" in evaluation


def test_the_provenance_names_the_code_data_and_models_used(demo, found):
    run = found["run"]
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=demo, capture_output=True, text=True).stdout.strip()
    assert (run["code"]["commit"], run["code"]["changed"]) == (head, [])
    hashed = run["code"]["files"] | {f"envs/{name}": digest for name, digest in run["locks"].items()}
    assert {"Snakefile", "envs/cpu.lock", "workflow/scripts/evaluate.py", "workflow/rules/merge.smk"} <= set(hashed)
    for name, digest in hashed.items():
        assert hashlib.sha256((demo / name).read_bytes()).hexdigest() == digest, name
    for name, model in run["models"].items():
        folder = name.removesuffix("-cloze").removesuffix("-orders")
        weights = (demo / f"workflow/demo/models/{folder}/model.safetensors").read_bytes()
        assert model["files"]["model.safetensors"] == hashlib.sha256(weights).hexdigest()
    asked = {"demo-small-cloze", "demo-medium-cloze", "demo-large-cloze", "demo-large-orders"}
    assert set(run["models"]) == {"demo-small", "demo-medium", "demo-large", "demo-chat"} | asked
    assert len(run["questions"]["files"]) == 10
    (machine,) = run["machines"]
    assert 1 in machine["threads"] and machine["machine"]["gpu"] is None
    assert machine["machine"]["processor"] and machine["machine"]["cpu_capability"]
    assert run["command"] == "snakemake --cores all --verbose --directory ." and run["images"] == {}


def test_nothing_in_the_results_names_the_user_the_host_or_the_folder(demo):
    there = files_below(demo / "results/demo")
    assert len(there) > 100
    for name, path in there.items():
        content = path.read_bytes()
        for secret in [USER, str(demo), *([HOST] if can_unshare() else [])]:
            assert secret.encode() not in content, (name, secret)


def test_the_report_ends_with_how_it_was_made(report, demo, found):
    end = report[report.index("## How This Was Made") :]
    assert "\n## " not in end and found["run"]["code"]["commit"] in end and found["run"]["command"] in end
    code = sorted(found["run"]["code"]["files"])
    printed = subprocess.run(["sha256sum", *code], cwd=demo, capture_output=True).stdout
    assert (
        f"| Code, {len(code)} files | `{found['run']['code']['commit'][:12]}` | `{hashlib.sha256(printed).hexdigest()}` |"
        in end
    )
    assert all(
        f"| Model {name}, 6 files | a local folder | `{model['sha256']}` |" in end
        for name, model in found["run"]["models"].items()
    )


def test_the_crate_is_a_workflow_run_crate_of_all_files(demo, found):
    crate = ROCrate(demo / "results/demo")
    assert {entity.id for entity in crate.root_dataset["conformsTo"]} >= {PROFILE}
    workflow = crate.mainEntity
    assert set(workflow.type) == {"File", "SoftwareSourceCode", "ComputationalWorkflow"}
    assert workflow["programmingLanguage"]["name"] == "Snakemake" and workflow["version"] == found["run"]["code"]["commit"]
    assert (demo / "results/demo" / workflow.id).read_bytes() == (demo / "Snakefile").read_bytes()
    (action,) = crate.get_by_type("CreateAction")
    assert action["instrument"] == workflow and crate.root_dataset["mentions"] == action
    assert action.get("agent") is None and not crate.get_by_type("Person")
    assert action["startTime"] < action["endTime"] == crate.root_dataset["datePublished"]
    assert {entity["name"] for entity in action["object"]} == {
        "questions demo",
        *(f"model {name}" for name in found["run"]["models"]),
    }
    there = files_below(demo / "results/demo")
    parts = {entity.id: entity for entity in crate.root_dataset["hasPart"]}
    assert set(parts) == set(there) - {"ro-crate-metadata.json"}
    assert {entity.id for entity in action["result"]} == set(parts) - {"Snakefile"}
    for name, entity in parts.items():
        assert entity["sha256"] == hashlib.sha256(there[name].read_bytes()).hexdigest()


def test_unchanged_results_pass_the_check(results, kit, found):
    process = kit("check-results", results)
    count = len(found["files"]) + 1
    assert process.returncode == 0, process.stdout + process.stderr
    assert process.stdout.startswith(f"{count} of {count} files are as recorded; 0 changed, 0 missing, 0 extra\n")


def test_changed_missing_and_extra_files_are_named_one_per_line(results, kit, found):
    with (results / "evaluations/demo-small/anatomy.json").open("r+b") as stream:
        byte = stream.read(1)
        stream.seek(0)
        stream.write(bytes([byte[0] ^ 1]))  # one bit of one file
    (results / "questions.csv").unlink()
    (results / "figures/more.png").touch()
    (results / "logs/merge.log").write_text("logs are no results\n")
    process = kit("check-results", results)
    count = len(found["files"]) + 1
    assert process.returncode == 1 and not process.stderr
    assert process.stdout.splitlines()[:4] == [
        "changed: evaluations/demo-small/anatomy.json",
        "missing: questions.csv",
        "extra: figures/more.png",
        f"{count - 2} of {count} files are as recorded; 1 changed, 1 missing, 1 extra",
    ]


def test_a_changed_provenance_file_is_detected(results, kit):
    path = results / "provenance.json"
    path.write_text(re.sub(r'"ended": "\d', '"ended": "3', path.read_text(), count=1))
    process = kit("check-results", results)
    assert process.returncode == 1 and "changed: provenance.json" in process.stdout.splitlines()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda path: path.unlink(), "does not exist"),
        (lambda path: path.write_text("{"), "is not valid JSON"),
        (
            lambda path: path.write_text(path.read_text().replace('"Snakefile": {', '"../Snakefile": {')),
            "not a valid provenance",
        ),
    ],
)
def test_results_without_provenance_are_reported_in_one_line(results, kit, one_line, damage, words):
    damage(results / "provenance.json")
    one_line(kit("check-results", results), "provenance.json", words)


def test_a_commit_or_another_command_line_reruns_nothing(demo_copy, snakemake):
    (demo_copy / "README.md").write_text("edited\n")
    commit = [
        "git",
        "-c",
        "user.name=t",
        "-c",
        "user.email=t@example.org",
        "commit",
        "--quiet",
        "--allow-empty",
        "--message",
        "x",
    ]
    subprocess.run(commit, cwd=demo_copy, check=True)
    assert planned(snakemake, demo_copy, "--keep-going") == {}


def test_host_names_are_recorded_if_config_asks_for_them(workflow_copy, snakemake):
    process = snakemake(
        workflow_copy, "--cores", "1", "--dry-run", "--printshellcmds", "--config", "study=smoke", "record_host=True"
    )
    assert process.returncode == 0 and process.stdout.count(" --record-host ") == 4
