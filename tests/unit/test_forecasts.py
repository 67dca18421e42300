"""What a study needs before it runs: what becomes of each model on made-up machines, how long it takes, and full disks."""

import shutil
import threading
from pathlib import Path
from types import SimpleNamespace

import pytest
from mmlu_kit.config import SubjectsOfModel
from mmlu_kit.inputs import repositories
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.inputs.model_configs import SavedQuantization
from mmlu_kit.inputs.repositories import Listing, Repository
from mmlu_kit.jobs import downloads, estimates, forecast, overview
from mmlu_kit.jobs.downloads import Download, Inputs
from mmlu_kit.jobs.forecast import Forecast, Here
from mmlu_kit.models import memory
from mmlu_kit.results.stability import StabilityFile
from mmlu_kit.settings import Device, DType, LoadSettings, OnUnavailable, Orders, Preset, Quantization
from mmlu_kit.timing import processor
from mmlu_kit.timing.gpu import Gpu
from mmlu_kit.user_errors import UserError

from tests.helpers import results

GB = 10**9
LAPTOP = Here(total_bytes=16 * GB, free_bytes=10 * GB, gpus=[], metal=False, bitsandbytes=True, cores=2)
WITH_GPU = Here(
    total_bytes=16 * GB, free_bytes=10 * GB, gpus=[Gpu("T4", 16 * GB, 15 * GB)], metal=False, bitsandbytes=True, cores=2
)
BARE = Here(total_bytes=16 * GB, free_bytes=10 * GB, gpus=[], metal=False, bitsandbytes=False, cores=2)
CPU, CUDA = LoadSettings(), LoadSettings(device=Device.CUDA)
CUDA_4BIT = LoadSettings(device=Device.CUDA, quantization=Quantization.FOUR_BIT)
CPU_4BIT = LoadSettings(quantization=Quantization.FOUR_BIT)


def manifest(billions, **changes):
    about = {"folder": "m", "repository": None, "commit": None, "files": {}, "checkpoint_bytes": round(2 * billions * GB)}
    return Manifest(**{**about, "parameters": round(billions * GB), **changes})


@pytest.mark.parametrize(
    ("settings", "on_unavailable", "machine", "runs_as", "ends", "words"),
    [
        (CPU, "fail", LAPTOP, CPU, False, None),
        (CUDA, "fail", WITH_GPU, CUDA, False, None),
        (CUDA, "fail", LAPTOP, None, True, "no NVIDIA GPU is seen on this machine"),
        (CUDA, "skip", LAPTOP, None, False, "no NVIDIA GPU is seen on this machine"),
        (CUDA, "fallback", LAPTOP, CPU, False, "no NVIDIA GPU is seen on this machine"),
        (CUDA_4BIT, "fallback", LAPTOP, CPU_4BIT, False, "no NVIDIA GPU is seen on this machine"),
        (CUDA_4BIT, "fallback", BARE, CPU, False, "no NVIDIA GPU is seen on this machine"),
        (CPU_4BIT, "fallback", BARE, CPU, False, "bitsandbytes is not installed"),
        (CPU_4BIT, "skip", BARE, None, False, "bitsandbytes is not installed"),
        (LoadSettings(device=Device.MPS), "fail", LAPTOP, None, True, "no Apple GPU is seen on this machine"),
        (CUDA, "fail", None, CUDA, False, None),  # on another machine
    ],
)
def test_what_becomes_of_a_model_of_a_billion_parameters(settings, on_unavailable, machine, runs_as, ends, words):
    row = forecast.forecast("m", manifest(1), settings, OnUnavailable(on_unavailable), machine)
    assert (row.runs_as, row.ends, row.obstacle) == (runs_as, ends, words)


def test_a_model_that_does_not_fit_is_told_in_numbers():
    row = forecast.forecast("m", manifest(3), CPU, OnUnavailable.FAIL, LAPTOP)
    assert row.ends and row.obstacle == "needs at least 12.4 GB, but 10.0 GB of cpu memory are free"
    assert forecast.forecast("m", manifest(3), CUDA, OnUnavailable.FALLBACK, LAPTOP).ends  # nor does it on the CPU
    assert forecast.forecast("m", manifest(3), CUDA, OnUnavailable.FAIL, WITH_GPU).obstacle is None
    assert forecast.forecast("m", None, CPU, OnUnavailable.FAIL, LAPTOP) == Forecast("m", CPU, None, CPU)


