"""Adapters of peft, such as a LoRA, which are applied to a base model; they are checked here without being loaded.

Only adapter_config.json and adapter_model.safetensors are read. The tokenizer is the base model's.
"""

import math
import re
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path, PureWindowsPath
from typing import Any, NamedTuple

from pydantic import Field

from mmlu_kit.data import Count, Data, Positive, Text
from mmlu_kit.inputs import file_entries, model_configs, name_patterns
from mmlu_kit.inputs.file_entries import FileEntry
from mmlu_kit.inputs.safetensors_headers import header
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
FILES = (CONFIG, WEIGHTS)
_PICKLE = "adapter_model.bin"
# Kinds of peft that change only layers of the model and keep all that they learned in their file, and their names.
KINDS = {
    **{"LORA": "LoRA", "ADALORA": "AdaLoRA", "LOHA": "LoHa", "LOKR": "LoKr", "IA3": "IA3", "OFT": "OFT"},
    **{"LN_TUNING": "LN tuning", "TRAINABLE_TOKENS": "trainable tokens"},
}
_PROMPTS = frozenset("PROMPT_TUNING MULTITASK_PROMPT_TUNING P_TUNING PREFIX_TUNING ADAPTION_PROMPT CPT CARTRIDGE".split())
_CAUSAL = "CAUSAL_LM"
# Settings with which an adapter is more than layers: code to import, other depths, or a part that chooses at each prompt.
_REFUSED = {
    "megatron_config": "imports a library that it names",
    "layer_replication": "repeats layers of the base model",
    "alora_invocation_tokens": "begins in the middle of a prompt",
    "arrow_config": "chooses between several adapters",
}
# Ways to begin training that leave the base model's weights as they are; others, such as pissa, train beside changed ones.
_BEGINNINGS = (None, True, False, "gaussian", "eva", "orthogonal")
_NUMBERS = ("F64", "F32", "F16", "BF16")
_REPOSITORY = re.compile(r"[\w-][\w.-]*/[\w-][\w.-]*", re.ASCII)
_COMMIT = re.compile("[0-9a-f]{40}")
_COMMIT_LETTERS, _NAME_LETTERS = 12, 120


class Base(NamedTuple):
    """The model that an adapter is applied to: its repository at a commit, or its folder's name and None."""

    name: str
    commit: str | None


class AdapterIdentity(Data):
    """Which adapter was applied to a model."""

    name: Text = Field(description="The adapter's repository, or its folder's name.")
    repository: str | None = Field(description="The adapter's repository on the hub; null for a local folder.")
    commit: str | None = Field(description="The repository's commit; null for a local folder.")
    kind: Text = Field(description="peft's name for the kind of adapter, such as LORA.")
    rank: Positive | None = Field(description="The rank of its matrices; null for kinds without one.")
    parameters: Count = Field(description="Parameters in the adapter's weight file.")
    trained_on: Text | None = Field(
        description="The base model that the adapter names, if it is not the one that it is applied to; null otherwise."
    )

    def in_words(self) -> str:
        """'adapter owner/name (LoRA, rank 8, 1,216,512 parameters) at 0123456789ab'."""
        parts = [KINDS.get(self.kind, self.kind), *([f"rank {self.rank}"] if self.rank else [])]
        parts.append(f"{self.parameters:,} parameters")
        at = f" at {self.commit[:_COMMIT_LETTERS]}" if self.commit else ""
        trained = f", trained on {self.trained_on}" if self.trained_on else ""
        return f"adapter {self.name} ({', '.join(parts)}){at}{trained}"


class Adapter(AdapterIdentity):
    """An adapter and its files."""

    folder: str = Field(description="The adapter's folder, absolute or relative to the project's.")
    files: dict[str, FileEntry] = Field(description="The files that are read, by name.")

    @property
    def identity(self) -> AdapterIdentity:
        """Which adapter it is, without folders of this machine."""
        return AdapterIdentity(**{name: getattr(self, name) for name in AdapterIdentity.model_fields})


def are_only(names: Collection[str]) -> bool:
    """Whether the files `names` are an adapter's without a model."""
    has_adapter = not {*FILES, _PICKLE}.isdisjoint(names)
    return has_adapter and not any(name.endswith(".safetensors") and not name.startswith("adapter_") for name in names)


def check_base(where: str, names: Collection[str]) -> None:
    """Check that the files `names` of a base model hold no adapter that would be applied by itself; raises UserError if so.

    With adapter_config.json, transformers applies the adapter wherever peft is installed, so that scores would depend on an
    unrelated package. Adapter weights alone are never loaded.
    """
    if are_only(names):
        only = next(name for name in (*FILES, _PICKLE) if name in names)
        raise UserError(
            f"{where}: holds only an adapter ({only}): name its base model as the model, and this as its adapter "
            "(`adapter:` in config, or --adapter)"
        )
    if CONFIG in names:
        raise UserError(
            f"{where}: holds an adapter ({CONFIG}) beside the model, and transformers would apply it unasked: move the adapter "
            "to a folder of its own, and name that as the model's adapter (`adapter:` in config, or --adapter)"
        )


def check_names(where: str, names: Collection[str]) -> None:
    """Check that the files `names` of a folder or repository may be an adapter's; raises UserError with the reason if not."""
    if WEIGHTS not in names and _PICKLE in names:
        raise UserError(
            f"{where}: the adapter's weights exist only as a pickle ({_PICKLE}), and loading a pickle can run code: save them "
            f"as {WEIGHTS}"
        )
    for name in FILES:
        if name not in names:
            raise UserError(f"{where}: {name} is missing, so this is not an adapter of peft: correct the adapter's path")


