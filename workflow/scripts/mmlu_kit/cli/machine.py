"""Show this machine and how large a model its memory can hold."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """There are no arguments."""


def run(args: argparse.Namespace) -> None:
    import torch

    from mmlu_kit.report import machine_table
    from mmlu_kit.timing import machine

    this = machine.describe(torch)
    print(f"processor  {this.processor}, {this.cores_usable} cores, {this.memory_bytes / 1e9:.1f} GB of memory")
    gpu = "none that torch can use"
    if this.gpu and this.gpu_memory_bytes:
        gpu = f"{this.gpu}, {this.gpu_memory_bytes / 1e9:.1f} GB, CUDA {this.cuda}, driver {this.driver}"
    print(f"GPU        {gpu}")
    sizes = ", ".join(f"{size.parameters / 1e9:.1f} in {size.format}" for size in machine_table.largest(this))
    print(f"largest    {sizes} (billion parameters, at most, on the {'GPU' if this.gpu else 'processor'})")
