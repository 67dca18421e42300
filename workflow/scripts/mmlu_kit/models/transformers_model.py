"""Language models, loaded from local files onto the requested device.

Everything is read from disk: only safetensors weights and GGUF files, no remote code, no network.
"""

import importlib
import inspect
import logging
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
import transformers

from mmlu_kit.inputs import gguf_files
from mmlu_kit.models import gguf_models, saved_quantization
from mmlu_kit.settings import COMPRESSIONS, DType, LoadSettings, Quantization
from mmlu_kit.user_errors import UserError, one_line

# transformers' losses of object detection import scipy if it is there, which takes 0.3 s; no model here is trained with one.
with patch.object(transformers.utils, "is_scipy_available", lambda: False):
    importlib.import_module("transformers.loss.loss_utils")

# What transformers warns about is an error here.
logging.getLogger("transformers").setLevel(logging.ERROR)
transformers.utils.logging.disable_progress_bar()


class DoesNotFit(UserError):
    """The device's memory is too small for the model."""


class LibraryMissing(UserError):
    """The checkpoint's weights, or its adapter, need a library which is not installed."""


# What transformers reports about the weights, and what it does with them without a word: it fills missing ones with random
# numbers and drops unexpected ones.
_WRONG_WEIGHTS = {
    "missing_keys": "{name} is missing in the weights ({number} in all): fetch or save the model again",
    "mismatched_keys": "{name} has another shape in the weights than in config.json ({number} in all): "
    "use the config.json that was saved with the weights",
    "unexpected_keys": "the model of config.json has no {name}, which is in the weights ({number} in all): "
    "use the config.json that was saved with the weights, or merge adapters into them",
    "error_msgs": "the weights cannot be read ({name}): fetch or save the model again",
}


def torch_dtype(dtype: DType) -> torch.dtype:
    """torch's dtype for a number format, which `auto` is not."""
    return getattr(torch, dtype)  # the names are the same


def load_model(folder: Path, requested: LoadSettings) -> torch.nn.Module:
    """Load the causal language model of a folder or GGUF file in evaluation mode, entirely on one device.

    `auto` is no dtype here. A checkpoint that was saved quantized is loaded as it was saved; only `quantization: none` can be
    requested for one. A model that cannot be loaded, or whose weights are not exactly those of the checkpoint, raises
    UserError (DoesNotFit if memory is short, LibraryMissing if a library is). The effective configuration may still differ
    from the requested one; see inspect_model.py.
    """
    # An explicit None would make transformers ignore the checkpoint's own quantization, and so its scales.
    quantization = quantization_config(requested.quantization, requested.dtype)
    kind, source = transformers.AutoModelForCausalLM, {"pretrained_model_name_or_path": folder}
    try:
        config = saved_quantization.configuration(folder, requested)
        if gguf_files.is_gguf(folder):
            kind, source = gguf_models.source(folder)
        model, info = kind.from_pretrained(
            **source,
            dtype=torch_dtype(requested.dtype),
            device_map={"": str(requested.device)},
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
            ignore_mismatched_sizes=True,  # to name them below
            **({"quantization_config": quantization} if quantization else {}),
            **({"config": config} if config else {}),
        )
    except torch.OutOfMemoryError as error:
        raise DoesNotFit(f"{folder}: does not fit the memory of {requested.device} ({one_line(error)})") from error
    except ImportError as error:
        raise LibraryMissing(f"{folder}: a library that its weights need is missing ({one_line(error)})") from error
    except UserError:
        raise
    except Exception as error:
        raise UserError(f"{folder}: the model cannot be loaded ({problem(error)}") from error
    _check_weights(folder, info)
    saved = getattr(model.config, "quantization_config", None)
    if saved and getattr(model, "hf_quantizer", None) is None:
        # transformers ignores a method that it does not know.
        method = saved.get("quant_method") if isinstance(saved, dict) else type(saved).__name__
        raise UserError(f"{folder}: the weights were saved as {method}, which transformers cannot load: use another checkpoint")
    # The checkpoint's settings for sampling and penalties would change greedy generation.
    ends = {name: getattr(model.generation_config, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    model.generation_config = transformers.GenerationConfig(**ends)
    return model.eval()


def _check_weights(folder: Path, info: Mapping[str, Any]) -> None:
    """Check that a model has all weights of its checkpoint and no others; any difference raises UserError naming the first."""
    for kind, problem in _WRONG_WEIGHTS.items():
        if info[kind]:
            first = min(info[kind], key=str)
            name = first if isinstance(first, str) else first[0]
            raise UserError(f"{folder}: {problem.format(name=name, number=len(info[kind]))}")


def check_tokens(model: torch.nn.Module, tokenizer: Any, ids: Iterable[int]) -> None:
    """Check that the model has an embedding for each of these token ids; one that it has not raises UserError naming it."""
    rows = model.get_input_embeddings().weight.shape[0]
    largest = max(ids)
    if largest >= rows:
        token = tokenizer.convert_ids_to_tokens(largest)
        raise UserError(
            f"the tokenizer's token {largest} ({token!r}) is beyond the model's vocabulary of {rows:,}: "
            "use the tokenizer that was saved with the weights"
        )


def last_only(model: torch.nn.Module, tokens: int = 1) -> dict[str, int]:
    """The argument with which a model computes only the last tokens' logits; some families have none."""
    return {"logits_to_keep": tokens} if "logits_to_keep" in inspect.signature(model.forward).parameters else {}


def quantization_config(quantization: Quantization, dtype: DType) -> Any:
    """transformers' configuration for a quantization: None, or bitsandbytes' settings, all explicit."""
    if quantization == Quantization.NONE:
        return None
    if quantization == Quantization.EIGHT_BIT:
        return transformers.BitsAndBytesConfig(load_in_8bit=True)
    # The library's defaults are fp4 and computation in float32; published 4-bit results use nf4.
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=COMPRESSIONS[quantization].loaded_as,
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch_dtype(dtype),
    )


def problem(error: Exception) -> str:
    """What is wrong and what to do, in one line; it closes a bracket."""
    if "custom code" in str(error) or "trust_remote_code" in str(error):
        return "it needs code of its own, which the kit never runs): use a model of a family that transformers has"
    if "automatic conversion of the weights" in str(error):
        # Its report, which names the tensors, has many lines.
        return "transformers cannot convert the saved weights to those of its model): fetch it again, or use another checkpoint"
    return f"{one_line(error)}): fetch or save it again, or use another model"