def check_config(where: str, config: Mapping[str, Any]) -> None:
    """Check that an adapter's configuration asks for nothing but changed layers; raises UserError with the reason if not."""
    kind, task, origin = config.get("peft_type"), config.get("task_type"), config.get("auto_mapping")
    if isinstance(kind, str) and kind in _PROMPTS:
        raise UserError(f"{where}: {kind} changes the prompt instead of the model's layers, which is not supported: use a LoRA")
    if not isinstance(kind, str) or kind not in KINDS:
        known = ", ".join(KINDS)
        raise UserError(f"{where}: peft_type in {CONFIG} is {_value(kind)}, which is not supported: use one of {known}")
    if task not in (None, _CAUSAL):
        raise UserError(
            f"{where}: task_type in {CONFIG} is {_value(task)}, so the adapter was trained for another task than predicting "
            f"the next token: use one with task_type {_CAUSAL}"
        )
    library = origin.get("parent_library") if isinstance(origin, dict) else origin
    if library is not None and not (isinstance(library, str) and library.startswith("transformers.models.")):
        raise UserError(
            f"{where}: auto_mapping in {CONFIG} names code outside transformers ({_value(library)}), which the kit never runs: "
            "use an adapter of a model that transformers has"
        )
    for name, meaning in _REFUSED.items():
        if config.get(name):
            raise UserError(f"{where}: {name} is set in {CONFIG}: an adapter that {meaning} is not supported: use a plain LoRA")
    for name, pattern in _patterns(config):
        if problem := name_patterns.problem(pattern):
            raise UserError(f"{where}: {name} in {CONFIG}, {_value(pattern)}, {problem}: list the modules' names instead")
    if (beginning := config.get("init_lora_weights")) not in _BEGINNINGS:
        raise UserError(
            f"{where}: init_lora_weights in {CONFIG} is {_value(beginning)}, so the adapter belongs to changed weights of its "
            "base model: convert it to a plain LoRA (peft's save_pretrained with path_initial_model_for_weight_conversion)"
        )


def outline(folder: Path, base: Base, repository: str | None = None, commit: str | None = None) -> Adapter:
    """Return an adapter without its files, whose hashes take time; one that cannot be applied safely raises UserError."""
    where = printable(folder)
    if not folder.is_dir():
        raise UserError(f"{where} is not a folder: name the folder of the adapter")
    check_names(where, {path.name for path in folder.iterdir()})
    config = model_configs.read_object(folder / CONFIG)
    check_config(where, config)
    tensors = header(folder / WEIGHTS)
    if not tensors:
        raise UserError(f"{where}: {WEIGHTS} holds no weights: save the adapter again")
    for name, tensor in tensors.items():
        if tensor.dtype not in _NUMBERS:
            raise UserError(f"{where}: {printable(name)} is stored as {tensor.dtype}: save the adapter in float32 or bfloat16")
    rank = config.get("r")
    return Adapter(
        name=repository or printable(folder.resolve().name),
        repository=repository,
        commit=commit,
        kind=config["peft_type"],
        rank=rank if type(rank) is int and rank > 0 else None,
        parameters=sum(math.prod(tensor.shape) for tensor in tensors.values()),
        trained_on=_trained_on(config, base),
        folder=str(folder),
        files={},
    )


def describe(folder: Path, base: Base, repository: str | None = None, commit: str | None = None) -> Adapter:
    """Return an adapter with its files; raises UserError as `outline` does."""
    adapter = outline(folder, base, repository, commit)
    return adapter.model_copy(update={"files": file_entries.describe(folder, FILES)})


def _trained_on(config: Mapping[str, Any], base: Base) -> str | None:
    """The base model that an adapter's configuration names, None if it is `base` or none is named.

    Of a folder on another machine only the base name is kept, and only that is compared.
    """
    name, revision = config.get("base_model_name_or_path"), config.get("revision")
    if not isinstance(name, str) or not name.strip("/\\ "):
        return None
    is_repository = bool(_REPOSITORY.fullmatch(name))
    name = name if is_repository else PureWindowsPath(name).name
    # A folder is compared by its name alone, whichever of the two models it is.
    names = [name, base.name] if is_repository and base.commit else [each.rpartition("/")[2] for each in (name, base.name)]
    at = revision if isinstance(revision, str) and _COMMIT.fullmatch(revision) else None
    is_other = bool(at and base.commit) and at != base.commit
    if names[0].lower() == names[1].lower() and not is_other:
        return None
    return printable(f"{name} at {at[:_COMMIT_LETTERS]}" if at else name)[:_NAME_LETTERS]


def _patterns(config: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """The regular expressions in an adapter's configuration, each with its key."""
    for name in ("target_modules", "exclude_modules", "layers_pattern", "rank_pattern", "alpha_pattern"):
        value = config.get(name)
        # A list of modules has endings of names.
        listed = value if isinstance(value, dict) or (isinstance(value, list) and name == "layers_pattern") else ()
        for pattern in [value] if isinstance(value, str) else listed:
            if isinstance(pattern, str):
                yield name, pattern


def _value(value: object) -> str:
    return printable(repr(value))[:80]
