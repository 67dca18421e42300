"""Why torch cannot use a GPU, with fakes for torch, NVML, the driver's files and containers."""

import ctypes
import warnings
from pathlib import Path
from types import SimpleNamespace

import pynvml
import pytest
from mmlu_kit.timing import gpu, gpu_obstacles, machine

T4, V100 = "Tesla T4", "Tesla V100-SXM2-16GB"
# torch's own for CUDA 13.0.
ARCHITECTURES = ["sm_75", "sm_80", "sm_86", "sm_90", "sm_100", "sm_120", "compute_120"]


@pytest.fixture
def system(monkeypatch, tmp_path):
    """Return a function that fakes what the system says: GPUs, driver, container, and whether it was handed the driver."""

    def fake(names=(), driver=None, container=None, library=False, visible=None):
        monkeypatch.setattr(gpu, "names", lambda: list(names))
        monkeypatch.setattr(gpu, "driver", lambda: driver)
        monkeypatch.setattr(machine, "container", lambda: container)
        monkeypatch.setattr(gpu_obstacles, "APPTAINER_LIBRARIES", tmp_path)
        monkeypatch.setattr(ctypes, "CDLL", no_library)
        monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
        if visible is not None:
            monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
        if library:
            (tmp_path / "libcuda.so.1").touch()

    return fake


def no_library(name):
    raise OSError(f"{name}: cannot open shared object file")


def fake_torch(cuda="13.0", available=False, capability=(7, 5), problem="", hip=None):
    """Return what is used of torch; `problem` is what it says when its GPU is touched."""

    def fail():
        if problem:
            raise RuntimeError(problem)

    def is_available():
        warnings.warn("CUDA initialization: The NVIDIA driver on your system is too old", stacklevel=2)
        return available

    functions = {
        "is_available": is_available,
        "init": fail,
        "mem_get_info": fail,
        "get_device_name": lambda: T4 if capability == (7, 5) else V100,
        "get_device_capability": lambda: capability,
        "get_arch_list": lambda: ARCHITECTURES,
    }
    return SimpleNamespace(__version__="2.13.0", version=SimpleNamespace(cuda=cuda, hip=hip), cuda=SimpleNamespace(**functions))


CPU_BUILD = fake_torch(cuda=None)


@pytest.mark.parametrize(
    ("torch", "facts", "words"),
    [
        (CPU_BUILD, {}, "this machine has none"),
        (fake_torch(), {}, "this machine has none"),
        (
            CPU_BUILD,
            {"names": [T4], "driver": "580.65.06"},
            "torch 2.13.0 is the CPU build and cannot use the Tesla T4 here (run in the image that `make image-cuda` builds, "
            "or install torch with CUDA, as docs/errors.md says)",
        ),
        (fake_torch(None, hip="6.4"), {"names": [T4]}, "torch 2.13.0 is the ROCm build and cannot use the Tesla T4 here"),
        (fake_torch(), {"driver": "580.1"}, "this process sees none, only NVIDIA's driver 580.1 (on a cluster, request a GPU"),
        (
            fake_torch(),
            {"names": [T4], "driver": "535.183.01"},
            "NVIDIA's driver 535.183.01 is too old for torch's CUDA 13.0, which needs 580 or newer (use torch for CUDA 12, as "
            "docs/images.md says, or update it)",
        ),
        (
            fake_torch("12.6"),
            {"names": [T4], "driver": "470.82.01"},
            "NVIDIA's driver 470.82.01 is too old for torch's CUDA 12.6, which needs 525 or newer (update it)",
        ),
        (
            fake_torch(problem="No CUDA GPUs are available"),
            {"names": [T4], "driver": "580.1", "visible": "3"},
            "CUDA_VISIBLE_DEVICES='3' hides the Tesla T4 (request a GPU for the job, or unset the variable)",
        ),
        (fake_torch("12.6"), {"names": [T4], "driver": "535.1", "visible": ""}, "CUDA_VISIBLE_DEVICES='' hides the Tesla T4"),
        (
            fake_torch(problem="Error 802:\n  system not yet initialized"),
            {"names": [T4], "driver": "580.1", "visible": "0"},
            "torch cannot use the Tesla T4 here (RuntimeError: Error 802: system not yet initialized)",
        ),
        # In containers.
        (
            fake_torch(),
            {"container": "apptainer"},
            "this machine has none, or did not hand it into this container (Apptainer: --nv, Docker: --gpus all)",
        ),
        (
            CPU_BUILD,
            {"container": "docker"},
            "this machine has none, or did not hand it into this container (Apptainer: --nv, Docker: --gpus all)",
        ),
        (
            fake_torch(),
            {"container": "apptainer", "names": [T4], "driver": "580.1"},
            "the host's NVIDIA driver 580.1 was not handed into this Apptainer container (start it with --nv)",
        ),
        (
            fake_torch(),
            {"container": "podman", "driver": "580.1"},
            "the host's NVIDIA driver 580.1 was not handed into this Podman container (start it with --device nvidia.com",
        ),
        (
            fake_torch(),
            {"container": "apptainer", "library": True, "driver": "580.1"},
            "this Apptainer container sees no GPU, although it has the host's NVIDIA driver (request a GPU for the job)",
        ),
        (
            fake_torch(),
            {"container": "apptainer", "library": True, "names": [T4], "driver": "550.54.15"},
            "NVIDIA's driver 550.54.15 is too old for torch's CUDA 13.0",
        ),
        (
            CPU_BUILD,
            {"container": "apptainer", "library": True, "names": [T4], "driver": "580.1"},
            "torch 2.13.0 is the CPU build and cannot use the Tesla T4 here",
        ),
    ],
)
def test_why_torch_sees_no_gpu(system, recwarn, torch, facts, words):
    system(**facts)
    assert gpu_obstacles.obstacle(torch).startswith(words)
    assert not recwarn.list  # one line, without torch's own warning


