"""Machines: their descriptions, and when two are the same."""

import argparse

import torch
from mmlu_kit.cli import machine as cli
from mmlu_kit.timing import gpu_obstacles, machine

from tests.helpers import results


def test_a_machines_description_has_what_its_times_depend_on():
    described = results.MACHINE
    assert described.in_words() == "p, 2 cores, AVX2; torch 2, transformers 5"
    with_gpu = described.model_copy(update={"gpu": "T4", "driver": "580", "cuda": "12.8"})
    assert with_gpu.in_words() == "p, 2 cores, AVX2; T4, driver 580, CUDA 12.8; torch 2, transformers 5"


def test_machines_that_differ_only_in_host_name_are_alike():
    described = results.MACHINE
    assert described.alike(described.model_copy(update={"host": "node7"}))
    for change in ({"cores_usable": 1}, {"packages": {"torch": "3"}}, {"container": "apptainer"}):
        assert not described.alike(described.model_copy(update=change))


def test_the_host_name_is_included_only_on_request(monkeypatch):
    monkeypatch.setattr(machine.platform, "node", lambda: "secrethost")
    described = machine.describe(torch)
    assert described.host is None and "secrethost" not in described.model_dump_json()
    assert described.cores_usable >= 1 and described.memory_bytes > 10**8
    assert described.packages["torch"] == torch.__version__ and described.processor
    assert machine.describe(torch, host=True).host == "secrethost"


def test_scores_on_one_kind_of_device_can_be_bit_identical():
    assert machine.device_class(torch, "cpu") == f"{machine.processor()} {torch.backends.cpu.get_cpu_capability()}"


def printed(capsys):
    """Return what `mmlu-kit machine` prints, by its first words."""
    cli.run(argparse.Namespace())
    return dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())


def test_the_program_says_why_torch_cannot_use_a_gpu(monkeypatch, capsys):
    reason = "NVIDIA's driver 535.183.01 is too old for torch's CUDA 13.0"
    monkeypatch.setattr(gpu_obstacles, "obstacle", lambda torch: reason)
    monkeypatch.setattr(torch.mps, "is_available", lambda: False)
    lines = printed(capsys)
    assert lines["GPU"] == f"none that torch can use: {reason}" and lines["dtype"] == "auto is float32 on cpu"
    assert lines["largest"].endswith("on the processor)") and "auto" not in lines["largest"]


def test_the_program_shows_a_gpu_and_what_auto_is_on_it(monkeypatch, capsys):
    changes = {"gpu": "Tesla T4", "gpu_memory_bytes": 16 * 10**9, "cuda": "13.0", "driver": "580.65.06"}
    monkeypatch.setattr(gpu_obstacles, "obstacle", lambda torch: None)
    monkeypatch.setattr(machine, "describe", lambda torch: results.MACHINE.model_copy(update=changes))
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda: (7, 5))
    lines = printed(capsys)
    assert lines["GPU"] == "Tesla T4, 16.0 GB, compute capability 7.5, CUDA 13.0, driver 580.65.06"
    assert lines["dtype"] == "auto is float16 on cuda" and lines["largest"].endswith("on the GPU)")


def test_the_program_shows_apples_gpu(monkeypatch, capsys):
    monkeypatch.setattr(gpu_obstacles, "obstacle", lambda torch: "this machine has none")
    monkeypatch.setattr(torch.mps, "is_available", lambda: True)
    lines = printed(capsys)
    assert lines["GPU"].startswith("Apple's, as mps") and lines["dtype"] == "auto is float32 on mps"
