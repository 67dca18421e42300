"""Number formats on this machine's processor, known without torch: what `auto` is, and which are only emulated."""

from mmlu_kit.settings import Device, DType, LoadSettings
from mmlu_kit.timing import processor


def auto() -> DType:
    """The number format that `auto` is on the CPU: bfloat16 where the processor multiplies it, else float32.

    There, bfloat16 took half of float32's time on an EPYC with AVX512-BF16, and less than half with AMX (benchmarks/measured).
    """
    return DType.BFLOAT16 if processor.multiplies_bfloat16() else DType.FLOAT32


def remark(settings: LoadSettings) -> str | None:
    """What to know of a model's number format on this processor: what `auto` chose and why, or a warning; else None."""
    if settings.device != Device.CPU:
        return None
    known, multiplies = processor.is_known(), processor.multiplies_bfloat16()
    if settings.dtype == DType.AUTO:
        why = "which this processor multiplies itself" if multiplies else "as this processor only emulates bfloat16"
        return f"dtype auto: {auto()}, {why if known else 'as the system does not name its instruction sets'}"
    if settings.dtype == DType.BFLOAT16 and known and not multiplies:
        return "bfloat16 is emulated on this processor and slower than float32: set dtype to float32 or auto"
    return None
