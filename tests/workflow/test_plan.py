"""The DAG of the writeup's study, planned on a machine without network and GPU."""

import itertools
import json
import re
import resource
from datetime import datetime

import psutil
import pytest
import yaml
from mmlu_kit.subjects import SUBJECTS

SUBJECTS_OF_SMOKE = ("astronomy", "business_ethics")
ALL_SUBJECTS = {"baseline": None, "stability": None, "timing_setups": None}  # which name subjects


def plan(snakemake, folder, *config, options=()):
    process = snakemake(folder, "--cores", "8", "--dry-run", *options, "--config", *config)
    assert process.returncode == 0, process.stdout + process.stderr
    stats = process.stdout.split("Job stats:", 1)[1].split("total", 1)[0]
    return process.stdout, {name: int(count) for name, count in re.findall(r"^(\w+)\s+(\d+)$", stats, re.M)}


def test_the_whole_writeup_is_planned_offline(workflow_copy, snakemake, namespaces):
    process = snakemake(workflow_copy, "--cores", "8", "--dry-run", "--config", "study=writeup", without_network=True)
    assert process.returncode == 0, process.stdout + process.stderr
    for rule, count in {
        "fetch_model": 11,
        "fetch_questions": 10,
        "evaluate": 2 + 6 * 10,  # the baseline's two subjects, and ten of each small model
        "evaluate_together": 4,  # the medium models, loaded once
        "time_setup": 5 * 3,
        "compare_setups": 1,
        "chat_benchmark": 1,
        "write_transcripts": 1,
        "summarise_chat": 1,
        "merge": 1,
        "draw_figures": 1,
        "write_report": 1,
        "describe_run": 1,
        "write_page": 1,
        "record_provenance": 1,
    }.items():
        assert re.search(rf"^{rule}\s+{count}$", process.stdout, re.M), f"{rule}: {process.stdout[-3000:]}"
    jobs = re.findall(r"^(\w+)(?: [\w.-]+)*: missing output files$", process.stdout, re.M)
    assert len(jobs) == 116 and len(process.stdout) < 10_000
    assert process.stdout.count("Job stats:") == 1 and "input:" not in process.stdout
    assert not (workflow_copy / "results").exists() and not (workflow_copy / "resources").exists()


def test_the_small_models_alone_can_be_planned(workflow_copy, snakemake):
    text, jobs = plan(snakemake, workflow_copy, "study=writeup", "only=small")
    assert (jobs["fetch_model"], jobs["evaluate"]) == (6, 60) and "evaluate_together" not in jobs
    assert "Llama" not in text and "device cuda" not in text


def test_all_subjects_of_a_folder_are_those_that_it_has_whole(workflow_copy, snakemake, tmp_path):
    (workflow_copy / "workflow/demo/questions/test/astronomy_test.csv").write_text("damaged,row\n")
    (tmp_path / "all.yaml").write_text(yaml.safe_dump({"studies": {"smoke": {**ALL_SUBJECTS, "subjects": "all"}}}))
    options = ["--cores", "8", "--dry-run", "--configfile", tmp_path / "all.yaml", "--config", "study=smoke"]
    process = snakemake(workflow_copy, *options)
    assert process.returncode == 0, process.stderr
    assert re.search(r"^fetch_questions\s+9$", process.stdout, re.M) and re.search(r"^evaluate\s+18$", process.stdout, re.M)
    assert "left out: astronomy: test/astronomy_test.csv: row 1: 2 columns instead of 6" in process.stderr
    assert "virology, world_religions: there is no test file" in process.stderr
    named = {"subjects": ["astronomy", "anatomy"]}
    (tmp_path / "all.yaml").write_text(yaml.safe_dump({"studies": {"smoke": {**ALL_SUBJECTS, **named}}}))
    process = snakemake(workflow_copy, *options)
    assert re.search(r"^fetch_questions\s+2$", process.stdout, re.M) and "left out" not in process.stderr


def test_a_study_of_groups_of_its_own_is_planned_without_an_audit(workflow_copy, snakemake, tmp_path):
    groups = {name: {"title": name, "models": ["demo-small"]} for name in ("2026", "first-year", "Z_9")}
    mine = {"title": "Mine", "questions": "demo", "subjects": ["astronomy"], "groups": groups}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump({"study": "mine", "studies": {"mine": mine}}))
    _, jobs = plan(snakemake, workflow_copy, "only=2026,Z_9", options=["--configfile", path])
    assert jobs["evaluate"] == jobs["write_report"] == 1 and "audit_claims" not in jobs
    # As make partial-report does: a rule that the study has not may be allowed.
    allowed = ["--configfile", path, "--allowed-rules", "audit_claims", *jobs]
    assert "audit_claims" not in plan(snakemake, workflow_copy, "only=2026", options=allowed)[1]
    (tmp_path / "published.yaml").write_text("schema: mmlu-kit/published/1\nmodels: {}\n")
    (tmp_path / "claims.yaml").write_text("schema: mmlu-kit/reference-claims/1\nclaims: []\n")
    path.write_text(yaml.safe_dump({"study": "mine", "studies": {"mine": {**mine, "reference": str(tmp_path)}}}))
    process = snakemake(workflow_copy, "--cores", "1", "--dry-run", "--configfile", path)
    text = process.stdout + process.stderr
    assert process.returncode != 0 and "published.yaml: models: needs 1 or more entries" in text and "Traceback" not in text


