#!/bin/sh
# Print one SHA-256 of every file that an image is built from: inputs.sh cpu|cuda
# The same digest is the same image, so it is the key under which an image may be kept.
set -eu
cd "$(dirname "$0")/.."
# Byte order, so that the digest does not depend on the user's language.
export LC_ALL=C
find "docker/$1.Dockerfile" docker/*.sh .dockerignore envs/torch.txt "envs/$1.lock" Snakefile config.yaml workflow profiles \
    -type f ! -path '*/__pycache__/*' ! -path '*.egg-info/*' -print0 | sort -z | xargs -0 sha256sum | sha256sum | cut -d ' ' -f 1
