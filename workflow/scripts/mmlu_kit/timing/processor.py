"""This machine's processor: its name, and the instruction sets that decide which number format is fast, without torch."""

import os
import platform
import sys
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Literal

InstructionSet = Literal["AVX2", "AVX512", "VNNI", "BF16", "AMX"]

_CPUINFO = Path("/proc/cpuinfo")
# The kernel's words, of which one is enough. A kernel that does not let processes use AMX leaves its words out.
_WORDS: Mapping[InstructionSet, frozenset[str]] = MappingProxyType(
    {
        "AVX2": frozenset({"avx2"}),
        "AVX512": frozenset({"avx512f"}),
        "VNNI": frozenset({"avx512_vnni", "avx_vnni"}),
        "BF16": frozenset({"avx512_bf16", "bf16"}),  # the second is Arm's
        "AMX": frozenset({"amx_bf16"}),
    }
)
# How many of these oneDNN, which multiplies torch's matrices, still uses if ONEDNN_MAX_CPU_ISA limits it; other values do not.
# AVX2_VNNI keeps VNNI without AVX512, which this order cannot tell.
_UP_TO: Mapping[str, int] = MappingProxyType(
    dict.fromkeys(("SSE41", "AVX"), 0)
    | dict.fromkeys(("AVX2", "AVX2_VNNI", "AVX2_VNNI_2"), 1)
    | {"AVX512_CORE": 2, "AVX512_CORE_VNNI": 3, "AVX512_CORE_BF16": 4, "AVX512_CORE_FP16": 4}
)


def name() -> str:
    """The processor's name as reported by the system."""
    return _value("model name") or platform.processor() or platform.machine()


def instruction_sets() -> list[InstructionSet]:
    """The names of the sets that torch's matrix products can use here; empty where the system does not tell.

    oneDNN's own answer (torch.ops.mkldnn._is_mkldnn_bf16_supported) also counts processors on which it emulates bfloat16.
    """
    words = frozenset(_value("flags", "Features").split())
    limit = (os.environ.get("ONEDNN_MAX_CPU_ISA") or os.environ.get("DNNL_MAX_CPU_ISA", "")).upper()  # its older name counts
    return [name for name in list(_WORDS)[: _UP_TO.get(limit)] if words & _WORDS[name]]


def is_known() -> bool:
    """Whether the system tells which instruction sets there are; macOS does not."""
    return bool(_value("flags", "Features"))


def multiplies_bfloat16() -> bool:
    """Whether the processor has instructions for products of bfloat16; others convert to float32 and back."""
    return not {"BF16", "AMX"}.isdisjoint(instruction_sets())


def _value(*names: str) -> str:
    """The first value in /proc/cpuinfo with one of these names, an empty text if there is none."""
    if sys.platform == "linux" and _CPUINFO.exists():
        for line in _CPUINFO.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() in names:
                return value.strip()
    return ""