def test_only_what_the_control_groups_leave_is_free(monkeypatch):
    monkeypatch.setattr(memory, "free_in_group", lambda folder: GB // 2)
    monkeypatch.setattr(memory, "control_groups", lambda table, root: [root])
    assert forecast.here().in_words().startswith("0.5 GB of ")


def test_a_number_format_that_is_left_to_the_device():
    on_gpu, on_cpu = (LoadSettings(device=device, dtype=DType.AUTO) for device in (Device.CUDA, Device.CPU))
    sizes = [forecast.forecast("m", manifest(1), one, OnUnavailable.FAIL, WITH_GPU).needed for one in (on_gpu, on_cpu)]
    assert sizes == [2_400_000_000, 4_400_000_000]


def test_an_emulated_number_format_is_warned_of_once_for_all_models_that_run_in_it_here(monkeypatch):
    monkeypatch.setattr(processor, "multiplies_bfloat16", lambda: False)
    emulated, on_gpu = (LoadSettings(device=device, dtype=DType.BFLOAT16) for device in (Device.CPU, Device.CUDA))
    asked = {"a": (emulated, "fail"), "b": (on_gpu, "fallback"), "c": (on_gpu, "skip"), "d": (CPU, "fail")}
    rows = {
        name: forecast.forecast(name, manifest(1), settings, OnUnavailable(else_), LAPTOP)
        for name, (settings, else_) in asked.items()
    }
    warning = "bfloat16 is emulated on this processor and slower than float32: set dtype to float32 or auto"
    assert overview.number_formats(rows) == [f"a, b: {warning}"]


def test_a_model_whose_tensors_are_not_known_yet_is_not_said_to_need_more_than_it_does():
    in_4_bits = forecast.forecast("m", manifest(14), CUDA_4BIT, OnUnavailable.SKIP, WITH_GPU)
    assert in_4_bits.runs_as == CUDA_4BIT and in_4_bits.needed == round(14 * GB * (0.5 + 1 / 64)) + 400_000_000
    saved = manifest(14, quantization=SavedQuantization(method="gptq", bits=4), checkpoint_bytes=8 * GB)
    assert forecast.forecast("m", saved, CUDA, OnUnavailable.SKIP, WITH_GPU).needed == 8_400_000_000


def test_saved_weights_are_not_quantized_again_on_any_machine():
    saved = manifest(1, quantization=SavedQuantization(method="gptq", bits=4))
    row = forecast.forecast("m", saved, CUDA_4BIT, OnUnavailable.SKIP, None)
    assert row.ends and row.obstacle == "the weights were saved as gptq 4-bit, so quantization has to be none"
    assert row.advice == "change the entry in config"  # no other machine and no on_unavailable helps


def test_estimates_follow_from_size_questions_and_cores():
    study = results.study(["a"], ["anatomy"])
    (model,) = study.run

    def seconds(billions, questions=1000, cores=2, settings=CPU):
        rows = {model: Forecast(model, settings, None, settings)}
        known = None if billions is None else manifest(billions)
        return estimates.estimates(study, {model: known}, {"anatomy": questions}, rows, cores).models[model]

    # Two operations for each of a billion parameters and 120,000 tokens, at 145 billion a second; then start and loading.
    assert seconds(1) == pytest.approx(2 * 120_000 / 145 + 6 + 2)
    assert seconds(1, cores=4) < 0.6 * seconds(1) and seconds(2) > 1.9 * seconds(1)
    assert seconds(1, questions=None) == seconds(1, questions=14_042 / 57)
    assert seconds(7.6, 1369, settings=CUDA) == pytest.approx(328 + 6 + 15.2)
    assert seconds(None) is None


def test_a_question_in_all_orders_is_read_once_for_each():
    def seconds(**prompt):
        study = results.study_asked({"m": results.asked(**prompt)}, ["anatomy"])
        rows = {"m": Forecast("m", CPU, None, CPU)}
        return estimates.estimates(study, {"m": manifest(1)}, {"anatomy": 1000}, rows, 2).models["m"]

    starting_s = 6 + 2
    assert seconds(orders=Orders.CYCLIC) - starting_s == pytest.approx(4 * (seconds() - starting_s))
    assert seconds(preset=Preset.CLOZE) == seconds()


def test_what_is_skipped_takes_no_time():
    study = results.study(["a"], ["anatomy"])
    skipped = {"a": Forecast("a", CUDA, None, None, "no GPU")}
    assert estimates.estimates(study, {"a": None}, {"anatomy": 5}, skipped, 2).models == {"a": 0.0}


def test_what_was_measured_takes_the_place_of_estimates(tmp_path):
    """Also of a model that is named like another part of the study."""
    part = SubjectsOfModel(model="stability", subjects=["anatomy"])
    study = results.study(["stability"], ["anatomy"]).model_copy(update={"stability": part})
    inputs = Inputs([], {"stability": manifest(1)}, {"anatomy": 40})
    rows = {"stability": Forecast("stability", CPU, None, CPU)}

    def times():
        return overview.times(study, tmp_path, tmp_path, inputs, rows, LAPTOP)

    assert times()[0] == "TIME: on 2 cores, one part after another"
    assert [line.split()[-1] for line in times()[1:3]] == ["estimated", "estimated"]
    results.evaluation("stability", "anatomy", "A" * 40).write(tmp_path / "evaluations/stability/anatomy.json")
    assert times()[1].split() == ["stability", "–", "done"]
    stable = StabilityFile(model="stability", subjects=["anatomy"], questions=40, runs=[], comparisons=[])
    stable.write(tmp_path / "stability.json")
    assert times() == ["TIME: nothing is left to run"]


def test_downloads_that_do_not_fit_the_disk(monkeypatch):
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=5 * GB))
    monkeypatch.setattr(repositories, "cache", lambda: Path("/no/such/folder"))
    repository = Repository("model", "a/b", "c" * 40)
    fits = Inputs([Download(repository, 9 * GB, 4 * GB)], {}, {})
    assert overview.full_disk(fits) == []
    assert overview.full_disk(Inputs([*fits.downloads, Download(repository, 9 * GB, 2 * GB)], {}, {})) == [
        "/no/such/folder: 6.0 GB are to be fetched, but 5.0 GB are free: free some space, or set HF_HUB_CACHE to a folder on "
        "another disk"
    ]


