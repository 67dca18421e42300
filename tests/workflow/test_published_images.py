"""A release's images, which are used without being built."""

import re
import subprocess

import pytest
import yaml

DIGESTS = {"cpu": "sha256:" + "1f" * 32, "cuda": "sha256:" + "2e" * 32}


def release_config(root, *digests):
    command = ["sh", "docker/release_config.sh", "registry.example/owner/mmlu-kit", *digests]
    return subprocess.run(command, cwd=root, capture_output=True, text=True)


def test_a_releases_config_makes_rules_run_in_its_images(root, workflow_copy, snakemake, tmp_path):
    process = release_config(root, *DIGESTS.values())
    assert process.returncode == 0, process.stderr
    (tmp_path / "images.yaml").write_text(process.stdout)
    addresses = {kind: f"docker://registry.example/owner/mmlu-kit@{digest}" for kind, digest in DIGESTS.items()}
    assert yaml.safe_load(process.stdout) == {"images": addresses}
    arguments = ["--cores", "1", "--use-singularity", "--dry-run", "--configfile", tmp_path / "images.yaml"]
    plan = snakemake(workflow_copy, *arguments, "--config", "study=smoke")
    assert plan.returncode == 0, plan.stdout + plan.stderr
    # The smoke study has no CUDA model, so only the CPU image is pulled.
    pulled = re.findall(r"docker://\S+@sha256:\w+", plan.stdout + plan.stderr)
    assert set(pulled) == {addresses["cpu"]}


def test_a_digest_that_is_none_is_refused(root):
    process = release_config(root, DIGESTS["cpu"], "latest")
    assert process.returncode == 2 and process.stderr.startswith("error: 'latest' is not a digest")


@pytest.mark.parametrize("options", [None, "--index-url https://wheels.example/cu126"])
def test_torchs_options_are_passed_on_as_one_argument_if_there_are_any(root, tmp_path, options):
    builder = tmp_path / "docker"
    builder.write_text('#!/bin/sh\n[ "$1" = info ] || { printf "%s\\n" "$@"; exit 3; }\n')
    builder.chmod(0o755)
    environment = {"PATH": f"{tmp_path}:/usr/bin:/bin", "BUILD_OPTIONS": "--build-arg TORCH_OPTIONS=--no-index"}
    environment |= {"TORCH_OPTIONS": options} if options else {}
    process = subprocess.run(["sh", "docker/build.sh", "cpu"], cwd=root, capture_output=True, text=True, env=environment)
    assert process.returncode == 3, process.stderr
    passed = [line for line in process.stdout.splitlines() if line.startswith("TORCH_OPTIONS=")]
    assert passed == ["TORCH_OPTIONS=--no-index", *([f"TORCH_OPTIONS={options}"] if options else [])]


def test_an_image_for_cuda_12_needs_the_index_of_its_wheels(root):
    process = subprocess.run(
        ["sh", "docker/build.sh", "cuda12"], cwd=root, capture_output=True, text=True, env={"PATH": "/usr/bin:/bin"}
    )
    assert process.returncode == 2 and "TORCH_OPTIONS must name PyTorch's index" in process.stderr
