"""What is known of a study before it runs, as text for the terminal, and the first thing to do if it cannot run."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from mmlu_kit import formatting

# Before modules that keep the hub's client off the network, which it reads when it is imported.
from mmlu_kit.config import ModelEntry
from mmlu_kit.inputs import repositories
from mmlu_kit.jobs import downloads, estimates, forecast, images
from mmlu_kit.jobs.downloads import Download, Inputs
from mmlu_kit.jobs.forecast import Forecast, Here
from mmlu_kit.models import cpu_formats
from mmlu_kit.results import model_status, part_status
from mmlu_kit.settings import Device, OnUnavailable, in_words
from mmlu_kit.study import Study

_UNKNOWN = "unknown until fetched"


class Overview:
    """What is known of a study: `lines` for the terminal, and `problems`, which keep it from running, in order.

    `names` are the image files or addresses by kind. With `elsewhere` its jobs run on other machines, and what this machine has
    does not matter.
    """

    def __init__(self, study: Study, results: Path, resources: Path, names: Mapping[str, str], elsewhere: bool) -> None:
        machine = forecast.here()
        inputs = downloads.inputs(study, resources)
        forecasts = forecast.forecasts(study, inputs.manifests, None if elsewhere else machine)
        time_lines = times(study, results, resources, inputs, forecasts, machine)
        self.problems = [*inputs.problems, *full_disk(inputs)]
        self.problems += [f"{name}: {row.obstacle}: {row.advice}" for name, row in forecasts.items() if row.ends]
        self.lines = [
            *(f"LEFT OUT: {line}" for line in study.left_out_in_words),
            *_downloads(inputs),
            *_for_nothing(study, inputs, forecasts),
            "",
            f"MODELS: {'jobs run on other machines' if elsewhere else machine.in_words()}",
            *_models(list(forecasts.values())),
            *([] if elsewhere else number_formats(forecasts)),
            "",
            *_images(study, names),
            "",
            *time_lines,
        ]


def _downloads(inputs: Inputs) -> list[str]:
    if not inputs.downloads:
        return ["DOWNLOADS: none, as all models and questions are local or were fetched"]
    rows: list[tuple[str, ...]] = [("repository", "to fetch", "read in all", "access")]
    for download in inputs.downloads:
        sizes = [_UNKNOWN if size is None else formatting.size(size) for size in (download.missing, download.bytes)]
        file = f", {download.repository.file}" if download.repository.file else ""
        rows.append((f"{download.repository.name} ({download.repository.kind}{file})", *sizes, _access(download)))
    token = "a token is seen" if repositories.has_token() else "no token is seen, which gated and private repositories need"
    size = sum(download.missing or 0 for download in inputs.downloads)
    known = "" if all(download.missing is not None for download in inputs.downloads) else " as far as known"
    cache = repositories.cache()
    free = formatting.size(_free_disk(cache))
    total = f"to fetch{known}: {formatting.size(size)} into {cache}, where {free} are free; {token}"
    return ["DOWNLOADS", *formatting.columns(rows), total]


def _for_nothing(study: Study, inputs: Inputs, forecasts: Mapping[str, Forecast]) -> list[str]:
    """Return a line on what would be fetched for models that are then skipped, or nothing."""
    size = 0
    for download in inputs.downloads:
        source = download.repository[1:]
        users = [name for name, entry in study.run.items() if source in _sources(entry)]
        if study.timing_setups and study.timing_setups.model in users:
            users += [setup.name for setup in study.timing_setups.setups]
        if users and all(forecasts[name].runs_as is None for name in users):
            size += download.missing or 0
    text = "of it are for models that will not run here: `--only` (with Snakemake `--config only=…`) leaves parts out"
    return [f"{formatting.size(size)} {text}"] if size else []


def _sources(entry: ModelEntry) -> list[tuple[str | None, str | None, str | None]]:
    """Return the repositories, with their commits and GGUF files, that a model is loaded from."""
    adapter = [(entry.adapter.repository, entry.adapter.commit, None)] if entry.adapter else []
    return [(entry.repository, entry.commit, entry.file), *adapter]


def _access(download: Download) -> str:
    """Return in words whether a repository can be fetched."""
    if download.missing == 0:
        return "all in the cache"
    if download.gated:
        refused = "gated, and the token gives no access" if repositories.has_token() else "gated, and no token is seen"
        return refused if download.problem else "gated, with access"
    return "cannot be fetched now" if download.problem else "open"


def full_disk(inputs: Inputs) -> list[str]:
    """Return the problem that downloads do not fit the disk of the cache, or nothing."""
    size, cache = sum(download.missing or 0 for download in inputs.downloads), repositories.cache()
    free = _free_disk(cache)
    if size <= free:
        return []
    sizes = f"{formatting.size(size)} are to be fetched, but {formatting.size(free)} are free"
    return [f"{cache}: {sizes}: free some space, or set HF_HUB_CACHE to a folder on another disk"]


def _free_disk(folder: Path) -> int:
    """Return the bytes that are free where a folder is, or will be."""
    return shutil.disk_usage(next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())).free


def _models(forecasts: Sequence[Forecast]) -> list[str]:
    rows = [("model or timing setup", "settings", "needs at least", "will")]
    for row in forecasts:
        memory = "memory" if row.settings.device == Device.CPU else f"{row.settings.device} memory"
        needed = _UNKNOWN if row.needed is None else f"{formatting.size(row.needed)} of {memory}"
        rows.append((row.name, in_words(row.settings), needed, _outcome(row)))
    return formatting.columns(rows)


def number_formats(forecasts: Mapping[str, Forecast]) -> list[str]:
    """Return what to know of the models' number formats on this machine's processor, each with its models."""
    names: dict[str, list[str]] = {}
    for name, row in forecasts.items():
        if row.runs_as and (remark := cpu_formats.remark(row.runs_as)):
            names.setdefault(remark, []).append(name)
    return [f"{', '.join(models)}: {remark}" for remark, models in names.items()]


def _outcome(row: Forecast) -> str:
    """Return in words what becomes of a model."""
    if row.obstacle is None:
        return "run"
    if row.runs_as is not None:
        return f"fall back to {in_words(row.runs_as)}: {row.obstacle}"
    return f"{'fail' if row.ends else 'be skipped'}: {row.obstacle}"


def _images(study: Study, names: Mapping[str, str]) -> list[str]:
    """Return which images the study's rules would run in, and whether they are there."""
    on_cuda = [use for use in images.uses(study, study.run, images.FILES) if use.device == Device.CUDA]
    optional = all(use.on_unavailable != OnUnavailable.FAIL for use in on_cuda)
    rows = [(images.CPU, names[images.CPU], _image_state(images.CPU, names, optional=False))]
    rows += [(images.CUDA, names[images.CUDA], _image_state(images.CUDA, names, optional))] if on_cuda else []
    return ["IMAGES: used only with --use-singularity, or a profile that has it", *formatting.columns(rows)]


