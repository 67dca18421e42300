"""Repositories of the hub by name: their entries for config, at a commit, and what is known of them before they are fetched."""

import fnmatch
import tempfile
from collections.abc import Collection, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

import httpx2
from huggingface_hub import constants, errors

from mmlu_kit import formatting
from mmlu_kit.inputs import (
    adapters,
    gguf_files,
    hub,
    hub_files,
    listings,
    model_configs,
    model_folders,
    repositories,
    weight_files,
)
from mmlu_kit.inputs.repositories import Kind, Listing, Repository
from mmlu_kit.jobs import downloads, forecast
from mmlu_kit.model_sources import GGUF
from mmlu_kit.settings import Device, DType, LoadSettings, Quantization
from mmlu_kit.source_entries import MMLU_FILES, PLACEHOLDER, TABLES, is_commit, is_repository
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

_MOST_REVISION_CHARACTERS = 250
_MOST_LISTED = 20
_MOST_LICENCE_CHARACTERS = 100
# How a model may be loaded, for the memory that it needs.
_LOADED = {
    "in float32": LoadSettings(device=Device.CPU, dtype=DType.FLOAT32),
    "in bfloat16": LoadSettings(device=Device.CPU, dtype=DType.BFLOAT16),
    "in 4bit": LoadSettings(device=Device.CPU, dtype=DType.BFLOAT16, quantization=Quantization.FOUR_BIT),
}


class Pin(NamedTuple):
    """A repository at its commit: its entry's name and keys, what is known of it, and why it cannot be run, None if it can."""

    name: str
    entry: dict[str, Any]
    facts: dict[str, str]
    problem: str | None = None


def pin_model(reference: str, name: str | None, file: str | None, families: Collection[str]) -> Pin:
    """Ask the hub about the model `reference`, owner/name or owner/name@revision, and return it at its commit.

    `name` is its entry's name, by default the repository's own; `file` one of its GGUF files; `families` are the model types
    that are loaded without code of the hub's. Only the list of files, config.json, the index of the weights, the header of the
    GGUF file and, where the hub does not tell the number of parameters, those of the weights are fetched. Of an adapter, whose
    entry is a part of its base model's, adapter_config.json is. Each failure raises UserError.
    """
    repository, answer, listing = _ask("model", reference)
    entry: dict[str, Any] = {"repository": repository.name, "commit": repository.commit}
    facts = _renamed(reference, repository)
    if file is not None:
        if file not in listing.sizes or not file.endswith(GGUF):
            raise UserError(f"{repository.where} has no GGUF file {printable(file)}; it has {_gguf(listing) or 'none'}")
        entry["file"] = file
        listing = listing._replace(parameters=None, quantization=None)  # of its other weights
    is_adapter = file is None and adapters.are_only(listing.sizes)
    config, names = ({}, [file]) if file else (_summary(answer), [])
    problem = None
    with tempfile.TemporaryDirectory() as folder:
        try:
            if is_adapter:
                entry = {"adapter": entry}
                _check_adapter(repository, listing, Path(folder), facts)
            elif file is not None:
                config, listing = _checked_gguf(repository, listing, file, Path(folder))
            else:
                config, names = _checked(repository, answer, listing, Path(folder), families)
        except UserError as error:
            # The files lie in a folder that is gone when the message is read.
            problem = str(error).replace(f"{folder}/", f"{repository.where}: ")
    facts["runs"] = "no" if problem else "yes, as far as is known before it is fetched"
    if not is_adapter:
        facts |= _facts(repository, listing, config, names)
    facts |= {"licence": _licence(answer), "access": _access(answer, listing)}
    if gguf := _gguf(listing):
        facts["GGUF files"] = gguf
    return Pin(_entry_name(name, repository), entry, facts, problem)


def pin_questions(reference: str, name: str | None) -> Pin:
    """Ask the hub about the question set `reference`, as `pin_model` does about a model, and return it at its commit."""
    repository, answer, listing = _ask("dataset", reference)
    tables = sorted(path for path in listing.sizes if path.endswith(TABLES))
    facts = _renamed(reference, repository)
    size = sum(listing.sizes[path] for path in tables)
    facts["tables"] = f"{formatting.plural(len(tables), 'file')}, {formatting.size(size)}"
    if fnmatch.filter(tables, MMLU_FILES.test.replace(PLACEHOLDER, "*")):
        facts["form"] = "the files are named as those of cais/mmlu, so that no other keys are needed"
    elif tables:
        facts["form"] = f"to be described by files, fields and subjects, as for mmlu_pro in config.yaml: {_some(tables)}"
    facts |= {"licence": _licence(answer), "access": _access(answer, listing)}
    problem = None if tables else f"{repository.where} has no tables ({', '.join(TABLES)}): choose another question set"
    return Pin(_entry_name(name, repository), {"repository": repository.name, "commit": repository.commit}, facts, problem)


