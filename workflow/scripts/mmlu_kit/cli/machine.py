"""Show this machine and how large a model its memory can hold."""

import argparse

from mmlu_kit.settings import Device, DType

EXAMPLE = "mmlu-kit machine"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are no arguments."""


def run(args: argparse.Namespace) -> None:
    import torch

    from mmlu_kit.models import number_formats
    from mmlu_kit.report import machine_table
    from mmlu_kit.timing import gpu_obstacles, machine

    obstacle = gpu_obstacles.obstacle(torch)
    this = machine.describe(torch)
    if obstacle:
        this = this.model_copy(update={"gpu": None, "gpu_memory_bytes": None})
    device = Device.CUDA if this.gpu else Device.MPS if torch.mps.is_available() else Device.CPU
    sets = ", ".join(this.instruction_sets) or "no instruction sets that matter are known"
    print(f"processor  {this.processor}, {this.cores_usable} cores ({sets}), {this.memory_bytes / 1e9:.1f} GB of memory")
    gpu = f"none that torch can use: {obstacle}"
    if this.gpu and this.gpu_memory_bytes:
        capability = ".".join(map(str, torch.cuda.get_device_capability()))
        size = f"{this.gpu_memory_bytes / 1e9:.1f} GB, compute capability {capability}"
        gpu = f"{this.gpu}, {size}, CUDA {this.cuda}, driver {this.driver}"
    elif device == Device.MPS:
        gpu = "Apple's, as mps, which shares the processor's memory"
    print(f"GPU        {gpu}")
    print(f"dtype      auto is {number_formats.resolve(DType.AUTO, device)} on {device}")
    sizes = ", ".join(f"{size.parameters / 1e9:.1f} in {size.format}" for size in machine_table.largest(this))
    print(f"largest    {sizes} (billion parameters, at most, on the {'GPU' if this.gpu else 'processor'})")
