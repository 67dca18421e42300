"""Show this machine and how large a model its memory can hold."""

import argparse


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It takes none."""


def run(args: argparse.Namespace) -> None:
    import torch

    from mmlu_kit.report import machine_table
    from mmlu_kit.timing import machine

    here = machine.describe(torch)
    print(f"processor  {here.processor}, {here.cores_usable} cores, {here.memory_bytes / 1e9:.1f} GB of memory")
    gpu = "none that torch can use"
    if here.gpu and here.gpu_memory_bytes:
        gpu = f"{here.gpu}, {here.gpu_memory_bytes / 1e9:.1f} GB, CUDA {here.cuda}, driver {here.driver}"
    print(f"GPU        {gpu}")
    sizes = ", ".join(f"{size.parameters / 1e9:.1f} in {size.format}" for size in machine_table.largest(here))
    print(f"largest    {sizes} (billion parameters, at most, on the {'GPU' if here.gpu else 'processor'})")
