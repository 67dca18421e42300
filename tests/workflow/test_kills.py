"""An evaluation killed at any moment resumes after its last batch and ends with the same results."""

import contextlib
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from multiprocessing import forkserver

import pytest
import yaml
from mmlu_kit.cli import main
from mmlu_kit.evaluation.records import Timing

pytestmark = pytest.mark.faults
SUBJECTS = ["astronomy", "anatomy"]
KILLS = 20
LIBRARIES = ["mmlu_kit.cli.evaluate", "transformers.models.qwen2.modeling_qwen2"]


@pytest.fixture(scope="module")
def arguments(root):
    demo = root / "workflow/demo"
    asked = ["--model", str(demo / "models/demo-small"), "--questions", str(demo / "questions"), "--subjects", *SUBJECTS]
    # One question a batch, so that there are many moments to be killed between.
    return ["evaluate", *asked, "--tokens-per-batch", "1", "--threads", "1"]


@pytest.fixture(scope="module")
def start():
    """Start a process that runs mmlu-kit with some arguments and writes its output and errors to two files.

    It is a fork of a process that only imported the libraries, which takes longer than all that it does here.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([*LIBRARIES, __name__])
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", os.pathsep.join(sys.path))  # before Python 3.13 it imports without pytest's
        forkserver.ensure_running()

    def call(*arguments, stdout=os.devnull, stderr=os.devnull):
        process = context.Process(target=be_the_kit, args=([*map(str, arguments)], stdout, stderr))
        process.start()
        return process

    return call


def be_the_kit(arguments, stdout, stderr):
    """Run mmlu-kit in this process."""
    for number, path in ((1, stdout), (2, stderr)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT), number)
    sys.argv = ["mmlu-kit", *arguments]
    main.main()


@pytest.fixture(scope="module")
def finish(start, tmp_path_factory):
    """Run mmlu-kit to its end, as the fixture `kit` does."""

    def call(*arguments):
        paths = [tmp_path_factory.mktemp("output") / name for name in ("stdout", "stderr")]
        process = start(*arguments, stdout=paths[0], stderr=paths[1])
        process.join()
        return subprocess.CompletedProcess(arguments, process.exitcode, *(path.read_text() for path in paths))

    return call


def kill(process):
    process.kill()
    process.join()


def outputs(folder):
    kinds = ("evaluations", "timings", "journals")
    return [part for kind in kinds for part in (f"--{kind}", str(folder / kind))]


def journaled(folder):
    """Count the batches in the journals; each journal begins with its key, and may vanish while it is read."""
    lines = 0
    for path in (folder / "journals").glob("*.jsonl"):
        with contextlib.suppress(FileNotFoundError):
            lines += max(path.read_bytes().count(b"\n") - 1, 0)
    return lines


def test_twenty_kills_change_no_result_and_score_nothing_twice(arguments, kit, start, finish, tmp_path):
    whole = tmp_path / "whole"
    assert kit(*arguments, *outputs(whole)).returncode == 0
    assert not list((whole / "journals").iterdir()), "the journals stay behind"
    assert Timing.read(whole / "timings/astronomy.json").resumed is False
    total = sum(Timing.read(whole / f"timings/{subject}.json").questions_scored for subject in SUBJECTS)

    chance = random.Random(0)
    killed, resumed, folder = 0, 0, None
    while killed < KILLS:
        folder = folder or tmp_path / f"killed-{killed}"
        before = journaled(folder)
        process = start(*arguments, *outputs(folder))
        # Wait for a number of batches, not of seconds: a machine under load is slow to start. Then a random bit more.
        wanted = before + chance.randrange(0, 40)
        while process.is_alive() and journaled(folder) < wanted:
            time.sleep(0.002)
        time.sleep(chance.random() * 0.01)
        kill(process)
        if process.exitcode == -signal.SIGKILL:
            killed += 1
            assert journaled(folder) >= before, "a resumed run dropped what was kept"
            if killed % 4:
                continue
        # Every few kills, or where it was too late to kill, the run is let to its end.
        kept = journaled(folder)
        end = finish(*arguments, *outputs(folder))
        assert end.returncode == 0, end.stderr
        for subject in SUBJECTS:
            name = f"evaluations/{subject}.json"
            assert (folder / name).read_bytes() == (whole / name).read_bytes()
        timings = [Timing.read(folder / f"timings/{subject}.json") for subject in SUBJECTS]
        # A batch is one question here: what was kept is not scored again, and all the rest is.
        assert sum(timing.questions_scored for timing in timings) == total - kept
        resumed += any(timing.resumed for timing in timings)
        folder = None
    assert resumed >= 3


def test_a_resumed_run_packs_the_same_batches(arguments, start, finish, tmp_path):
    """With several questions per batch in bfloat16, where other batches would change the log-likelihoods."""
    packed = [*arguments, "--tokens-per-batch", "256", "--dtype", "bfloat16"]
    whole, folder = tmp_path / "whole", tmp_path / "killed"
    assert finish(*packed, *outputs(whole)).returncode == 0
    process = start(*packed, *outputs(folder))
    while journaled(folder) < 3:
        assert process.is_alive()
        time.sleep(0.0005)
    kill(process)
    assert finish(*packed, *outputs(folder)).returncode == 0
    timings = [Timing.read(folder / f"timings/{subject}.json") for subject in SUBJECTS]
    assert any(timing.resumed for timing in timings), "it was killed too late to show anything"
    for subject in SUBJECTS:
        name = f"evaluations/{subject}.json"
        assert (folder / name).read_bytes() == (whole / name).read_bytes()


def test_an_orphan_and_its_successor_do_not_share_a_journal(arguments, start, finish, tmp_path):
    first = start(*arguments, *outputs(tmp_path))
    while journaled(tmp_path) < 2:
        assert first.is_alive()
        time.sleep(0.002)
    os.kill(first.pid, signal.SIGSTOP)
    second = finish(*arguments, *outputs(tmp_path))
    os.kill(first.pid, signal.SIGCONT)
    assert second.returncode == 2 and "astronomy.jsonl is in use by another process running this evaluation" in second.stderr
    first.join()
    assert first.exitcode == 0


@pytest.mark.parametrize(
    "change", [["--preset", "writeup"], ["--dtype", "bfloat16"], ["--examples", "1"], ["--max-new-tokens", "2"]]
)
def test_a_journal_made_with_other_settings_is_not_used(arguments, start, finish, tmp_path, change):
    first = start(*arguments, *outputs(tmp_path))
    while journaled(tmp_path) < 20:
        assert first.is_alive()
        time.sleep(0.002)
    kill(first)
    end = finish(*arguments, *change, *outputs(tmp_path))
    assert end.returncode == 0, end.stderr
    timing = Timing.read(tmp_path / "timings/astronomy.json")
    assert timing.resumed is False


def test_one_subject_that_cannot_be_scored_does_not_stop_the_others(arguments, finish, tmp_path):
    questions = tmp_path / "test"
    questions.mkdir()
    (questions / "astronomy_test.csv").write_text(f"{'far ' * 3000},a,b,c,d,A\n")
    (questions / "anatomy_test.csv").write_text("Which?,a,b,c,d,A\n")
    process = finish(*arguments, "--questions", str(tmp_path), *outputs(tmp_path))
    assert process.returncode == 2
    assert "error: demo-small: astronomy/test/0: " in process.stderr and "Traceback" not in process.stderr
    assert (tmp_path / "evaluations/anatomy.json").exists() and not (tmp_path / "evaluations/astronomy.json").exists()


def test_a_model_loaded_once_continues_after_a_failed_subject(workflow_copy, snakemake, run, tmp_path):
    """Snakemake deletes a failed job's outputs; the journals keep its finished subjects for the next run."""
    bad = workflow_copy / "workflow/demo/questions/test/astronomy_test.csv"
    good = bad.read_text()
    bad.write_text(f"{'far ' * 3000},a,b,c,d,A\n")
    config = yaml.safe_load((workflow_copy / "config.yaml").read_text())
    config["studies"]["smoke"]["load_once"] = True
    config["models"]["demo-medium"]["load_once"] = False
    (workflow_copy / "config.yaml").write_text(yaml.safe_dump(config))
    folder = workflow_copy / "results/smoke"

    first = snakemake(workflow_copy, "--cores", "2", "--keep-going", "--config", "study=smoke")
    assert first.returncode == 1 and "error: demo-small: astronomy/test/0: " in first.stdout + first.stderr
    assert not (folder / "evaluations/demo-small/business_ethics.json").exists()
    assert len(list((folder / "journals/demo-small").glob("business_ethics.jsonl"))) == 1
    assert (folder / "evaluations/demo-medium/business_ethics.json").exists(), "another model waited for it"

    bad.write_text(good)
    second = snakemake(workflow_copy, "--cores", "2", "--config", "study=smoke")
    assert second.returncode == 0, second.stdout + second.stderr
    timings = {name: Timing.read(folder / f"timings/demo-small/{name}.json") for name in ("business_ethics", "astronomy")}
    assert {name: timing.resumed for name, timing in timings.items()} == {"business_ethics": True, "astronomy": False}
    assert timings["business_ethics"].questions_scored == 0 and timings["astronomy"].questions_scored == 50
    assert not list((folder / "journals/demo-small").iterdir())

    questions = workflow_copy / "resources/subjects/demo@local/astronomy.jsonl"
    model = workflow_copy / "resources/models/demo-small@local.json"
    arguments = ["--model", model, "--name", "demo-small", "--questions", questions, "--threads", "1"]
    alone = run("evaluate.py", *arguments, "--evaluations", tmp_path / "alone", cwd=workflow_copy)
    assert alone.returncode == 0, alone.stderr
    evaluation = (folder / "evaluations/demo-small/astronomy.json").read_bytes()
    assert evaluation == (tmp_path / "alone/astronomy.json").read_bytes()


def test_a_process_killed_for_memory_is_reported(root, tmp_path):
    command = ["sh", str(root / "workflow/scripts/timed.sh"), str(tmp_path / "log"), "sh", "-c", "kill -9 $$"]
    process = subprocess.run(command, capture_output=True, text=True)
    assert process.returncode == 137 and "error: killed by signal 9, most likely for lack of memory" in process.stderr
