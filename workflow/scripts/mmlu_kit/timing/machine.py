"""The machine that a program runs on, as far as times depend on it."""

import ctypes
import os
import platform
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import psutil
from pydantic import Field

from mmlu_kit.data import Bytes, Data, Positive
from mmlu_kit.timing import gpu, processor
from mmlu_kit.timing.processor import InstructionSet

# Parameters of glibc's mallopt, from malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
# Packages that can change a score or a time. Libraries take those that are not the kit's own without a word where they find
# them: for adapters, weights that were saved quantized, and faster kernels.
PACKAGES = (
    "torch transformers tokenizers accelerate bitsandbytes numpy safetensors huggingface_hub jinja2 "
    "peft compressed-tensors gptqmodel autoawq optimum optimum-quanto torchao hqq eetq aqlm vptq fp-quant auto-round "
    "sentencepiece protobuf tiktoken mistral-common gguf "
    "kernels triton flash-attn flash-linear-attention causal-conv1d mamba-ssm xformers einops deepspeed"
).split()
# Of these, the ones that only read files, on which no time depends.
_READERS = frozenset({"peft", "sentencepiece", "protobuf", "tiktoken", "mistral-common", "gguf", "jinja2"})


class Machine(Data):
    """A machine and the versions of the packages that can change a score."""

    host: str | None = Field(None, description="The machine's name; null unless config's `record_host` asks for it.")
    system: str = Field(description="Operating system, release and architecture.")
    processor: str
    cores: Positive | None = Field(description="Logical cores of the machine.")
    cores_usable: Positive | None = Field(description="Cores that the process may use.")
    cpu_capability: str = Field(description="The vector instructions that torch uses, for example 'AVX512'.")
    instruction_sets: list[InstructionSet] = Field(
        description="Those that torch's matrix products can use; BF16 and AMX multiply bfloat16, VNNI and AMX int8."
    )
    memory_bytes: Bytes = Field(description="The machine's total memory.")
    gpu: str | None = Field(description="The GPU's name; null if torch cannot use one.")
    gpu_memory_bytes: Bytes | None = Field(description="The GPU's total memory; null without a GPU.")
    cuda: str | None = Field(description="The version of CUDA that torch was built with; null without a GPU.")
    driver: str | None = Field(description="The version of NVIDIA's driver; null without a GPU.")
    container: str | None = Field(description="The kind of container that the process ran in; null outside a container.")
    python: str
    packages: dict[str, str | None] = Field(
        description="Versions of the packages that can change a score; null for those that are not installed."
    )

    def alike(self, other: "Machine") -> bool:
        """Whether times of two machines can be compared: only the host's name and packages that read files may differ."""
        return self._for_times() == other._for_times()

    def _for_times(self) -> "Machine":
        packages = {name: version for name, version in self.packages.items() if version and name not in _READERS}
        return self.model_copy(update={"host": None, "packages": packages})

    def in_words(self) -> str:
        """Processor, cores, GPU and package versions in one line."""
        sets = ", ".join(dict.fromkeys([*self.instruction_sets, self.cpu_capability]))
        parts = [f"{self.processor}, {self.cores_usable} cores, {sets}"]
        if self.gpu:
            parts.append(f"{self.gpu}, driver {self.driver}, CUDA {self.cuda}")
        parts.append(", ".join(f"{name} {version}" for name, version in self.packages.items() if version))
        return "; ".join(parts)


def describe(torch: Any, host: bool = False) -> Machine:
    """Describe this machine; its name may identify its user, so it is left out unless `host` is true."""
    has_gpu = torch.cuda.is_available()
    return Machine(
        host=platform.node() if host else None,
        system=f"{platform.system()} {platform.release()} {platform.machine()}",
        processor=processor.name(),
        cores=os.cpu_count(),
        cores_usable=cores_usable(),
        cpu_capability=torch.backends.cpu.get_cpu_capability(),
        instruction_sets=processor.instruction_sets(),
        memory_bytes=psutil.virtual_memory().total,
        gpu=torch.cuda.get_device_name() if has_gpu else None,
        gpu_memory_bytes=torch.cuda.get_device_properties(0).total_memory if has_gpu else None,
        cuda=torch.version.cuda if has_gpu else None,
        driver=gpu.driver() if has_gpu else None,
        container=container(),
        python=platform.python_version(),
        packages=packages(),
    )


def cores_usable() -> int | None:
    """The number of logical cores that this process may use, None if the system does not tell."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def device_class(torch: Any, device: str) -> str:
    """The kind of device that computes scores; devices of one kind can be expected to give the same bits."""
    if device == "cuda":
        return str(torch.cuda.get_device_name())
    # Machines of one processor's name can differ in these, as virtual ones do.
    words = [processor.name(), torch.backends.cpu.get_cpu_capability(), *processor.instruction_sets()]
    return " ".join(dict.fromkeys(words))


def keep_freed_memory() -> None:
    """Make this process keep the memory that it frees (with glibc only; elsewhere nothing happens). Scores do not change.

    A forward pass frees and allocates the same large blocks in every layer. If they were returned to the system, it would have
    to hand out and zero new pages each time.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt:
        for parameter in (M_TRIM_THRESHOLD, M_MMAP_THRESHOLD):
            mallopt(parameter, 1 << 30)


def container() -> str | None:
    """The kind of container that this process runs in, or None."""
    if "APPTAINER_CONTAINER" in os.environ or "SINGULARITY_CONTAINER" in os.environ:
        return "apptainer"
    markers = {"docker": "/.dockerenv", "podman": "/run/.containerenv"}
    return next((name for name, marker in markers.items() if Path(marker).exists()), None)


def packages(adapter: bool = True) -> dict[str, str | None]:
    """The versions of all packages that can change a score, None for those that are not installed.

    Without an `adapter`, peft is left out, which then changes nothing.
    """
    return {name: _version(name) for name in PACKAGES if adapter or name != "peft"}


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
