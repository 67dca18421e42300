"""Language models, loaded from a local folder onto the requested device.

Everything is read from disk: only safetensors weights, no remote code, no network.
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
    """The device's memory is too small for the model."""


def available(device: Device) -> bool:
    """Whether this machine has a device."""
    return bool(getattr(torch, device).is_available())


def torch_dtype(dtype: DType) -> torch.dtype:
    """torch's dtype for a number format."""
    return getattr(torch, dtype)  # the names are the same


def load_tokenizer(folder: Path) -> Any:
    """Load the folder's fast tokenizer; one that cannot be loaded raises UserError."""
    try:
        return transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:
        raise UserError(f"{folder}: the tokenizer cannot be loaded ({_first_line(error)})") from error


def load_model(folder: Path, requested: LoadSettings) -> torch.nn.Module:
    """Load the causal language model of a folder in evaluation mode, entirely on one device.

    A model that cannot be loaded raises UserError (DoesNotFit if memory is short). The effective configuration may still differ
    from the requested one; see inspect_model.py.
    """
    # Missing and mismatched weights are errors below, so transformers need not warn about them.
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
    for kind in ("missing_keys", "mismatched_keys"):
        if info[kind]:
            # transformers would fill them with random numbers.
            raise UserError(f"{folder}: {kind.replace('_', ' ')} in the weights, among them {sorted(info[kind], key=str)[0]}")
    # The checkpoint's settings for sampling and penalties would change greedy generation.
    ends = {name: getattr(model.generation_config, name) for name in ("bos_token_id", "eos_token_id", "pad_token_id")}
    model.generation_config = transformers.GenerationConfig(**ends)
    return model.eval()


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


def context_length(model: torch.nn.Module) -> int | None:
    """The model's context length in tokens, None if its configuration does not give one."""
    return getattr(model.config.get_text_config(), "max_position_embeddings", None)


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0][:300]}" if lines else type(error).__name__


def tokens_per_batch(model: torch.nn.Module, requested: TokensPerBatch) -> int:
    """How many tokens to compute in one forward pass: the requested number, or for 'auto' one that suits the device.

    On CUDA a batch may take 60 % of the memory that the weights leave. This counts total memory and not free memory, so that
    a resumed run plans the same batches. A batch that does not fit is halved later.
    """
    if requested != "auto":
        return requested
    if model.device.type != "cuda":
        return 768  # more would not fit a CPU's cache, less would not keep its matrix units busy
    config = model.config.get_text_config()
    size = next(model.parameters()).element_size() if model.dtype.is_floating_point else 2
    weights = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    available = torch.cuda.get_device_properties(model.device).total_memory - weights
    # Needed at the same time for one token: one layer's activations, every layer's keys and values, and a share of the float32
    # logits of the prompt's last token, at about 60 tokens per prompt.
    activations = size * (8 * config.hidden_size + 3 * config.intermediate_size)
    head = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    cache = 2 * size * config.num_hidden_layers * config.num_key_value_heads * head
    logits = 2 * 4 * config.vocab_size // 60
    return max(512, min(65536, int(0.6 * available / (activations + cache + logits)) // 512 * 512))