def test_a_hub_that_never_answers_is_not_waited_for(monkeypatch):
    monkeypatch.setattr(repositories, "_ALL_REQUESTS_S", 0.05)
    monkeypatch.setattr(repositories, "_listing", lambda repository: threading.Event().wait())
    repository = Repository("model", "a/b", "c" * 40)
    answer = repositories.ask([repository])[repository]
    assert isinstance(answer, UserError) and str(answer).startswith(
        "model a/b at cccccccccccc: the hub does not answer: connect"
    )


def test_problems_of_several_repositories_are_told_once():
    problems = [("model a/b", "model a/b: no"), ("model c/d", "model c/d: no"), ("model e/f", None), ("x", "y: other")]
    assert downloads.together(problems) == ["model a/b (and 1 other): no", "y: other"]


def test_the_size_of_a_saved_quantized_model_follows_from_its_bits(monkeypatch):
    monkeypatch.setattr(repositories, "cached", lambda repository, names: {})
    sizes = {"config.json": 100, "tokenizer.json": 100, "model.safetensors": 4000, "README.md": 9}
    saved = SavedQuantization(method="gptq", bits=4)
    plan = downloads.plan(Repository("model", "a/b", "c" * 40), Listing(sizes, False, None, saved), None)
    assert (plan.bytes, plan.missing) == (4200, 4200)
    assert plan.manifest and (plan.manifest.parameters, plan.manifest.checkpoint_bytes) == (8000, 4000)
    unknown = downloads.plan(Repository("model", "a/b", "c" * 40), Listing(sizes, False, None, None), None)
    assert unknown.manifest is None and unknown.problem is None


def test_shards_are_known_by_their_names_before_the_index_is_fetched():
    names = ["config.json", "tokenizer.json", "model.safetensors.index.json", "model-00001-of-00002.safetensors",
             "model-00002-of-00002.safetensors", "consolidated.safetensors", "original/params.json"]  # fmt: skip
    assert sorted(repositories.files_read("m", names, None, None)) == sorted(names[:-2])
