#!/bin/sh
# Rebuild the locks from envs/*.in and envs/torch.txt (needs uv): sh envs/lock.sh
set -eu
cd "$(dirname "$0")"
lock() {
    uv pip compile --quiet --generate-hashes --python-version 3.11 --no-header --no-annotate "$@"
}
# The CPU lock contains neither torch nor packages that only its CUDA wheels need.
without_torch=$(mktemp)
trap 'rm -f "$without_torch"' EXIT
echo 'torch; sys_platform == "none"' >"$without_torch"
lock kit.in --universal --override "$without_torch" --no-emit-package torch --output-file cpu.lock
lock kit.in quantized.in --constraint cpu.lock --universal --override "$without_torch" --no-emit-package torch --output-file quantized.lock
lock kit.in test.in --constraint cpu.lock --constraint quantized.lock --universal --override "$without_torch" --no-emit-package torch --output-file test.lock
# The CUDA lock is only for Linux on x86-64 and contains the optional packages, and torch's CUDA wheels with their hashes on PyPI.
lock kit.in quantized.in torch.txt --constraint cpu.lock --constraint quantized.lock --python-platform x86_64-manylinux_2_28 --output-file cuda.lock
