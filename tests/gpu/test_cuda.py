"""The demo on a real GPU: the same answers as on the CPU, really there and really quantized, and everything measured.

These are the lines that only a GPU can reach: watching it in evaluate.py, its name and driver in mmlu_kit/machine.py, real
events, energy and memory behind mmlu_kit/timing, the batch size in mmlu_kit/models, and every `.to(device)`.
"""

import json

import pytest
import torch

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="this machine has no CUDA device"),
]


@pytest.fixture
def evaluate(run, root, tmp_path):
    """evaluation and timing file of demo-medium on astronomy."""

    def call(device, quantization="none"):
        demo = root / "workflow/demo"
        process = run(
            "evaluate.py", "--model", demo / "models/demo-medium", "--questions", demo / "questions",
            "--subjects", "astronomy", "--device", device, "--quantization", quantization,
            "--evaluations", tmp_path / device / "e", "--timings", tmp_path / device / "t",
        )  # fmt: skip
        assert process.returncode == 0, process.stderr
        return (json.loads((tmp_path / device / kind / "astronomy.json").read_text()) for kind in "et")

    return call


def test_the_gpu_answers_as_the_cpu_does(evaluate):
    (cpu, _), (gpu, _) = evaluate("cpu"), evaluate("cuda")
    for one, other in zip(cpu["records"], gpu["records"], strict=True):
        assert one["letter_logprobs"] == pytest.approx(other["letter_logprobs"], abs=5e-3)  # TF32 is not used, order differs


@pytest.mark.parametrize("quantization", ["none", "4bit", "8bit"])
def test_what_runs_on_the_gpu_is_there_and_measured(evaluate, quantization):
    evaluation, timing = evaluate("cuda", quantization)
    effective = evaluation["effective"]
    assert (effective["device"], effective["quantization"], evaluation["reason"]) == ("cuda", quantization, None)
    assert 0 < timing["gpu_s"] <= timing["forward_s"] + 0.01
    assert timing["peak_gpu_bytes"] >= sum(part["bytes"] for part in effective["parts"])
    assert timing["machine"]["gpu"] and timing["machine"]["driver"]
    assert timing["gpu_energy_j"] is not None or "NVML" in timing["reasons"]["gpu_energy_j"]
