"""mmlu-kit evaluate without Snakemake: its output, its files, and its messages on mistakes."""

import csv
import json
import re
import shutil

import jsonschema
import pytest
from mmlu_kit.cli.main import SUBCOMMANDS
from mmlu_kit.evaluation.records import Evaluation, NotRun, Timing, read_evaluation, read_timing

from tests.conftest import ROOT


@pytest.fixture
def evaluate(kit, root):
    def call(*arguments, subjects=("astronomy",), model="demo-small"):
        folder = root / "workflow/demo"
        return kit("evaluate", "--model", folder / "models" / model, "--questions", folder / "questions",
                   *(["--subjects", *subjects] if subjects else []), *arguments)  # fmt: skip

    return call


def test_evaluate_prints_the_writeups_lines_and_imports_no_tables_or_statistics(evaluate, root, monkeypatch):
    monkeypatch.setenv("PYTHONPROFILEIMPORTTIME", "1")
    process = evaluate(subjects=("astronomy", "business_ethics"), model="demo-medium")
    assert process.returncode == 0, process.stderr
    pattern = (
        r"Loading demo-medium …\nModel loaded successfully!\nModel device: cpu\nModel dtype: torch.float32\n"
        r"Model quantization: none\nBatches: packed\n"
        r" Result: (\d+)/50 correct = ([\d.]+)%   # astronomy\n Result: (\d+)/50 correct = ([\d.]+)%   # business_ethics\n"
        r"Overall Accuracy: ([\d.]+)%\nAs generated: .*\n"
    )
    imported = {line.split()[-1] for line in process.stderr.splitlines() if line.startswith("import time:")}
    assert "torch" in imported and not {"scipy", "statsmodels", "pandas", "pyarrow", "sklearn", "torchvision"} & imported
    lines, _, table = process.stdout.partition("\n\n")
    first, a, second, b, overall = map(float, re.fullmatch(pattern, f"{lines}\n").groups())
    assert (a, b, overall) == (2 * first, 2 * second, first + second)
    rows = [line.split() for line in table.splitlines()]
    assert rows[0] == ["subject", "n", "metric", "accuracy", "95%", "interval"]
    assert rows[1][:5] == ["astronomy", "50", "best", "letter", f"{a:.1f}%"] and rows[2][:2] == ["generated", "letter"]
    assert rows[3][:5] == ["business_ethics", "50", "best", "letter", f"{b:.1f}%"]
    assert rows[5][:6] == ["all", "subjects", "100", "best", "letter", f"{overall:.1f}%"] and len(rows) == 7


def test_a_repeated_question_counts_once(evaluate, root, tmp_path):
    (tmp_path / "test").mkdir()
    text = (root / "workflow/demo/questions/test/astronomy_test.csv").read_text()
    for subject in ("astronomy", "business_ethics"):
        (tmp_path / f"test/{subject}_test.csv").write_text(text)
    process = evaluate("--questions", tmp_path, subjects=("astronomy", "business_ethics"))
    assert process.returncode == 0, process.stderr
    results = re.findall(r" Result: (\d+)/50 correct", process.stdout)
    assert len(results) == 2 and f"Overall Accuracy: {2 * int(results[0])}.00%\n" in process.stdout
    assert "50 of 100 questions were asked before and do not count again\n" in process.stdout


def test_json_is_alone_on_standard_output_and_of_its_schema(evaluate, root):
    process = evaluate("--json", "--verbose", "--limit", "8")
    document = json.loads(process.stdout)
    jsonschema.validate(document, json.loads((root / "workflow/schemas/scores.json").read_text()))
    right = int(re.search(r" Result: (\d+)/8 correct", process.stderr)[1])
    best = document["subjects"]["astronomy"]["best"]
    assert (best["correct"], best["value"]) == (right, right / 8) and best["low"] < best["value"] < best["high"]
    assert document["overall"] == document["subjects"]["astronomy"]
    assert document["model"] == "demo-small" and document["effective"]["device"] == "cpu"


def test_json_of_a_model_that_was_not_run_says_why(evaluate):
    process = evaluate("--json", "--device", "mps", "--on-unavailable", "skip")
    document = json.loads(process.stdout)
    assert process.returncode == 0 and document["subjects"] == {} and document["overall"] is document["effective"] is None
    assert document["reason"] and f"Not run: {document['reason']}" in process.stderr


def test_verbose_prints_each_question_with_its_answer(evaluate, root):
    process = evaluate("--verbose", "--threads", "1")
    with (root / "workflow/demo/questions/test/astronomy_test.csv").open(newline="") as stream:
        rows = list(csv.reader(stream))
    for index, row in enumerate(rows):
        assert f"astronomy/test/{index}: {row[0]}\n  A. {row[1]}\n" in process.stdout
    right = int(re.search(r"Result: (\d+)/", process.stdout)[1])
    assert process.stdout.count("(correct)") == right
    assert process.stdout.count("(wrong, the answer is ") == len(rows) - right


def test_few_shot_examples_and_the_chat_template_change_the_prompt(evaluate, tmp_path):
    digests = []
    for name, options in {"a": [], "b": ["--examples", 5], "c": ["--preset", "chat"]}.items():
        assert evaluate("--evaluations", tmp_path / name, *options).returncode == 0
        evaluation = Evaluation.read(tmp_path / name / "astronomy.json")
        digests.append([record.prompt_sha256 for record in evaluation.records])
    assert len({tuple(digest) for digest in digests}) == 3


