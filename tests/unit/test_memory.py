"""The memory a model is estimated to need and really takes, and the free memory within control groups."""

import pytest
import torch
from mmlu_kit.inputs import checkpoints
from mmlu_kit.models import footprint, memory, transformers_model
from mmlu_kit.models.inspect_model import effective_configuration
from mmlu_kit.settings import Device, DType, LoadSettings, Quantization

GB = 10**9


@pytest.mark.parametrize("quantization", list(Quantization))
@pytest.mark.parametrize("dtype", [DType.FLOAT32, DType.BFLOAT16])
def test_memory_estimates_match_loaded_weights(root, dtype, quantization):
    folder = root / "workflow/demo/models/demo-large"
    settings = LoadSettings(dtype=dtype, quantization=quantization)
    held = effective_configuration(transformers_model.load_model(folder, settings)).weight_bytes
    estimate = footprint.needed(checkpoints.describe(folder), Device.CPU, dtype, quantization) - memory.BESIDE_WEIGHTS
    assert estimate == pytest.approx(held, rel=0.02)


@pytest.mark.parametrize(("quantization", "parameters"), [("none", 3_900_000_000), ("8bit", 15_600_000_000)])
def test_the_largest_model_that_fits(quantization, parameters):
    assert memory.largest(16 * GB, DType.FLOAT32, Quantization(quantization)) == parameters
    assert memory.largest(GB // 10, DType.FLOAT32, Quantization(quantization)) == 0


def group(folder, limit, used, cached, version=2):
    names = {2: ("memory.max", "memory.current", "file"), 1: ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_cache")}
    folder.mkdir(parents=True, exist_ok=True)
    (folder / names[version][0]).write_text(f"{limit}\n")
    (folder / names[version][1]).write_text(f"{used}\n")
    (folder / "memory.stat").write_text(f"anon 5\n{names[version][2]} {cached}\n")


@pytest.mark.parametrize("version", [1, 2])
def test_cached_files_count_as_free_memory(tmp_path, version):
    group(tmp_path, 8 * GB, 5 * GB, 2 * GB, version)
    assert memory.free_in_group(tmp_path) == 5 * GB


@pytest.mark.parametrize(("version", "limit"), [(2, "max"), (1, 9223372036854771712)])
def test_a_group_without_a_limit(tmp_path, version, limit):
    group(tmp_path, limit, GB, 0, version)
    assert memory.free_in_group(tmp_path) is None


def test_a_folder_that_is_not_a_control_group(tmp_path):
    assert memory.free_in_group(tmp_path) is None


@pytest.mark.parametrize(("line", "base"), [("0::/jobs/step\n", ""), ("4:memory:/jobs/step\n", "memory")])
def test_a_process_is_limited_by_its_group_and_all_above(tmp_path, line, base):
    (tmp_path / "table").write_text("9:cpu:/elsewhere\n" + line)
    root = tmp_path / "cgroup"
    found = memory.control_groups(tmp_path / "table", root)
    assert found == [root / base / "jobs/step", root / base / "jobs", root / base]


def test_the_smallest_limit_applies(tmp_path, monkeypatch):
    group(tmp_path / "jobs/step", 3 * GB, GB, 0)
    group(tmp_path / "jobs", "max", GB, 0)
    monkeypatch.setattr(memory, "control_groups", lambda table, root: [tmp_path / "jobs/step", tmp_path / "jobs"])
    monkeypatch.setattr(memory.psutil, "virtual_memory", lambda: type("Memory", (), {"available": 9 * GB}))
    assert memory.free(torch, Device.CPU) == 2 * GB


def test_free_memory_of_a_gpu_is_the_devices_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda: (7 * GB, 16 * GB))
    assert memory.free(torch, Device.CUDA) == 7 * GB


def test_this_machine_has_free_memory():
    assert 10**8 < memory.free(torch, Device.CPU) < 10**14