@pytest.mark.parametrize(("driver", "cuda"), [("N/A", "13.0"), ("580.65", "git"), ("580.65", "99.1")])
def test_versions_that_are_not_understood_are_not_called_too_old(system, driver, cuda):
    system([T4], driver)
    words = gpu_obstacles.obstacle(fake_torch(cuda, problem="CUDA unknown error"))
    assert words == f"torch cannot use the {T4} here (RuntimeError: CUDA unknown error)"


@pytest.mark.parametrize("capability", [(7, 5), (8, 0), (8, 9), (9, 0), (10, 3), (12, 1), (13, 0)])
def test_a_gpu_that_torch_has_code_for_is_no_obstacle(system, capability):
    system(names=[T4], driver="580.1")
    assert gpu_obstacles.obstacle(fake_torch(available=True, capability=capability)) is None


def test_a_gpu_that_is_older_than_torchs_code(system):
    system(names=[V100], driver="580.1")
    assert gpu_obstacles.obstacle(fake_torch(available=True, capability=(7, 0))) == (
        "torch 2.13.0 is built for 7.5, 8.0, 8.6, 9.0, 10.0, 12.0, but the Tesla V100-SXM2-16GB here has compute capability "
        "7.0 (torch for CUDA 12.6 goes back to 5.0: docs/images.md)"
    )


def test_a_gpu_that_another_process_holds(system):
    system(names=[T4], driver="580.1")
    busy = fake_torch(available=True, problem="CUDA error: all CUDA-capable devices are busy or unavailable")
    assert gpu_obstacles.obstacle(busy) == (
        "torch cannot use the GPU here (RuntimeError: CUDA error: all CUDA-capable devices are busy or unavailable)"
    )


def test_a_driver_library_outside_apptainers_folder(system, monkeypatch):
    system(container="docker")
    monkeypatch.setattr(ctypes, "CDLL", {"libcuda.so.1": "library"}.get)
    assert gpu_obstacles.obstacle(fake_torch()).startswith("this Docker container sees no GPU, although it has the host's")


@pytest.fixture
def driver_files(monkeypatch, tmp_path):
    """Fake the driver's files for a GPU without a name, on a machine without NVML."""

    def missing():
        raise pynvml.NVMLError(pynvml.NVML_ERROR_LIBRARY_NOT_FOUND)

    monkeypatch.setattr(pynvml, "nvmlInit", missing)
    monkeypatch.setattr(gpu, "DRIVER_FILES", tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("text", "version"),
    [
        (
            "NVRM version: NVIDIA UNIX x86_64 Kernel Module  535.183.01  Sun May 12\nGCC version:  gcc 12.2.0\n",
            "535.183.01",
        ),
        ("NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.65.06  Release Build  (dvs)\n", "580.65.06"),
        ("GCC version:  gcc version 120.2.0\n", None),
        (None, None),
    ],
)
def test_the_drivers_version_without_nvml(driver_files, text, version):
    if text:
        (driver_files / "version").write_text(text)
    assert gpu.driver() == version


def test_the_names_of_gpus_without_nvml(driver_files):
    assert gpu.names() == []
    for number, text in enumerate(("Model: \t\t Tesla T4\nIRQ: 10\n", "IRQ: 11\n")):
        folder = driver_files / f"gpus/0000:0{number}:00.0"
        folder.mkdir(parents=True)
        (folder / "information").write_text(text)
    assert gpu.names() == [T4, "NVIDIA GPU"]


def test_the_names_of_gpus_from_nvml(monkeypatch):
    def lost(handle):
        if handle:
            raise pynvml.NVMLError(pynvml.NVML_ERROR_GPU_IS_LOST)
        return T4

    monkeypatch.setattr(pynvml, "nvmlInit", lambda: None)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetCount", lambda: 2)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetHandleByIndex", lambda number: number)
    monkeypatch.setattr(pynvml, "nvmlDeviceGetName", lost)
    assert gpu.names() == [T4, "NVIDIA GPU"]


def test_apptainers_folder_is_where_nv_binds_the_driver():
    assert Path("/.singularity.d/libs") == gpu_obstacles.APPTAINER_LIBRARIES
