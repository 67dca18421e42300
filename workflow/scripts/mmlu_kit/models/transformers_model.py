"""Language models, loaded from a local folder onto the requested device.

Everything is read from disk: safetensors weights only, no remote code, no network.
"""

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # huggingface_hub reads it when imported, so it is set before transformers

import logging
from pathlib import Path
from typing import Any

import torch
import transformers

from mmlu_kit.settings import COMPRESSIONS, Device, DType, LoadSettings, Quantization, TokensPerBatch
from mmlu_kit.user_errors import UserError


class DoesNotFit(UserError):
    """A device's memory is too small for a model."""


def available(device: Device) -> bool:
    """Whether this machine has a device."""
    return bool(getattr(torch, device).is_available())


def torch_dtype(dtype: DType) -> torch.dtype:
    """A number format as torch has it."""
    return getattr(torch, dtype)


def load_tokenizer(folder: Path) -> Any:
    """The folder's fast tokenizer."""
    try:
        return transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise UserError(f"{folder}: the tokenizer cannot be loaded ({_first_line(error)})") from error


def load_model(folder: Path, requested: LoadSettings) -> torch.nn.Module:
    """The causal language model of a folder, in evaluation mode, whole on one device.

    A model that cannot be loaded raises UserError, DoesNotFit for lack of memory. inspect_model.py tells what was loaded.
    """
    # Missing and mismatched weights are errors below, not warnings to scroll past.
    logging.getLogger("transformers").setLevel(logging.ERROR)
    transformers.utils.logging.disable_progress_bar()
    try:
        model, info = transformers.AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=torch_dtype(requested.dtype),
            device_map={"": str(requested.device)},
            quantization_config=quantization_config(requested.quantization, requested.dtype),
            use_safetensors=True,
            local_files_only=True,
            trust_remote_code=False,
            output_loading_info=True,
        )
    except torch.OutOfMemoryError as error:
        raise DoesNotFit(f"{folder}: does not fit the memory of {requested.device} ({_first_line(error)})") from error
    except Exception as error:
        raise UserError(f"{folder}: the model cannot be loaded ({_first_line(error)})") from error
    for what in ("missing_keys", "mismatched_keys"):
        if info[what]:
            # transformers would fill them with random numbers.
            raise UserError(f"{folder}: {what.replace('_', ' ')} in the weights, among them {sorted(info[what], key=str)[0]}")
    # A checkpoint's own sampling and penalties would change greedy generation.
    ends = {name: getattr(model.generation_config, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    model.generation_config = transformers.GenerationConfig(**ends)
    return model.eval()


def quantization_config(quantization: Quantization, dtype: DType) -> Any:
    """The quantization as transformers takes it: None, or bitsandbytes' settings, all explicit."""
    if quantization == Quantization.NONE:
        return None
    if quantization == Quantization.EIGHT_BIT:
        return transformers.BitsAndBytesConfig(load_in_8bit=True)
    # The library's own defaults are fp4 and a float32 computation; published 4-bit results use nf4.
    return transformers.BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type=COMPRESSIONS[quantization].loaded_as,
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch_dtype(dtype),
    )


def context_length(model: torch.nn.Module) -> int | None:
    """The longest prompt in tokens, None where the model's configuration does not say."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


def tokens_per_batch(model: torch.nn.Module, requested: TokensPerBatch) -> int:
    """How many tokens to compute at a time: what was requested, or for 'auto' what suits the device.

    On CUDA that is what fits six tenths of the memory beside the weights: of the whole memory, not of what is free, so that
    a resumed run plans the same batches. A batch that does not fit is halved later.
    """
    if requested != "auto":
        return requested
    if model.device.type != "cuda":
        return 768  # more leaves a CPU's cache, less does not fill its matrix units
    config = model.config.get_text_config()
    size = next(model.parameters()).element_size() if model.dtype.is_floating_point else 2
    weights = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    left = torch.cuda.get_device_properties(model.device).total_memory - weights
    # What lives at once for one token: one layer's activations, every layer's keys and values, and the head's logits of
    # the prompt's last token in float32, at some 60 tokens a prompt.
    activations = size * (8 * config.hidden_size + 3 * config.intermediate_size)
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    cache = 2 * size * config.num_hidden_layers * config.num_key_value_heads * head
    logits = 2 * 4 * config.vocab_size // 60
    return max(512, min(65536, int(0.6 * left / (activations + cache + logits)) // 512 * 512))
