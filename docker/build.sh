#!/bin/sh
# Build an image with docker, podman or buildah, whichever works, and convert it to images/KIND.sif if Apptainer is installed:
#   docker/build.sh cpu|cuda|cuda12
# cuda12 is for drivers that are too old for CUDA 13 (older than 580): the CPU image with a torch for CUDA 12, which is on
# PyTorch's own index of wheels and not on PyPI: TORCH_OPTIONS='--index-url <PyTorch's index of CUDA 12 wheels>'
# BUILD_OPTIONS are passed on to the builder, as in BUILD_OPTIONS='--build-arg BASE=debian:bookworm-slim'. COMPRESSION sets
# the compression of the .sif (mksquashfs). The default, gzip, is Apptainer's own; other methods may not work everywhere.
set -eu
cd "$(dirname "$0")/.."
kind=$1
tag=mmlu-kit:$kind
fail() {
    echo "error: $1" >&2
    exit 2
}
case $kind in
cpu | cuda) recipe=$kind ;;
cuda12)
    recipe=cpu
    [ -n "${TORCH_OPTIONS:-}" ] || fail "TORCH_OPTIONS must name PyTorch's index of CUDA 12 wheels (--index-url …): see docs/images.md"
    ;;
*) fail "there is no image '$kind': cpu, cuda or cuda12" ;;
esac
# `info` fails if docker's daemon is not running or podman may not create containers.
for builder in docker podman buildah ''; do
    if [ -n "$builder" ] && "$builder" info >/dev/null 2>&1; then break; fi
done
[ -n "$builder" ] || fail "docker, podman or buildah is needed to build an image, and none of them works here: install one, or start its service"
echo "Building $tag with $builder …"
# Unquoted on purpose: several options.
# shellcheck disable=SC2086
"$builder" build ${BUILD_OPTIONS:-} --file "docker/$recipe.Dockerfile" --tag "$tag" \
    --build-arg LOCK_SHA256="$(sha256sum "envs/$recipe.lock" | cut -d ' ' -f 1)" \
    --build-arg INPUTS_SHA256="$(sh docker/inputs.sh "$recipe")" \
    ${TORCH_OPTIONS:+--build-arg "TORCH_OPTIONS=$TORCH_OPTIONS"} \
    --build-arg REVISION="$(git rev-parse HEAD 2>/dev/null || echo unknown)" \
    .
apptainer=$(command -v apptainer || command -v singularity || true)
if [ -z "$apptainer" ]; then
    echo "$tag is built. For Snakemake's --use-singularity an images/$kind.sif is needed: install Apptainer and run this again."
    exit 0
fi
mkdir -p images
archive=$(mktemp -d)
trap 'rm -rf "$archive"' EXIT
case $builder in
buildah) buildah push --quiet "$tag" "docker-archive:$archive/image.tar:$tag" ;;
*) "$builder" save --output "$archive/image.tar" "$tag" ;;
esac
# Build under a temporary name, so that a killed build leaves no incomplete image.
"$apptainer" build --mksquashfs-args "-comp ${COMPRESSION:-gzip}" --force "images/$kind.part.sif" "docker-archive:$archive/image.tar"
mv "images/$kind.part.sif" "images/$kind.sif"
echo "images/$kind.sif is built."
