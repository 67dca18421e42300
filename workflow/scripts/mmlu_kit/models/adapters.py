"""Adapters, applied by peft to a loaded base model, which keeps its own class, so that it is scored like the base model.

In float32 the adapter is merged into the weights, which changes log-probabilities by rounding alone. In other number formats
merging would round the weights anew, so the adapter stays beside them and is computed as peft does, also in quantized models.
"""

import inspect
import logging
import re
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from mmlu_kit import formatting
from mmlu_kit.inputs import adapters, model_configs
from mmlu_kit.inputs.adapters import Adapter
from mmlu_kit.models.transformers_model import DoesNotFit, LibraryMissing
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError, one_line

_NAME = "applied"  # under which peft keeps the adapter in the model
_OTHER_SHAPE = re.compile(r"size mismatch for (\S+): .*?torch\.Size\(\[(.*?)\]\).*?torch\.Size\(\[(.*?)\]\)", re.DOTALL)


def apply(model: torch.nn.Module, adapter: Adapter, merge: bool) -> str:
    """Apply an adapter to a model in place and return how, as in 'LoRA merged into 14 layers'.

    `merge` says whether it may be merged, which is exact in float32 alone. Where a layer shares its weight with another, it is
    not merged. An adapter that does not fit the model in all names and shapes raises UserError (DoesNotFit if memory is short,
    LibraryMissing without peft).
    """
    logging.getLogger("bitsandbytes").setLevel(logging.ERROR)  # which peft imports, and which warns about optional packages
    try:
        import peft
    except ImportError as error:
        raise LibraryMissing(
            f"{adapter.folder}: the library peft, which applies adapters, is missing ({one_line(error)})"
        ) from error
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what peft warns about is an error in _load
            changed, adapted = _load(peft, model, adapter)
            shared = {model.get_input_embeddings(), model.get_output_embeddings()}
            merge = merge and shared.isdisjoint(changed)
            if merge:
                adapted.merge_and_unload(safe_merge=True)
    except UserError:
        raise
    except torch.OutOfMemoryError as error:
        raise DoesNotFit(f"{adapter.folder}: does not fit the memory of {model.device} ({one_line(error)})") from error
    except Exception as error:
        raise UserError(f"{adapter.folder}: {_problem(error, _other_base(adapter))}") from error
    model.eval()
    how = "merged into" if merge else "beside"
    return f"{adapters.KINDS[adapter.kind]} {how} {formatting.plural(len(changed), 'layer')}"


def is_part(name: str) -> bool:
    """Whether a parameter of this full name is an adapter's, which was not merged."""
    return _NAME in name.split(".")


def base_name(name: str) -> str:
    """A parameter's full name as it is in the model without its adapter."""
    return name.replace(".base_layer.", ".")


def _load(peft: Any, model: torch.nn.Module, adapter: Adapter) -> tuple[list[torch.nn.Module], Any]:
    """Put an adapter into a model; return the layers that it changes, and peft's view of the model."""
    where, folder = adapter.folder, Path(adapter.folder)
    adapted = peft.PeftModel(model, _configuration(peft, adapter), _NAME)
    mapping = getattr(model, "_checkpoint_conversion_mapping", None)
    weights = peft.utils.load_peft_weights(str(folder), device=str(model.device), key_mapping=mapping)
    for name, weight in weights.items():
        if not weight.isfinite().all():
            raise UserError(f"{where}: {printable(name)} holds numbers that are not finite: train or save the adapter again")
    result = peft.set_peft_model_state_dict(adapted, weights, _NAME)
    biases = [name for name in peft.get_peft_model_state_dict(adapted, adapter_name=_NAME) if name.endswith(".bias")]
    # Only weights with the kind's own prefix are saved; of whole modules and tokens, peft itself reports missing ones.
    prefix = peft.mapping.PEFT_TYPE_TO_PREFIX_MAPPING[adapter.kind]
    missing = [name.replace(f".{_NAME}", "") for name in result.missing_keys if is_part(name) and prefix in name]
    missing += [name for name in biases if name not in weights]
    if missing:
        raise UserError(f"{where}: {missing[0]} is missing in the adapter ({len(missing)} in all): {_other_base(adapter)}")
    if unexpected := [name.replace(f".{_NAME}", "") for name in result.unexpected_keys]:
        raise UserError(
            f"{where}: the model has no place for {printable(unexpected[0])} ({len(unexpected)} in all): {_other_base(adapter)}"
        )
    kinds = (peft.tuners.tuners_utils.BaseTunerLayer, peft.utils.AuxiliaryTrainingWrapper)
    return [module for module in model.modules() if isinstance(module, kinds)], adapted


def _configuration(peft: Any, adapter: Adapter) -> Any:
    """peft's configuration of an adapter; a setting that this peft would leave out raises UserError."""
    values: Mapping[str, Any] = model_configs.read_object(Path(adapter.folder, adapters.CONFIG))
    known = inspect.signature(peft.mapping.PEFT_TYPE_TO_CONFIG_MAPPING[adapter.kind].__init__).parameters
    for name, value in values.items():
        if value and name not in known:
            raise UserError(
                f"{adapter.folder}: peft {peft.__version__} does not know {printable(name)}, which {adapters.CONFIG} sets: "
                "save the adapter with this version, or use a kit with a newer one"
            )
    config = peft.PeftConfig.from_pretrained(adapter.folder)
    config.inference_mode = True
    return config


def _other_base(adapter: Adapter) -> str:
    """Why an adapter does not fit its model, and what to do."""
    return f"it was trained on {adapter.trained_on or 'another base model'}: name that as the model"


def _problem(error: Exception, other_base: str) -> str:
    """What peft or torch says is wrong, and what to do."""
    text = str(error)
    if match := _OTHER_SHAPE.search(text):
        name, stored, needed = match[1].replace(f".{_NAME}", ""), match[2], match[3]
        return f"{name} has shape ({stored}), and the model needs ({needed}): {other_base}"
    if isinstance(error, KeyError):
        return f"{printable(error.args[0])} is missing in the adapter: {other_base}"
    if "not found in the base model" in text:
        return f"the model has none of the adapter's target_modules: {other_base}"
    return f"the adapter cannot be applied ({one_line(error)}): save it again with peft, or merge it into its base model"
