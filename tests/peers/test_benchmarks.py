"""The programs that `make bench` compares do the same work, and each row of its table says whether it holds."""

import datetime
import os
import subprocess
import sys
import time

import contests
import made_study
import pytest
import tables
import torch
from batch_search import fastest
from contests import Contest, Entry
from measurements import PrecisionRow, Run, Task, Work
from mmlu_kit.evaluation.records import read_evaluation, read_timing

from tests.helpers import results


@pytest.fixture
def contend(root):
    def call(*arguments):
        command = [sys.executable, root / "benchmarks/contend.py", *map(str, arguments)]
        environment = {**os.environ, "PYTHONPATH": str(root / "workflow/scripts")}
        return subprocess.run(command, capture_output=True, text=True, env=environment)

    return call


@pytest.mark.peer
@pytest.mark.parametrize(
    "batches",
    [
        {"kit": [256], "kit_cloze": [256], "kit_cyclic": [256], "rotations": [256], "forward": [256]},
        {"lm_eval": [1, 2, 4], "lm_eval_cloze": [16], "generate": [2]},
    ],
)
def test_every_benchmarked_program_answers_every_question(contend, root, batches):
    demo = root / "workflow/demo"
    shared = {"questions": demo / "questions", "subjects": ("astronomy", "anatomy"), "examples": 1}
    tasks = [Task(way=way, batches=sizes, **shared).model_dump_json() for way, sizes in batches.items()]
    began = time.perf_counter()
    process = contend("--model", demo / "models/demo-small", "--threads", 1, "--tasks", *tasks)
    process_s = time.perf_counter() - began
    assert process.returncode == 0, process.stderr
    works = [Work.model_validate_json(line) for line in process.stdout.splitlines() if line.startswith("{")]
    assert len(works) == len(tasks)
    assert all(work.batch in sizes for work, sizes in zip(works, batches.values(), strict=True))
    assert all(work.questions == 95 and work.peak_rss_bytes > 1e8 and work.seconds > 0 for work in works)
    assert works[0].load_s + sum(work.seconds for work in works) < process_s
    if "kit" in batches:
        assert [len(letters) for letters in works[0].logprobs] == [4] * 95
        # No program multiplies faster than the machine's own product, by a margin for a noisy machine.
        rates = zip(works[-1].flops_per_s, works[-1].product_flops_per_s, strict=True)
        assert [0 < rate < 2 * best for rate, best in rates] == [True, True]


@pytest.mark.parametrize(
    ("seconds", "best", "tried"),
    [
        ({1: 4, 2: 3, 4: 2, 8: 1}, 8, [2, 2, 4, 8]),
        ({1: 4, 2: 3, 4: 2, 8: 5, 16: 0}, 4, [2, 2, 4, 8]),
        ({1: 2, 2: 3, 4: 4, 8: 0}, 1, [2, 2, 4, 1]),
        ({1: 9, 2: 3, 4: 4, 8: 0}, 2, [2, 2, 4, 1]),
        ({768: 1}, 768, []),
    ],
)
def test_a_batch_size_is_searched_outwards(seconds, best, tried):
    asked = []

    def measure(size):
        asked.append(size)
        return seconds[size]

    assert fastest(list(seconds), measure) == best
    assert asked == tried


def test_arithmetic_is_counted_per_token():
    import torch
    import transformers
    from torch.utils.flop_counter import FlopCounterMode

    from benchmarks.contend import arithmetic
    from benchmarks.make_random_model import SMALL

    model = transformers.Qwen2ForCausalLM(transformers.Qwen2Config(**SMALL, vocab_size=100))
    ids = torch.zeros(1, 5, dtype=torch.long)
    with FlopCounterMode(display=False) as counter:
        model.config._attn_implementation = "eager"
        model(input_ids=ids, logits_to_keep=1, use_cache=False)
    # torch counts the whole square of five tokens' attention; a token really looks at itself and those before it.
    square = 4 * SMALL["hidden_size"] * SMALL["num_hidden_layers"] * (25 - 15)
    assert arithmetic(model, 0, [5]) == counter.get_total_flops() - square


def work(seconds=1.0, questions=10, **values):
    return Work(load_s=0.1, questions=questions, seconds=seconds, peak_rss_bytes=2 * 10**9, batch=4, **values)


def runs(process_s=1.0, **values):
    return [Run(process_s=process_s, work=work(**values) if values else None)] * 3


MEASURED = {
    **{entry: runs(seconds=1.0) for contest in contests.CONTESTS for entry in (contest.kit, contest.peer)},
    contests.FORWARD_FLOAT32: runs(flops_per_s=[90.0], product_flops_per_s=[100.0]),
    contests.FORWARD_BFLOAT16: runs(flops_per_s=[60.0], product_flops_per_s=[100.0]),
    contests.LOAD: runs(process_s=4.0),
    contests.START: runs(process_s=5.2),
    contests.FIRST_BATCH: runs(seconds=0.8),
    contests.FORWARD_TEN: runs(seconds=10.0),
    contests.TEN_TOGETHER: runs(process_s=17.0),
}


def bench(**changes):
    values = {
        "date": datetime.date(2026, 1, 2),
        "commit": "0" * 40,
        "machine": results.MACHINE,
        "llama_cpp": None,
        "shape": "s",
        "rows": [],
        "programs": [],
        "answers": [],
        "precisions": [precision("float32", 0.4), precision("bfloat16", 0.2)],
        "left_out": [],
        "rounds": 3,
        "threads": 2,
        "took_s": 60,
    }
    return tables.Bench(**{**values, **changes})


