"""The demo on a real GPU: the same answers as on the CPU, really on the GPU, really quantized, and measured.

These are the lines that only a GPU can reach: watching it in the runner, its name and driver in timing/machine.py, real
events, energy and memory behind timing/gpu.py, the batch size in models/batch_size.py, and every `.to(device)`.
"""

import copy

import pytest
import torch
from mmlu_kit.evaluation import scoring
from mmlu_kit.evaluation.records import Evaluation, Timing
from mmlu_kit.settings import PromptSettings
from torch.nn.attention import varlen

from tests.helpers import families, scored_prompts

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device"),
]


@pytest.fixture
def evaluate(kit, root, tmp_path):
    """Return the evaluation and timing file of demo-medium on astronomy."""

    def call(device, quantization="none", dtype="float32"):
        demo = root / "workflow/demo"
        process = kit("evaluate", "--model", demo / "models/demo-medium", "--questions", demo / "questions",
            "--subjects", "astronomy", "--device", device, "--quantization", quantization, "--dtype", dtype,
            "--evaluations", tmp_path / device / "e", "--timings", tmp_path / device / "t",
        )  # fmt: skip
        assert process.returncode == 0, process.stderr
        folder = tmp_path / device
        return Evaluation.read(folder / "e/astronomy.json"), Timing.read(folder / "t/astronomy.json")

    return call


def test_the_gpu_gives_the_same_answers_as_the_cpu(evaluate):
    (cpu, _), (gpu, _) = evaluate("cpu"), evaluate("cuda")
    for record, reference in zip(gpu.records, cpu.records, strict=True):
        assert record.letter_logprobs == pytest.approx(reference.letter_logprobs, abs=5e-3)  # no TF32; another order of sums


@pytest.mark.parametrize("quantization", ["none", "4bit", "8bit"])
def test_a_model_on_the_gpu_is_inspected_and_measured(evaluate, quantization):
    evaluation, timing = evaluate("cuda", quantization)
    effective = evaluation.effective
    assert (effective.device, effective.quantization, evaluation.reason) == ("cuda", quantization, None)
    assert 0 < timing.gpu_s <= timing.forward_s + 0.01
    assert timing.peak_gpu_bytes >= effective.weight_bytes
    assert timing.machine.gpu and timing.machine.driver
    assert timing.gpu_energy_j is not None or "NVML" in timing.reasons["gpu_energy_j"]


def test_auto_is_a_format_of_two_bytes_that_the_gpu_computes_in(evaluate):
    evaluation, _ = evaluate("cuda", "4bit", "auto")
    expected = "bfloat16" if torch.cuda.get_device_capability() >= (8, 0) else "float16"
    assert (evaluation.requested.dtype, evaluation.effective.dtype, evaluation.reason) == ("auto", expected, None)
    assert {part.compute_dtype for part in evaluation.effective.parts if part.quant_type} == {expected}


@pytest.mark.parametrize("prefix", [0, 40])
@pytest.mark.parametrize("name", ["llama", "gemma3_text"])
def test_rows_in_half_precision_are_joined_and_have_the_scores_of_prompts_alone(name, prefix, monkeypatch):
    model, calls = copy.deepcopy(families.model(name)).to("cuda", torch.bfloat16), []
    original, prompts = varlen.varlen_attn, scored_prompts.make_prompts((3, 9, 4, 12, 7), prefix)
    monkeypatch.setattr(varlen, "varlen_attn", lambda *args, **options: calls.append(1) or original(*args, **options))

    def records(tokens):
        scored, packing = scoring.score(model, scored_prompts.TOKENIZER, prompts, tokens, PromptSettings(), {}, lambda *_: None)
        assert packing.packed == (len(prompts) if tokens else 0)
        return scored

    alone = records(None)
    assert not calls
    joined = records(768)
    assert bool(calls) == (torch.cuda.get_device_capability() >= (8, 0))
    for record, reference in zip(joined, alone, strict=True):
        assert record.letter_logprobs == pytest.approx(reference.letter_logprobs, abs=0.1)