def _ask(kind: Kind, reference: str) -> tuple[Repository, Any, Listing]:
    """Ask the hub about a repository by its name and, perhaps, a revision; each failure raises UserError."""
    name, at, revision = reference.partition("@")
    # The hub gave its first repositories no owner, and still knows them by their names.
    if not is_repository(name) and not is_repository(f"owner/{name}"):
        raise UserError(f"'{printable(reference)}' is no name of a repository: write owner/name, as on its page on the hub")
    if at and not (revision.isprintable() and 0 < len(revision) <= _MOST_REVISION_CHARACTERS and " " not in revision):
        raise UserError(f"'{printable(reference)}' has no branch, tag or commit after the @: write one, or leave the @ out")
    where = f"{kind} {printable(reference)}"
    try:
        with hub.in_one_line(where, "run again"):
            answer = repositories.ask_info(kind, name, revision or None, where)
    except UserError as error:
        if isinstance(error.__cause__, errors.OfflineModeIsEnabled | httpx2.ConnectError | httpx2.ConnectTimeout):
            advice = "unset HF_HUB_OFFLINE, which forbids it" if constants.HF_HUB_OFFLINE else "connect to the network"
            raise UserError(f"{where}: the hub cannot be reached: {advice}, and run again") from error
        raise
    full = is_repository(answer.id) and is_commit(answer.sha) and isinstance(answer.siblings, list)
    if not full or (is_commit(revision) and answer.sha != revision):
        raise UserError(f"{where}: the hub's answer has another name or commit, or none: correct HF_ENDPOINT")
    repository = Repository(kind, answer.id, answer.sha)
    return repository, answer, repositories.listing(repository, answer)


def _checked(
    repository: Repository, answer: Any, listing: Listing, folder: Path, families: Collection[str]
) -> tuple[dict[str, Any], list[str]]:
    """A model's config and the names of the files that are fetched; a model that cannot be run raises UserError."""
    where = repository.where
    if (gguf := _gguf(listing)) and not any(name.endswith(".safetensors") for name in listing.sizes):
        raise UserError(f"{where}: the weights exist only as GGUF: run again with --file and one of {gguf}")
    model_folders.check_names(where, listing.sizes)
    if listing.problem:  # the hub lists a gated repository's files, and gives none of them
        paths: dict[str, Path] = {}
        config = _summary(answer)
    else:
        small = [name for name in ("config.json", weight_files.INDEX) if name in listing.sizes]
        paths = {name: hub_files.save(repository, listing, name, folder) for name in small}
        config = model_configs.read(folder)
    model_configs.check_decoder(where, config)
    model_configs.check_kernels(where, config)
    model_configs.saved_quantization(where, config)
    kind = config.get("model_type")
    if isinstance(kind, str) and kind not in families:
        has_code = "auto_map" in config
        reason = "needs code of its own, which the kit never runs" if has_code else "is no language model of transformers"
        raise UserError(f"{where}: {printable(kind)[:80]} {reason}: use a model of a family that transformers has")
    names = repositories.files_read(where, list(listing.sizes), paths.get("config.json"), paths.get(weight_files.INDEX))
    listings.check_apart(where, names)
    return config, names


def _checked_gguf(repository: Repository, listing: Listing, file: str, folder: Path) -> tuple[dict[str, Any], Listing]:
    """A GGUF file's configuration, and the listing with its parameters; a file that cannot be run raises UserError."""
    gguf_files.check_name(repository.where, file)
    if listing.problem:  # nothing of a gated repository can be read
        return {}, listing
    contents = gguf_files.read(hub_files.outline_of_gguf(repository, listing, file, folder))
    return dict(contents.config), listing._replace(parameters=contents.parameters, quantization=contents.saved)


