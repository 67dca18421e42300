"""Machines: their descriptions, and when two are the same."""

import argparse

import pytest
import torch
from mmlu_kit.cli import machine as cli
from mmlu_kit.timing import gpu_obstacles, machine, processor

from tests.helpers import results


def test_a_machines_description_has_what_its_times_depend_on():
    described = results.MACHINE
    assert described.in_words() == "p, 2 cores, AVX2; torch 2, transformers 5"
    with_gpu = described.model_copy(update={"gpu": "T4", "driver": "580", "cuda": "12.8"})
    amx = described.model_copy(update={"instruction_sets": ["AVX2", "AVX512", "AMX"], "cpu_capability": "AVX512"})
    assert amx.in_words() == "p, 2 cores, AVX2, AVX512, AMX; torch 2, transformers 5"
    assert with_gpu.in_words() == "p, 2 cores, AVX2; T4, driver 580, CUDA 12.8; torch 2, transformers 5"


def test_machines_that_differ_only_in_host_name_are_alike():
    described = results.MACHINE
    assert described.alike(described.model_copy(update={"host": "node7"}))
    for change in ({"cores_usable": 1}, {"instruction_sets": []}, {"packages": {"torch": "3"}}, {"container": "apptainer"}):
        assert not described.alike(described.model_copy(update=change))


def test_the_host_name_is_included_only_on_request(monkeypatch):
    monkeypatch.setattr(machine.platform, "node", lambda: "secrethost")
    described = machine.describe(torch)
    assert described.host is None and "secrethost" not in described.model_dump_json()
    assert described.cores_usable >= 1 and described.memory_bytes > 10**8
    assert described.packages["torch"] == torch.__version__ and described.processor
    assert machine.describe(torch, host=True).host == "secrethost"


XEON = "fma avx2 avx512f avx512_bf16 avx512_vnni amx_bf16 amx_tile amx_int8"
EPYC = "fma avx2 avx512f avx512_bf16 avx512_vnni"


@pytest.fixture
def cpuinfo(monkeypatch, tmp_path):
    """Return a function that makes the kernel tell other lines of each of two cores."""
    monkeypatch.delenv("ONEDNN_MAX_CPU_ISA", raising=False)
    monkeypatch.setattr(processor, "_CPUINFO", tmp_path / "cpuinfo")
    monkeypatch.setattr(processor.sys, "platform", "linux")
    return lambda text: (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{text}\n\nprocessor\t: 1\n{text}\n")


@pytest.mark.parametrize(
    ("flags", "sets", "multiplies_bfloat16"),
    [
        (f"flags\t\t: {XEON}", ["AVX2", "AVX512", "VNNI", "BF16", "AMX"], True),
        (f"flags\t\t: {EPYC}", ["AVX2", "AVX512", "VNNI", "BF16"], True),
        ("flags\t\t: avx2 avx512f avx512_vnni", ["AVX2", "AVX512", "VNNI"], False),
        ("flags\t\t: avx2 avx_vnni", ["AVX2", "VNNI"], False),
        ("Features\t: fp asimd sve bf16 i8mm", ["BF16"], True),
        ("Features\t: fp asimd", [], False),
        ("vendor_id\t: flags", [], False),
    ],
)
def test_the_instruction_sets_are_those_that_the_kernel_tells(cpuinfo, flags, sets, multiplies_bfloat16):
    cpuinfo(flags)
    assert processor.instruction_sets() == sets
    assert processor.multiplies_bfloat16() == multiplies_bfloat16


@pytest.mark.parametrize("name", ["ONEDNN_MAX_CPU_ISA", "DNNL_MAX_CPU_ISA"])
@pytest.mark.parametrize(
    ("limit", "sets"),
    [
        ("avx2", ["AVX2"]),
        ("AVX512_CORE", ["AVX2", "AVX512"]),
        ("AVX512_CORE_BF16", ["AVX2", "AVX512", "VNNI", "BF16"]),
        ("AVX512_CORE_AMX", ["AVX2", "AVX512", "VNNI", "BF16", "AMX"]),
    ],
)
def test_sets_that_onednn_is_told_not_to_use_do_not_count(cpuinfo, monkeypatch, limit, sets, name):
    cpuinfo(f"flags\t\t: {XEON}")
    monkeypatch.setenv(name, limit)
    assert processor.instruction_sets() == sets


def test_scores_of_processors_with_one_name_and_other_instruction_sets_need_not_be_bit_identical(cpuinfo):
    kinds = []
    for flags in (EPYC, XEON):
        cpuinfo(f"model name\t: Virtual CPU @ 2\nflags\t\t: {flags}")
        kinds.append(machine.device_class(torch, "cpu"))
    assert kinds[0] != kinds[1] and all(kind.startswith("Virtual CPU @ 2 ") for kind in kinds)


def printed(capsys):
    """Return what `mmlu-kit machine` prints, by its first words."""
    cli.run(argparse.Namespace())
    return dict(line.split(maxsplit=1) for line in capsys.readouterr().out.splitlines())


def test_the_program_says_why_torch_cannot_use_a_gpu(monkeypatch, capsys):
    reason = "NVIDIA's driver 535.183.01 is too old for torch's CUDA 13.0"
    monkeypatch.setattr(gpu_obstacles, "obstacle", lambda torch: reason)
    monkeypatch.setattr(torch.mps, "is_available", lambda: False)
    monkeypatch.setattr(processor, "instruction_sets", lambda: ["AVX2", "AVX512"])
    lines = printed(capsys)
    assert " cores (AVX2, AVX512), " in lines["processor"]
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
