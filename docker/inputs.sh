#!/bin/sh
# Print a single SHA-256 over all files that an image is built from: inputs.sh cpu|cuda
# The same hash means the same image, so images can be cached under it.
set -eu
cd "$(dirname "$0")/.."
# Sort by bytes, so that the hash does not depend on the user's locale.
export LC_ALL=C
find "docker/$1.Dockerfile" docker/*.sh .dockerignore envs/torch.txt "envs/$1.lock" Snakefile config.yaml workflow profiles \
    -type f ! -path '*/__pycache__/*' ! -path '*.egg-info/*' -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -d ' ' -f 1