def precision(dtype, forward_s):
    measured = {
        "questions": 16,
        "effective": dtype,
        "quantized": [],
        "weight_bytes": 1,
        "forward_s": forward_s,
        "real_s": 1,
        "gpu_s": None,
        "load_s": 1,
        "peak_rss_bytes": 1,
        "peak_gpu_bytes": None,
        "gpu_energy_j": None,
        "answers_changed": 1 if dtype == "bfloat16" else 0,
        "phases": {},
        "machine": results.MACHINE,
    }
    return PrecisionRow(dtype=dtype, quantization="none", measured=measured, reason=None)


def test_each_row_says_whether_its_statement_holds():
    kit, cloze = Entry("kit", contests.QWEN, "float32"), Entry("kit_cloze", contests.GEMMA, "bfloat16", 5)
    lm_eval, slow = Entry("lm_eval", contests.QWEN, "float32"), Entry("lm_eval_cloze", contests.GEMMA, "bfloat16", 5)
    llama = Entry("llama", contests.QWEN, "Q8_0")
    contested = [Contest(kit, lm_eval, 1.8), Contest(cloze, slow, 15), Contest(kit, llama)]
    # A question's seconds are compared, as slow programs are asked fewer questions.
    times = {
        kit: runs(seconds=1.0),
        lm_eval: runs(seconds=1.0, questions=5),
        cloze: runs(seconds=1.0),
        slow: runs(seconds=14.0),
    }
    measured = {**MEASURED, **times, llama: runs(seconds=0.5)}
    rows = tables.rows(measured, 10**9, contested)
    assert [row.holds for row in rows] == [True, False, None, True, False, True, False, False, True, False]
    assert [row.value for row in rows] == [2.0, 14.0, 0.5, 90.0, 60.0, 2.0, 2.0, 1.3, 1.1, 1.3]
    assert [row.bar for row in rows if row.unit == "GB"] == [4.2, 1.9]
    text = tables.markdown(bench(rows=rows, programs=[tables.program(lm_eval, measured[lm_eval])]))
    assert "| speed against lm-eval, float32, 0-shot | 2 times | ≥ 1.8 times | yes |" in text
    assert "| speed against lm-eval, google/gemma-3-270m, cloze, bfloat16, 5-shot | 14 times | ≥ 15 times | **no** |" in text
    assert "| speed against llama.cpp, float32 against Q8_0, 0-shot | 0.5 times | — | — |" in text
    assert (
        f"| lm_eval, {contests.QWEN}, float32, 0-shot | 0.200 | 0.200 to 0.200 | s a question | 5 | 4 | 2.00 GB | — | — |"
        in text
    )


@pytest.mark.parametrize("llama", [False, True])
def test_what_is_measured_is_what_the_rows_need(llama):
    contested = contests.CONTESTS + contests.real("bfloat16", llama)
    entries = [entry for process in contests.plan(contested).values() for entry in process]
    assert len(set(entries)) == len(entries)
    assert ("llama" in {entry.way for entry in entries}) == llama
    rows = tables.rows({entry: MEASURED.get(entry, runs(seconds=1.0)) for entry in entries}, 10**9, contested)
    assert len({row.name for row in rows}) == len(rows)
    assert {row.name for row in rows if row.bar is None} == {row.name for row in rows if "llama.cpp" in row.name}


def test_the_first_lines_say_which_number_format_is_fastest_and_what_it_costs():
    text = tables.markdown(bench(left_out=["the rows of SmolLM2, as --gguf names no file of it"]))
    assert "is bfloat16: a forward pass in float32 takes 2.00× as long." in text
    assert "1 of 16 answers of a model with random weights, whose letters nearly tie, differ" in text
    assert "Left out: the rows of SmolLM2, as --gguf names no file of it." in text
    emulated = [precision("float32", 0.2), precision("bfloat16", 0.3)]
    assert "is float32: a forward pass in bfloat16 takes 1.50× as long." in tables.markdown(bench(precisions=emulated))


def test_the_real_models_answers_are_compared_with_those_in_float32():
    first, second = [-1.0, -2.0, -3.0, -4.0], [-1.0, -1.1, -3.0, -4.0]
    other = [[-1.25, -2.0, -3.0, -4.0], [-1.0, -0.9, -3.0, -4.0]]
    reference, half = contests.ANSWERS[0], Entry("kit", contests.SMOLLM, "bfloat16")
    measured = {reference: runs(questions=2, logprobs=[first, second]), half: runs(questions=2, logprobs=other)}
    same, changed = tables.answers(measured)
    assert (same.largest_difference, same.letters_changed) == (0, 0)
    assert (changed.largest_difference, changed.letters_changed) == (0.25, 1)
    text = tables.markdown(bench(answers=[same, changed]))
    assert "1 of 2 answers of SmolLM2-135M differ" in text
    assert "| kit, SmolLM2-135M by GGUF, bfloat16, 0-shot | 0.500 s | 0.25 | 1 of 2 |" in text


def test_a_made_up_study_is_read_as_a_real_one(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    size = made_study.Size(models=1, subjects=1)
    made_study.write_results(made_study.write_inputs(size, root / "workflow/demo/questions"))
    evaluation = read_evaluation(tmp_path / made_study.RESULTS / "evaluations/model-00/subject_00.json")
    timing = read_timing(tmp_path / made_study.RESULTS / "timings/model-00/subject_00.json")
    assert len(evaluation.records) == timing.questions_scored == size.questions == 246


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has a CUDA device")
def test_the_benchmark_of_a_gpu_says_that_there_is_none(root):
    command = [sys.executable, root / "benchmarks/gpu.py", "--data", root]
    environment = {**os.environ, "PYTHONPATH": str(root / "workflow/scripts")}
    process = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert process.returncode == 2
    assert process.stderr == "error: this machine has no CUDA device: run it on one that has\n"
