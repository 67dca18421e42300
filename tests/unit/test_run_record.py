"""Provenance, against git itself, `sha256sum` itself and Snakemake's own records."""

import json
import platform
import subprocess
from base64 import urlsafe_b64encode

import pytest
from mmlu_kit.inputs.file_entries import FileEntry
from mmlu_kit.provenance import crate, jobs, revision, run_record
from mmlu_kit.provenance.documents import Image, ProvenanceFile
from mmlu_kit.timing import machine
from rocrate.rocrate import ROCrate

from tests.conftest import under_git
from tests.helpers import results


@pytest.fixture
def project(tmp_path):
    for name in ("Snakefile", "config.yaml", "README.md", "workflow/rules/a.smk", "workflow/demo/facts.yaml"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    return tmp_path


def test_without_git_only_hashes_of_the_code_are_known(project):
    assert revision.commit(project) == (None, None)
    assert revision.code_files(project) == ["Snakefile", "workflow/rules/a.smk"]


def test_the_commit_of_an_enclosing_foreign_repository_is_not_used(project):
    (project / ".gitignore").write_text("*\n!.gitignore\n")
    assert revision.commit(under_git(project)) == (None, None)


def test_changed_files_are_those_that_results_depend_on(project):
    under_git(project)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=project, capture_output=True, text=True).stdout.strip()
    (project / "README.md").write_text("other")
    assert revision.commit(project) == (head, [])
    (project / "workflow/rules/a.smk").write_text("other")
    (project / "workflow/rules/ä b.smk").write_text("new")
    (project / "config.yaml").unlink()
    assert revision.commit(project) == (head, ["config.yaml", "workflow/rules/a.smk", "workflow/rules/ä b.smk"])


def test_the_hash_of_several_files_equals_that_of_sha256sums_output(project):
    names = revision.code_files(project)
    printed = subprocess.run(
        ["sh", "-c", f"sha256sum {' '.join(names)} | sha256sum"], cwd=project, capture_output=True, text=True
    )
    assert run_record.combined(revision.hashes(project, names)) == printed.stdout.split()[0]


def test_a_job_has_one_entry_for_all_its_existing_outputs(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    deep = "results/s/" + "/".join(["long" * 20] * 4)
    for name in ("results/s/a", "results/s/b", "results/t/c", deep):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    given = {"results/s/a": 10.2, "results/s/b": 10.4, "results/s/gone": 1, "results/t/c": 2, deep: 30}
    for target, start in given.items():
        encoded = urlsafe_b64encode(target.encode()).decode()
        *folders, last = [encoded[at : at + 254] for at in range(0, len(encoded), 254)]
        path = (tmp_path / "records").joinpath(*(f"@{part}" for part in folders), last)
        path.parent.mkdir(parents=True, exist_ok=True)
        command = "deep" if target == deep else "both"
        path.write_text(json.dumps({"rule": "r", "shellcmd": command, "starttime": start, "endtime": start + 5}))
    (tmp_path / "records/damaged").write_text("{")
    both, alone = jobs.jobs_below(tmp_path / "records", "results/s")
    assert (both.command, both.outputs) == ("both", ["a", "b"])
    assert (both.started, both.ended) == ("1970-01-01T00:00:10+00:00", "1970-01-01T00:00:15+00:00")
    assert (alone.command, alone.outputs) == ("deep", [deep.removeprefix("results/s/")])
    assert jobs.jobs_below(tmp_path / "nothing", "results/s") == []


def test_times_of_models_that_the_study_no_longer_has_are_left_out(tmp_path):
    study = results.study(["m"], ["anatomy"])
    results.write(tmp_path, study, [results.evaluation("m", "anatomy", "ABCD")])
    made = tmp_path / "results/made"
    results.timing("removed", "anatomy").write(made / "timings/removed/anatomy.json")
    (made / "timings/removed/damaged.json").write_text("{")
    merged, _ = results.merged(study, {"m": {"anatomy": "ABCD"}})
    (use,) = run_record.machines(run_record.subject_timings(merged, made))
    assert use.models == ["m"]


def test_an_images_hash_comes_from_its_file_or_address(tmp_path):
    (tmp_path / "cpu.sif").write_bytes(b"image")
    printed = subprocess.run(["sha256sum", tmp_path / "cpu.sif"], capture_output=True, text=True).stdout.split()[0]
    assert run_record.image(str(tmp_path / "cpu.sif")) == Image(name="cpu.sif", sha256=printed)
    address = f"docker://x/kit@sha256:{printed}"
    assert run_record.image(address) == Image(name=address, sha256=printed)
    assert run_record.image("docker://x/kit:1").sha256 is None


def test_a_crate_names_hub_commits_and_image_hashes():
    run = results.run(results.study(["Qwen"], ["anatomy"]))
    digest, commit = run.code.sha256, "7ae557604adf67be50417f59c2c2f167def9a775"
    hub = {"repository": "Qwen/Qwen2.5-0.5B-Instruct", "commit": commit, "adapter": "owner/lora at 0123"}
    images = {"cpu": Image(name="cpu.sif", sha256=digest), "cuda": Image(name="docker://x/kit:1", sha256=None)}
    models = {"Qwen": run.models["Qwen"].model_copy(update=hub)}
    entry = FileEntry(bytes=1, sha256=digest)
    provenance = ProvenanceFile(
        run=run.model_copy(update={"models": models, "images": images}),
        started="2026-01-01T00:00:00+00:00",
        ended="2026-01-01T00:01:00+00:00",
        jobs=[],
        files={"Snakefile": entry, "report.md": entry},
    )
    read = ROCrate(crate.build(provenance, entry))
    model, image, remote = (read.get(name) for name in ("#model-Qwen", "#image-cpu", "#image-cuda"))
    assert model["identifier"] == f"Qwen/Qwen2.5-0.5B-Instruct@{commit}" and model["version"] == commit
    assert model["description"] == "with the adapter owner/lora at 0123"
    assert image["sha256"] == digest and image["additionalType"].endswith("#SIFImage")
    assert remote.get("sha256") is None and remote["additionalType"].endswith("#DockerImage")
    assert {one.id for one in read.get("#run")["containerImage"]} == {image.id, remote.id}


@pytest.mark.parametrize(("asked", "host"), [(False, None), (True, platform.node())])
def test_a_host_is_named_only_on_request(asked, host):
    import torch

    assert machine.describe(torch, asked).host == host
