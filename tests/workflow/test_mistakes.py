"""Users' mistakes: each is reported in one line, before time is lost, and the run fails."""

import shutil
import subprocess
import sys

import pytest
import yaml

from benchmarks.make_random_model import save


def failed_line(process, *words):
    """Return the one line of Snakemake's output that has these words; there is no traceback. A job's line is repeated at the
    end with the name of its log."""
    output = process.stdout + process.stderr
    assert process.returncode == 1, output
    assert "Traceback" not in output
    lines = [line for line in output.splitlines() if all(word in line for word in words)]
    messages = [line for line in lines if " failed, see " not in line]
    assert len(messages) == 1 and len(lines) <= 2, output
    return messages[0]


@pytest.mark.parametrize(
    ("config", "words"),
    [
        (["studdy=demo"], ["config: 'studdy' is not a key here; did you mean 'study'?"]),
        (["study=dmeo"], ["config: there is no study 'dmeo'; known: demo, first-real, smoke, writeup"]),
        (["only=large"], ["config: only: the study 'demo' has no group 'large'; it has asked, baseline, chat, small"]),
        (
            ["study=writeup", "partial=True"],
            ["questions of study 'writeup' were not fetched yet: run", "study=writeup --until fetch_questions"],
        ),
    ],
)
def test_a_mistake_on_the_command_line(workflow_copy, snakemake, config, words):
    failed_line(snakemake(workflow_copy, "--cores", "1", "--config", *config), *words)


@pytest.mark.parametrize(
    ("part", "change", "words"),
    [
        ("studies", {"smoke": {"subjects": ["astronmy"]}}, "'astronmy' is not known; did you mean 'astronomy'?"),
        ("models", {"demo-small": {"device": "gpu"}}, "config: models.demo-small.device: 'gpu' is not known"),
        (
            "models",
            {"demo-small": {"dvice": "cpu"}},
            "config: models.demo-small: 'dvice' is not a key here; did you mean 'device'?",
        ),
    ],
)
def test_a_mistake_in_a_config_file(workflow_copy, snakemake, tmp_path, part, change, words):
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump({part: change}))
    process = snakemake(workflow_copy, "--cores", "1", "--configfile", tmp_path / "mine.yaml", "--config", "study=smoke")
    failed_line(process, words)


def smoke_with(snakemake, folder, tmp_path, changes):
    """Run the smoke study with changes to config."""
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(changes))
    return snakemake(folder, "--cores", "1", "--configfile", tmp_path / "mine.yaml", "--config", "study=smoke", "only=small")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Why?,a,B\n", "row 1: 3 columns instead of 6 (question, A, B, C, D, the answer's letter)"),
        ("Why?,a,b,c,d,B\nHow?,a,b,c,d,E\n", "row 2: the answer is 'E', not one of A, B, C, D"),
        ("", "astronomy_test.csv is empty"),
    ],
)
def test_malformed_questions(workflow_copy, snakemake, tmp_path, text, words):
    (workflow_copy / "workflow/demo/questions/test/astronomy_test.csv").write_text(text)
    line = failed_line(smoke_with(snakemake, workflow_copy, tmp_path, {}), words)
    assert line.startswith("error: workflow/demo/questions/test/astronomy_test.csv")


def no_weights(folder):
    (folder / "model.safetensors").unlink()


def pickled_weights(folder):
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (no_weights, "model.safetensors is missing: save or copy the weights there"),
        (pickled_weights, "the weights exist only as a pickle (pytorch_model.bin)"),
    ],
)
def test_a_model_without_safe_weights(workflow_copy, snakemake, tmp_path, spoil, words):
    spoil(workflow_copy / "workflow/demo/models/demo-small")
    assert failed_line(smoke_with(snakemake, workflow_copy, tmp_path, {}), words).startswith("error: ")


def test_a_model_whose_letters_are_not_one_token(workflow_copy, snakemake, tmp_path):
    import transformers

    single = {chr(number): number for number in range(33, 127)} | {"Ġ": 127, "Ċ": 128, "<|endoftext|>": 129}
    transformers.Qwen2Tokenizer(vocab=single, merges=[]).save_pretrained(tmp_path / "letters")
    folder = workflow_copy / "workflow/demo/models/demo-small"
    shutil.rmtree(folder)
    save(folder, tmp_path / "letters")
    process = smoke_with(snakemake, workflow_copy, tmp_path, {"studies": {"smoke": {"subjects": ["astronomy"]}}})
    output = process.stdout + process.stderr
    assert process.returncode == 1 and "Traceback" not in output
    assert "error: demo-small: astronomy/test/0: the answer 'A' does not add exactly one token to the prompt" in output


def test_a_device_that_is_missing_on_this_machine(workflow_copy, snakemake, tmp_path):
    import torch

    if torch.cuda.is_available():
        pytest.skip("this machine has CUDA")
    process = smoke_with(snakemake, workflow_copy, tmp_path, {"models": {"demo-small": {"device": "cuda"}}})
    output = process.stdout + process.stderr
    assert "error: device 'cuda' was requested, but this machine has none" in output
    repeated = [
        line for line in output.splitlines() if line.startswith("error: evaluate failed, see results/smoke/logs/evaluate")
    ]
    assert len(repeated) == 1 and ".log: device 'cuda' was requested, but this machine has none" in repeated[0]
    assert process.returncode == 1


@pytest.mark.faults
def test_results_on_a_read_only_mount(workflow_copy, snakemake, namespaces):
    (workflow_copy / "results").mkdir()
    process = snakemake(
        workflow_copy, "--cores", "1", "--config", "study=smoke", before="mount -t tmpfs -o ro tmpfs results"
    )  # fmt: skip
    failed_line(process, "OSError: [Errno 30] Read-only file system: 'results/smoke'")


@pytest.mark.faults
def test_a_full_disk_while_answers_are_written(workflow_copy, snakemake, namespaces):
    (workflow_copy / "results").mkdir()
    process = snakemake(
        workflow_copy, "--cores", "1", "--config", "study=smoke",
        before="mount -t tmpfs -o size=64k tmpfs results",
    )  # fmt: skip
    line = failed_line(process, "error: No space left on device (results/smoke/")
    assert line.endswith("free some space, or correct the path or its permissions")


@pytest.mark.faults
def test_a_full_disk_leaves_no_partial_file(root, tmp_path, namespaces):
    model, questions = root / "workflow/demo/models/demo-small", root / "workflow/demo/questions"
    program = [sys.executable, "-m", "mmlu_kit", "evaluate", "--model", model, "--questions", questions]
    program += ["--subjects", "astronomy", "--evaluations", tmp_path]
    command = f'mount -t tmpfs -o size=16k tmpfs {tmp_path} && {{ "$@"; code=$?; echo left: $(ls -A {tmp_path}); exit $code; }}'
    spaces = ["unshare", "--map-root-user", "--mount", "sh", "-c", command, "sh"]
    process = subprocess.run([*map(str, [*spaces, *program])], capture_output=True, text=True)
    assert process.returncode == 2 and "error: No space left on device" in process.stderr
    assert process.stdout.splitlines()[-1] == "left:"