def _image_state(kind: str, names: Mapping[str, str], optional: bool) -> str:
    """Return in words whether an image is there; without an `optional` one its jobs run in the CPU's image."""
    if images.is_address(names[kind]):
        return "an address: fetched when it is first used"
    if Path(names[kind]).is_file():
        return "is there"
    without = ", so its jobs would run in the CPU's and be skipped or fall back" if optional else ""
    return f"missing{without}: `make image-{kind}`, or name another in config's images"


def times(
    study: Study, results: Path, resources: Path, inputs: Inputs, forecasts: Mapping[str, Forecast], machine: Here
) -> list[str]:
    """Return how long each part takes: what is left by the times measured here, else an estimate."""
    sizes = {**model_status.question_counts(study, resources), **inputs.questions}
    others = {status.name: status for status in part_status.parts(study, results)}
    models, parts = estimates.estimates(study, inputs.manifests, inputs.questions, forecasts, machine.cores)
    statuses = {model: model_status.model_status(study, model, results, sizes, active=False) for model in models}
    rows = [_time(model, statuses[model].left_s, seconds) for model, seconds in models.items()]
    rows += [_time(part, 0.0 if others[part].complete else others[part].left_s, seconds) for part, seconds in parts.items()]
    total = estimates.total([seconds for _, seconds, _ in rows])
    table = [
        (part, _UNKNOWN if seconds is None else formatting.rounded_duration(seconds) if seconds else "–", source)
        for part, seconds, source in rows
    ]
    if total == 0:
        return ["TIME: nothing is left to run"]
    whole = (
        "time unknown until all models are fetched" if total is None else f"about {formatting.rounded_duration(total)} in all"
    )
    unfetched = None in inputs.questions.values()
    assumed = f"; {estimates.QUESTIONS_PER_SUBJECT:.0f} questions a subject, the average of MMLU" if unfetched else ""
    rate = f"{estimates.CORE_OPERATIONS_PER_S / 1e9:.0f} billion operations a second and core, as measured on an AMD EPYC"
    return [
        f"TIME: on {formatting.plural(machine.cores, 'core')}, one part after another",
        *formatting.columns(table),
        f"{whole}; estimates are within a factor of two or three",
        f"(CPUs: {rate}; GPUs: the writeup's times on a T4{assumed})",
    ]


def _time(name: str, left_s: float | None, estimated_s: float | None) -> tuple[str, float | None, str]:
    """Return a name with its seconds and what they are: measured if possible, else estimated."""
    if left_s is not None:
        return name, left_s, "left, by the times measured here" if left_s else "done"
    return name, estimated_s, "nothing to run" if estimated_s == 0 else "estimated" if estimated_s else ""