def test_batch_size_changes_no_answer(evaluate, tmp_path):
    for size in (1, 4096):
        assert evaluate("--evaluations", tmp_path / str(size), "--tokens-per-batch", size).returncode == 0
    single, packed = (Evaluation.read(tmp_path / name / "astronomy.json").records for name in ("1", "4096"))
    for record, reference in zip(packed, single, strict=True):
        assert (record.predicted, record.generated) == (reference.predicted, reference.generated)
        assert record.letter_logprobs == pytest.approx(reference.letter_logprobs, abs=2e-5)


def test_times_are_measured_and_name_their_process(run, root, tmp_path):
    demo, questions = root / "workflow/demo", tmp_path / "astronomy.jsonl"
    source_of_questions = json.dumps({"path": str(demo / "questions")})
    fetched = run("fetch_questions.py", "--source", source_of_questions, "--subject", "astronomy", "--output", questions)
    assert fetched.returncode == 0, fetched.stderr
    process = run("evaluate.py", "--model", demo / "models/demo-small", "--name", "m", "--questions", questions,
                  "--timings", tmp_path, "--process", "demo-small/astronomy.time")  # fmt: skip
    assert process.returncode == 0, process.stderr
    timing = Timing.read(tmp_path / "astronomy.json")
    assert timing.real_s > 0 and timing.cpu_user_s > 0 and timing.load_s > 0
    assert timing.gpu_s is None and timing.reasons["gpu_s"] == "the model runs on cpu"
    assert timing.process == "demo-small/astronomy.time"
    assert timing.peak_rss_bytes > 100e6 and timing.machine.packages["torch"]


def test_a_missing_device_leads_to_a_fallback_or_a_skip(evaluate, tmp_path):
    options = ["--device", "mps", "--quantization", "8bit", "--evaluations", tmp_path / "e", "--timings", tmp_path / "t"]
    why = "device 'mps' was requested, but this machine has none"
    process = evaluate(*options, "--on-unavailable", "skip")
    assert process.returncode == 0 and f"Not run: {why}" in process.stdout
    for not_run in (read_evaluation(tmp_path / "e/astronomy.json"), read_timing(tmp_path / "t/astronomy.json")):
        assert isinstance(not_run, NotRun) and not_run.reason == why and not_run.requested.device == "mps"
    process = evaluate(*options, "--on-unavailable", "fallback")
    assert process.returncode == 0 and f"Not as requested: {why}" in process.stdout
    evaluation = read_evaluation(tmp_path / "e/astronomy.json")
    assert isinstance(read_timing(tmp_path / "t/astronomy.json"), Timing)
    assert evaluation.reason == why and evaluation.requested.device == "mps"
    assert (evaluation.effective.device, evaluation.effective.quantization) == ("cpu", "8bit")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--model", "no/such"], "'no/such' is neither a model folder nor a model in"),
        (["--questions", "no/such.jsonl"], "no/such.jsonl does not exist"),
        (["--device", "mps"], "device 'mps' was requested, but this machine has none"),
        (["--evaluations", "/proc/nowhere"], "/proc/nowhere"),
    ],
)
def test_mistakes_are_reported_in_one_line(evaluate, one_line, arguments, words):
    one_line(evaluate(*arguments), words)


def test_a_misspelt_subject_is_corrected(evaluate, one_line):
    one_line(evaluate(subjects=["astronmy"]), "astronmy_test.csv does not exist", "did you mean 'astronomy'?")


@pytest.mark.parametrize("program", sorted(path.stem for path in (ROOT / "workflow/scripts").glob("*.py")))
def test_every_program_has_help(run, program):
    process = run(f"{program}.py", "--help")
    assert process.returncode == 0 and process.stdout.startswith("usage: ") and "--" in process.stdout


@pytest.mark.parametrize("subcommand", SUBCOMMANDS)
def test_every_subcommand_has_help(kit, subcommand):
    process = kit(subcommand, "--help")
    assert process.returncode == 0 and process.stdout.startswith(f"usage: mmlu-kit {subcommand} "), process.stderr


def test_a_misspelt_subcommand_is_corrected(kit, one_line):
    one_line(kit("stats"), "mmlu-kit has no subcommand 'stats'; did you mean 'status'?")


def test_a_token_that_the_model_does_not_have_is_refused(kit, one_line, root, tmp_path):
    """A tokenizer with one added token, and a question in which it occurs."""
    folder = shutil.copytree(root / "workflow/demo/models/demo-small", tmp_path / "model")
    tokenizer = json.loads((folder / "tokenizer.json").read_text())
    tokenizer["added_tokens"].append({**tokenizer["added_tokens"][-1], "id": 1600, "content": "<added>", "special": False})
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer))
    for split in ("dev", "test"):
        (tmp_path / "questions" / split).mkdir(parents=True)
        (tmp_path / f"questions/{split}/astronomy_{split}.csv").write_text("What is <added>?,1,2,3,4,A\n")
    process = kit("evaluate", "--model", folder, "--questions", tmp_path / "questions", "--subjects", "astronomy")
    one_line(process, "the tokenizer's token 1600 ('<added>') is beyond the model's vocabulary of")
