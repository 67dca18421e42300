"""The DAG of the writeup's study, planned on a machine without network and GPU."""

import re

import pytest


def plan(snakemake, folder, *config):
    process = snakemake(folder, "--cores", "8", "--dry-run", "--config", *config)
    assert process.returncode == 0, process.stdout + process.stderr
    stats = process.stdout.split("Job stats:", 1)[1].split("total", 1)[0]
    return process.stdout, {name: int(count) for name, count in re.findall(r"^(\w+)\s+(\d+)$", stats, re.M)}


def test_the_whole_writeup_is_planned_offline(workflow_copy, snakemake, namespaces):
    process = snakemake(workflow_copy, "--cores", "8", "--dry-run", "--config", "study=writeup", without_network=True)
    assert process.returncode == 0, process.stdout + process.stderr
    for rule, count in {
        "fetch_model": 6,
        "fetch_questions": 10,
        "evaluate": 2 + 3 * 10,  # the baseline's two subjects, and ten of each small model
        "evaluate_together": 2,  # the medium models, loaded once
        "time_setup": 5 * 3,
        "compare_setups": 1,
        "merge": 1,
        "draw_figures": 1,
        "write_report": 1,
    }.items():
        assert re.search(rf"^{rule}\s+{count}$", process.stdout, re.M), f"{rule}: {process.stdout[-3000:]}"
    assert not (workflow_copy / "results").exists() and not (workflow_copy / "resources").exists()


def test_the_laptops_half_alone(workflow_copy, snakemake):
    text, jobs = plan(snakemake, workflow_copy, "study=writeup", "only=small")
    assert (jobs["fetch_model"], jobs["evaluate"]) == (3, 30) and "evaluate_together" not in jobs
    assert "Llama" not in text and "device cuda" not in text


def test_models_and_commits_are_in_the_names_of_what_is_fetched(workflow_copy, snakemake):
    text, _ = plan(snakemake, workflow_copy, "study=writeup")
    assert "resources/models/Qwen2.5-0.5B-Instruct@7ae557604adf67be50417f59c2c2f167def9a775.json" in text
    assert "resources/subjects/mmlu@c30699e8356da336a370243923dbaf21066bb9fe/astronomy.jsonl" in text


def test_jobs_of_a_gpu_claim_one(workflow_copy, snakemake):
    text, _ = plan(snakemake, workflow_copy, "study=writeup", "only=medium")
    assert text.count("gpu=1") == 2 and "gpu=0" not in text


def test_only_fetch_rules_see_a_token(workflow_copy, snakemake):
    process = snakemake(workflow_copy, "--cores", "8", "--dry-run", "--printshellcmds", "--config", "study=writeup")
    commands = re.findall(r"^Shell command: (.*)python workflow/scripts/(\w+)\.py", process.stdout, re.M)
    assert len(commands) == 71
    for prefix, program in commands:
        shut = prefix.startswith("env -u HF_TOKEN -u HUGGING_FACE_HUB_TOKEN -u HF_TOKEN_PATH HF_HUB_OFFLINE=1")
        assert shut != (program in ("fetch_model", "fetch_questions")), (prefix, program)


@pytest.mark.parametrize("arguments", [["--lint"], ["--list"]])
def test_snakemake_itself_finds_no_fault(workflow_copy, snakemake, arguments):
    process = snakemake(workflow_copy, *arguments)
    assert process.returncode == 0, process.stdout + process.stderr
