"""Why torch cannot compute on a GPU with CUDA here, from what torch, the driver and the container say, with the way out."""

import ctypes
import os
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from mmlu_kit.timing import gpu, machine
from mmlu_kit.user_errors import one_line

# The oldest driver for each major version of CUDA:
# https://docs.nvidia.com/deploy/cuda-compatibility/minor-version-compatibility.html
OLDEST_DRIVERS: Mapping[int, int] = MappingProxyType({13: 580, 12: 525})
# Where Apptainer binds the driver's libraries.
APPTAINER_LIBRARIES = Path("/.singularity.d/libs")
# The option with which each kind of container is handed the host's GPUs.
_OPTIONS = MappingProxyType(
    {
        "apptainer": ("Apptainer", "--nv"),
        "docker": ("Docker", "--gpus all"),
        "podman": ("Podman", "--device nvidia.com/gpu=all"),
    }
)


def obstacle(torch: Any) -> str | None:
    """Why `torch` cannot use a GPU with CUDA here, as the end of a sentence; None if it can."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns about an old driver or GPU, which is said here
        return _unusable(torch) if torch.cuda.is_available() else _missing(torch)


def _missing(torch: Any) -> str:
    """Why torch sees no GPU."""
    names, driver, container = gpu.names(), gpu.driver(), machine.container()
    name = names[0] if names else None
    kind, option = _OPTIONS[container] if container else ("", "")
    if name and torch.version.cuda is None:
        build = "ROCm" if torch.version.hip else "CPU"
        way_out = "run in the image that `make image-cuda` builds, or install torch with CUDA, as docs/errors.md says"
        return f"torch {torch.__version__} is the {build} build and cannot use the {name} here ({way_out})"
    if container and not _has_driver_library():
        if driver:
            return f"the host's NVIDIA driver {driver} was not handed into this {kind} container (start it with {option})"
        # The same in every kind of container, as the reason is part of results, which an image does not change.
        return "this machine has none, or did not hand it into this container (Apptainer: --nv, Docker: --gpus all)"
    if name and driver and torch.version.cuda:
        too_old = _too_old(driver, torch.version.cuda)
        if too_old:
            return too_old
    if name:
        visible, words = os.environ.get("CUDA_VISIBLE_DEVICES"), _torchs_words(torch)
        if visible in gpu.NO_DEVICES or (visible and "No CUDA GPUs are available" in words):
            return f"CUDA_VISIBLE_DEVICES={visible!r} hides the {name} (request a GPU for the job, or unset the variable)"
        return f"torch cannot use the {name} here ({words})"
    if container:
        return f"this {kind} container sees no GPU, although it has the host's NVIDIA driver (request a GPU for the job)"
    if driver:
        return f"this process sees none, only NVIDIA's driver {driver} (on a cluster, request a GPU for the job)"
    return "this machine has none"


def _unusable(torch: Any) -> str | None:
    """Why the GPU that torch sees cannot be used, None if it can."""
    if torch.version.cuda is None:
        return None  # AMD's GPUs
    try:
        name, (major, minor) = torch.cuda.get_device_name(), torch.cuda.get_device_capability()
        torch.cuda.mem_get_info()  # the first call that needs the GPU itself: another process may hold all of it
    except RuntimeError as error:
        return f"torch cannot use the GPU here ({one_line(error)})"
    codes = [(word, int(digits[:-1]), int(digits[-1])) for word, digits in _architectures(torch)]
    # Machine code runs on later GPUs of the same major version, intermediate code (PTX) on all later ones.
    if not codes or any(
        (code_major == major and code_minor <= minor) or (word == "compute" and code_major < major)
        for word, code_major, code_minor in codes
    ):
        return None
    built_for = ", ".join(f"{code_major}.{code_minor}" for code_major, code_minor in sorted({code[1:] for code in codes}))
    here = f"the {name} here has compute capability {major}.{minor} (torch for CUDA 12.6 goes back to 5.0: docs/images.md)"
    return f"torch {torch.__version__} is built for {built_for}, but {here}"


def _architectures(torch: Any) -> list[tuple[str, str]]:
    """The kinds of code in torch's CUDA libraries, such as ('sm', '75')."""
    matches = [re.fullmatch(r"(sm|compute)_(\d{2,})[af]?", architecture) for architecture in torch.cuda.get_arch_list()]
    return [(match[1], match[2]) for match in matches if match]


def _has_driver_library() -> bool:
    """Whether the host's CUDA driver was handed into this container."""
    if any(APPTAINER_LIBRARIES.glob("libcuda.so*")):
        return True
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def _too_old(driver: str, cuda: str) -> str | None:
    """Say that a driver is too old for a version of CUDA, None if it is not or if its oldest driver is not known."""
    version, needed = _major(driver), OLDEST_DRIVERS.get(_major(cuda) or 0)
    if version is None or needed is None or version >= needed:
        return None
    # torch has no builds for CUDA 11 any more.
    way_out = "use torch for CUDA 12, as docs/images.md says, or update it" if version >= OLDEST_DRIVERS[12] else "update it"
    return f"NVIDIA's driver {driver} is too old for torch's CUDA {cuda}, which needs {needed} or newer ({way_out})"


def _major(version: str) -> int | None:
    """The first number of a version, None if it does not begin with one."""
    number = re.match("[0-9]+", version)
    return int(number[0]) if number else None


def _torchs_words(torch: Any) -> str:
    """What torch says when it is made to use CUDA."""
    try:
        torch.cuda.init()
    except (AssertionError, RuntimeError) as error:
        return one_line(error)
    return "it gives no reason"
