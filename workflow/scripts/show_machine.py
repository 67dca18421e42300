#!/usr/bin/env python3
"""Show what this machine is and how large a model its memory can hold."""

import argparse
import sys

from mmlu_kit import user_errors


def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    import torch
    from mmlu_kit.report import machine_table
    from mmlu_kit.timing import machine

    found = machine.describe(torch)
    print(f"processor  {found['processor']}, {found['cores_usable']} cores, {found['memory_bytes'] / 1e9:.1f} GB of memory")
    gpu = "none that torch can use"
    if found["gpu"]:
        gpu = f"{found['gpu']}, {found['gpu_memory_bytes'] / 1e9:.1f} GB, CUDA {found['cuda']}, driver {found['driver']}"
    print(f"GPU        {gpu}")
    sizes = ", ".join(f"{one['parameters'] / 1e9:.1f} in {one['format']}" for one in machine_table.largest(found))
    print(f"largest    {sizes} (billion parameters, at most, on the {'GPU' if found['gpu'] else 'processor'})")


if __name__ == "__main__":
    sys.exit(user_errors.run(main))
