"""Which image each job of a study runs in, and what a missing one means."""

import re

import pytest
import yaml
from mmlu_kit import config as configs
from mmlu_kit.jobs.images import FILES, Images, located, uses
from mmlu_kit.study import resolve
from mmlu_kit.user_errors import UserError


@pytest.fixture
def config(root, monkeypatch):
    monkeypatch.chdir(root)
    return yaml.safe_load((root / "config.yaml").read_text())


@pytest.fixture
def images(tmp_path, monkeypatch, config):
    """The images of a study whose folder has these kinds of image: images('cpu', 'cuda')."""
    study = config

    def call(*kinds, in_images=True, evaluated=None, parts=FILES, **changes):
        resolved = resolve(study | changes)
        folder = tmp_path / "images"
        folder.mkdir(exist_ok=True)
        for kind in kinds:
            (folder / f"{kind}.sif").touch()
        names = {kind: str(folder / f"{kind}.sif") for kind in ("cpu", "cuda")}
        return Images(names, uses(resolved, resolved.run if evaluated is None else evaluated, parts), in_images, str)

    return call


def files(images, device):
    return [path.rsplit("/", 1)[1] for path in images.files(device)]


def test_the_demo_runs_in_the_cpu_image_alone_until_there_is_one_for_cuda(images):
    without = images("cpu")
    assert files(without, "cuda") == files(without, "cpu") == ["cpu.sif"] and list(without.used) == ["cpu"]
    both = images("cuda")
    assert files(both, "cuda") == ["cuda.sif"] and list(both.used) == ["cpu", "cuda"]


def test_a_study_without_cuda_uses_no_cuda_image(images):
    assert list(images("cpu", "cuda", study="smoke").used) == ["cpu"]


def test_only_what_loads_models_here_counts(images):
    assert list(images("cpu", "cuda", study="writeup", evaluated=[], parts=["stability"]).used) == ["cpu"]
    assert list(images("cpu", "cuda", study="writeup", evaluated=["Qwen2.5-7B-Instruct-4bit"], parts=[]).used) == [
        "cpu",
        "cuda",
    ]


def test_a_missing_cuda_image_names_what_cannot_do_without_it(images, config):
    config["models"]["demo-medium"]["device"] = "cuda"
    setups = config["studies"]["demo"]["timing_setups"]["setups"]
    setups[1]["on_unavailable"] = "fail"
    expected = (
        r"config: images\.cuda: there is no .*/cuda\.sif, needed by models\.demo-medium, "
        r"timing_setups\.setup_2_gpu_4_quant, stability: make it with `make image-cuda`, or name another"
    )
    with pytest.raises(UserError) as error:
        images("cpu")
    assert re.fullmatch(expected, str(error.value))


def test_the_stability_of_a_model_that_may_be_skipped_needs_the_cuda_image(images, config):
    config["models"]["demo-medium"] |= {"device": "cuda", "on_unavailable": "skip"}
    assert list(images("cpu", parts=["timing_setups"]).used) == ["cpu"]
    with pytest.raises(UserError, match="needed by stability:"):
        images("cpu", parts=["stability"])


def test_a_missing_cpu_image_is_one_line_and_without_images_none_is_needed(images):
    with pytest.raises(
        UserError, match=r"config: images\.cpu: there is no .*/cpu\.sif: make it with `make image-cpu`, or name"
    ):
        images()
    native = images(in_images=False)
    assert native.used == {} and native.files("cuda") == [] and native.name("cuda").endswith("cuda.sif")


def test_an_address_is_no_file():
    images = Images({"cpu": "docker://a/b@sha256:0", "cuda": "docker://a/c"}, [], True, str)
    assert images.files("cpu") == [] and images.name("cuda") == "docker://a/c"


def test_a_files_address_is_its_path(config):
    config["images"] = {"cpu": "file:///images/cpu.sif", "cuda": "docker://a/c"}
    assert dict(configs.parse(config).images) == {"cpu": "/images/cpu.sif", "cuda": "docker://a/c"}


@pytest.mark.parametrize("sign", [" ", "'", "$", "\\", "(", ";"])
def test_a_path_that_a_shell_would_read_otherwise_is_refused_until_there_is_a_link(tmp_path, monkeypatch, sign):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / f"the{sign}kit/cpu.sif"
    path.parent.mkdir()
    path.touch()
    words = f"images.cpu: the{sign}kit/cpu.sif: Snakemake cannot take an image's path with {sign!r} in it: make a link to"
    with pytest.raises(UserError, match=re.escape(words)):
        Images({"cpu": f"the{sign}kit/cpu.sif", "cuda": ""}, [], True, str)
    (tmp_path / "ümlaut,#.sif").symlink_to(path)
    assert Images({"cpu": "ümlaut,#.sif", "cuda": ""}, [], True, str).used == {"cpu": "ümlaut,#.sif"}


@pytest.mark.parametrize("address", ["docker://x/{model}", "docker://x/{{y}}", "oras://x/y:{", "library://}"])
def test_an_address_with_braces_is_no_pattern(address):
    with pytest.raises(UserError, match=rf"^config: images.cuda: {re.escape(address)}: an address has no braces: correct it$"):
        located({"cpu": "images/cpu.sif", "cuda": address}, str)
