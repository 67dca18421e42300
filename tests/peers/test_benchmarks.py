"""The programs that `make bench` compares do the same work, and each row of its table says whether it holds."""

import os
import subprocess
import sys
import time

import pytest

from benchmarks import tables
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
    ("way", "batch"),
    [
        *(("kit", 256), ("kit_cloze", 256), ("kit_cyclic", 256), ("rotations", 256)),
        *(("lm_eval", 4), ("lm_eval_cloze", 16), ("generate", 2), ("forward", 256)),
    ],
)
def test_every_benchmarked_program_answers_every_question(contend, root, way, batch):
    demo = root / "workflow/demo"
    began = time.perf_counter()
    process = contend(way, "--model", demo / "models/demo-small", "--questions", demo / "questions", "--subjects", "astronomy",
                      "anatomy", "--examples", 1, "--batch", batch, "--threads", 1)  # fmt: skip
    process_s = time.perf_counter() - began
    assert process.returncode == 0, process.stderr
    work = tables.Work.model_validate_json(process.stdout.splitlines()[-1])
    assert work.questions == 95 and work.peak_rss_bytes > 1e8
    assert work.seconds > 0 and work.load_s + work.seconds < process_s
    if way == "forward":
        assert len(work.flops_per_s) == 2
        # No program multiplies faster than the machine's own product, by a margin for a noisy machine.
        assert all(0 < rate < 2 * best for rate, best in zip(work.flops_per_s, work.product_flops_per_s, strict=True))


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


def test_each_row_says_whether_its_statement_holds():
    def runs(process_s=1.0, **values):
        work = {"load_s": 0.1, "questions": 10, "seconds": 1.0, "peak_rss_bytes": 2 * 10**9, **values}
        return [tables.Run(process_s, tables.Work(**work) if values else None)] * 3

    measured = {
        "kit float32": runs(seconds=1.0),
        "lm_eval float32": runs(seconds=2.0),
        "generate float32, 5 tokens": runs(seconds=2.5),
        "kit bfloat16": runs(seconds=0.4),
        "kit bfloat16, 5-shot": runs(seconds=1.0),
        "lm_eval bfloat16, 5-shot": runs(seconds=9.0),
        "kit hybrid, 5-shot": runs(seconds=1.0),
        "lm_eval hybrid, 5-shot": runs(seconds=4.0),
        "kit cloze float32, 0-shot": runs(seconds=1.0),
        "lm_eval cloze float32, 0-shot": runs(seconds=4.5),
        "kit cloze bfloat16, 5-shot": runs(seconds=1.0),
        "lm_eval cloze bfloat16, 5-shot": runs(seconds=14.0),
        "kit gemma, float32, 0-shot": runs(seconds=1.0),
        "lm_eval gemma, float32, 0-shot": runs(seconds=1.9),
        "kit gemma, bfloat16, 5-shot": runs(seconds=1.0),
        "lm_eval gemma, bfloat16, 5-shot": runs(seconds=7.0),
        "kit cyclic float32, 0-shot": runs(seconds=3.0),
        "rotations float32, 0-shot": runs(seconds=4.0),
        "kit cyclic bfloat16, 5-shot": runs(seconds=3.6),
        "rotations bfloat16, 5-shot": runs(seconds=4.0),
        "forward float32": runs(flops_per_s=[90.0], product_flops_per_s=[100.0]),
        "forward bfloat16": runs(flops_per_s=[60.0], product_flops_per_s=[100.0]),
        "load": runs(process_s=4.0),
        "start": runs(process_s=5.2),
        "first batch, forward": runs(seconds=0.8, questions=1),
        "ten subjects, forward": runs(seconds=10.0, questions=1),
        "ten subjects together": runs(process_s=17.0),
    }
    rows = tables.rows(measured, weights=10**9, windowed=["gemma"])
    assert [row.holds for row in rows] == [
        *(True, True, True, True, False, True, False, True, False, False, True, True, False, True, False, False, True, False)
    ]
    assert [row.value for row in rows] == [
        *(2.0, 9.0, 4.0, 4.5, 14.0, 1.9, 7.0, 0.75, 0.9, 2.5, 6.25, 90.0, 60.0, 2.0, 2.0, 1.3, 1.1, 1.3)
    ]
    assert next(row.bar for row in rows if row.name == "peak memory, bfloat16") == 1.9
    beside = tables.Tables(programs=tables.programs(measured), lm_eval_batch_size={"x": 4}, precisions=[])
    bench = tables.Bench(machine=results.MACHINE, shape="s", rows=rows, tables=beside, rounds=3, threads=2, took_s=60)
    text = tables.markdown(bench)
    assert "| speed against lm-eval, float32, 0-shot | 2 times | ≥ 1.8 times | yes |" in text
    assert "| rate against the matrix product, bfloat16 | 60 % | ≥ 70 % | **no** |" in text
    assert "| lm_eval float32 | 0.200 | 0.200 to 0.200 | s a question | 2.00 GB | — | — |" in text
