"""Machines: their descriptions, and when two are the same."""

import torch
from mmlu_kit.timing import machine

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