def _check_adapter(repository: Repository, listing: Listing, folder: Path, facts: dict[str, str]) -> NoReturn:
    """Note what is known of an adapter, and raise UserError: why it cannot be applied, or which model it belongs to."""
    adapters.check_names(repository.where, listing.sizes)
    trained_on = "the model that it was trained on"
    if not listing.problem:
        hub_files.save(repository, listing, adapters.CONFIG, folder)
        config = model_configs.read_object(folder / adapters.CONFIG)
        adapters.check_config(repository.where, config)
        facts["adapter"] = adapters.KINDS[config["peft_type"]]
        base = config.get("base_model_name_or_path")
        if isinstance(base, str) and is_repository(base):
            facts["trained on"] = trained_on = base
    facts["to fetch"] = formatting.size(sum(listing.sizes[name] for name in adapters.FILES))
    raise UserError(f"{repository.where} is an adapter: pin {trained_on}, and put the lines of 'adapter' into its entry")


def _summary(answer: Any) -> dict[str, Any]:
    """What the hub itself tells of a model's config.json."""
    return answer.config if isinstance(answer.config, dict) else {}


def _renamed(reference: str, repository: Repository) -> dict[str, str]:
    """That the hub calls the repository by another name than it was asked for, or nothing."""
    name = reference.partition("@")[0]
    return {} if name == repository.name else {"name": f"{name} is now called {repository.name}"}


def _facts(repository: Repository, listing: Listing, config: dict[str, Any], names: Sequence[str]) -> dict[str, str]:
    """What a model's config and the files `names`, which are fetched, tell of it."""
    saved = listing.quantization
    is_gguf = any(name.endswith(GGUF) for name in names)
    if not is_gguf:
        with suppress(UserError):
            saved = model_configs.saved_quantization("", config)
    facts = {}
    if isinstance(kind := config.get("model_type"), str):
        facts["architecture"] = printable(kind)[:80] + (f", saved as {saved}" if saved else "")
    if names:
        facts["to fetch"] = formatting.size(sum(listing.sizes[name] for name in names))
    if saved and not is_gguf:  # the hub counts packed numbers
        listing = listing._replace(quantization=saved, parameters=None)
    elif listing.parameters is None and not listing.problem:
        weights = [name for name in names if name.endswith(".safetensors")]
        listing = listing._replace(parameters=hub_files.parameters(repository, weights))
    if manifest := downloads.expected(repository, listing, list(names)):
        loaded = {"as saved": _LOADED["in float32"]} if saved else _LOADED
        if is_gguf:  # dequantized
            loaded = {how: settings for how, settings in _LOADED.items() if settings.quantization == Quantization.NONE}
        needs = [f"{formatting.size(forecast.needed_bytes(manifest, settings))} {how}" for how, settings in loaded.items()]
        facts["parameters"] = f"{'about ' if saved and not is_gguf else ''}{formatting.count(manifest.parameters)}"
        facts["memory"] = f"at least {', '.join(needs)}"
    if (length := model_configs.context_length(config)) is not None:
        facts["context length"] = f"{length:,} tokens"
    return facts


def _licence(answer: Any) -> str:
    """The licence that the page of a repository names."""
    texts: list[str] = []
    for name in ("license", "license_name"):
        value = getattr(answer.card_data, name, None)
        texts += [text for text in (value if isinstance(value, list) else [value]) if isinstance(text, str) and text]
    text = ", ".join(text for text in texts if text != "other" or len(texts) == 1)
    return printable(text)[:_MOST_LICENCE_CHARACTERS] or "not named"


def _access(answer: Any, listing: Listing) -> str:
    """Whether a repository can be fetched."""
    if not listing.gated:
        return "private, and the token gives access" if answer.private else "open"
    if listing.problem is None:
        return "gated, and the token gives access"
    token = "the token gives no access" if repositories.has_token() else "no token is seen"
    return f"gated, and {token}: accept its licence on its page on the hub, then run `hf auth login` or set HF_TOKEN"


def _gguf(listing: Listing) -> str:
    """The names and sizes of a repository's GGUF files; '' if it has none."""
    names = sorted(name for name in listing.sizes if name.endswith(GGUF))
    return _some([f"{name} ({formatting.size(listing.sizes[name])})" for name in names])


def _some(names: Sequence[str]) -> str:
    """The first of many names, and how many others there are."""
    others = len(names) - _MOST_LISTED
    return ", ".join([*map(printable, names[:_MOST_LISTED]), *([formatting.plural(others, "other")] if others > 0 else [])])


def _entry_name(name: str | None, repository: Repository) -> str:
    return name or repository.name.partition("/")[2]