def test_one_job_for_each_model_can_be_asked_for(workflow_copy, snakemake):
    text, jobs = plan(snakemake, workflow_copy, "study=writeup", "load_once=yes", options=["--verbose"])
    assert (jobs["evaluate_together"], jobs["evaluate_baseline_together"]) == (10, 1) and "evaluate" not in jobs
    assert "results/writeup/timings/Llama-3.2-1B-Instruct/together.time" in text
    assert "evaluations/Llama-3.2-1B-Instruct/anatomy.json" not in text


def test_gpu_jobs_request_a_gpu(workflow_copy, snakemake):
    text, _ = plan(snakemake, workflow_copy, "study=writeup", "only=medium", options=["--verbose"])
    assert text.count("gpu=1") == 4 and "gpu=0" not in text


def test_gpu_jobs_request_a_generic_resource_where_a_cluster_wants_that(workflow_copy, snakemake):
    text, _ = plan(snakemake, workflow_copy, "study=writeup", options=["--verbose", "--default-resources", "gpus_by_gres=1"])
    lines = re.findall(r"^    resources: .*", text, re.M)
    assert "gpu=1" not in "".join(lines) and sum("gres=gpu:1" in line for line in lines) == 4 + 3 * 3


def test_only_fetch_rules_see_a_token_and_name_files_by_commit(workflow_copy, snakemake):
    text, _ = plan(snakemake, workflow_copy, "study=writeup", options=["--printshellcmds"])
    commands = re.findall(r"^Shell command: (.*)python workflow/scripts/(\w+)\.py", text, re.M)
    assert len(commands) == 116
    for prefix, program in commands:
        shut = prefix.startswith("env -u HF_TOKEN -u HUGGING_FACE_HUB_TOKEN -u HF_TOKEN_PATH HF_HUB_OFFLINE=1")
        assert shut != (program in ("fetch_model", "fetch_questions")), (prefix, program)
    assert " --output resources/models/Qwen2.5-0.5B-Instruct@7ae557604adf67be50417f59c2c2f167def9a775.json" in text
    assert " --output resources/subjects/mmlu@c30699e8356da336a370243923dbaf21066bb9fe/astronomy.jsonl" in text


@pytest.mark.parametrize("arguments", [["--lint"], ["--list"]])
def test_snakemakes_linter_finds_no_fault(workflow_copy, snakemake, arguments):
    process = snakemake(workflow_copy, *arguments)
    assert process.returncode == 0, process.stdout + process.stderr


def test_jobs_that_exceed_the_memory_together_do_not_run_in_parallel(workflow_copy, snakemake):
    most = psutil.virtual_memory().total // 10**6
    arguments = ["--cores", "4", "--config", "study=smoke", "--until", "evaluate", "--set-resources"]
    process = snakemake(workflow_copy, *arguments, f"evaluate:mem_mb={most * 2 // 3}")
    assert process.returncode == 0, process.stdout + process.stderr
    evaluated = re.findall(
        r"^\[[5-8] of 8(?:, about \d+ s left)?\] evaluate (demo-\w+ \w+): done in \d+ s$", process.stderr, re.M
    )
    assert sorted(evaluated) == [
        f"{model} {subject}" for model in ("demo-medium", "demo-small") for subject in SUBJECTS_OF_SMOKE
    ]
    assert "input:" not in process.stderr and not process.stdout  # no accuracies before merged.json
    (log,) = (workflow_copy / ".snakemake/log").iterdir()
    assert log.read_text().count("\nFinished jobid: ") == log.read_text().count("\n    input: ") == 8
    read = datetime.fromisoformat
    timings = [json.loads(path.read_text()) for path in (workflow_copy / "results/smoke/timings").glob("*/*.json")]
    spans = sorted((read(timing["process_started"]), read(timing["started"])) for timing in timings)
    assert len(spans) == 4
    assert all(earlier <= later for (_, earlier), (later, _) in itertools.pairwise(spans))


def test_the_machines_limits_can_be_overridden(workflow_copy, snakemake):
    arguments = ["--cores", "1", "--config", "study=smoke", "--until", "fetch_questions"]
    process = snakemake(workflow_copy, *arguments, "--resources", "mem_mb=123456")
    assert 'mem_mb=Resource("mem_mb", 123456)' in process.stderr and 'gpu=Resource("gpu", 1)' in process.stderr


def test_fifty_seven_subjects_of_twenty_models_are_planned_in_twenty_seconds(workflow_copy, snakemake, tmp_path):
    demo = "workflow/demo/models/demo-small"
    models = {f"model-{number}": {"path": demo} for number in range(20)}
    group = {"title": "All", "models": list(models)}
    study = {"title": "Large", "questions": "mmlu", "subjects": list(SUBJECTS), "groups": {"small": group}}
    (tmp_path / "large.yaml").write_text(yaml.safe_dump({"models": models, "studies": {"large": study}}))
    began = resource.getrusage(resource.RUSAGE_CHILDREN)
    arguments = ["--cores", "8", "--dry-run", "--quiet", "all", "--configfile", tmp_path / "large.yaml"]
    process = snakemake(workflow_copy, *arguments, "--config", "study=large")
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    # Processor time: planning is one thread's work, and other tests run beside it.
    took = ended.ru_utime + ended.ru_stime - began.ru_utime - began.ru_stime
    assert process.returncode == 0, process.stdout + process.stderr
    assert took < 20, f"{took:.1f} s"
