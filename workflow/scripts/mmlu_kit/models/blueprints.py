"""A model built from its configuration alone, without memory for weights: what transformers makes of a config.json."""

import re
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers.quantizers.auto import AutoHfQuantizer

from mmlu_kit.models import transformers_model
from mmlu_kit.settings import DType, Quantization
from mmlu_kit.user_errors import UserError


def build(config: Any, dtype: torch.dtype) -> torch.nn.Module:
    """The model of a transformers configuration, with its weights in `dtype` on the meta device."""
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(config, dtype=dtype, trust_remote_code=False)


def compressible(folder: Path, dtype: DType, quantization: Quantization) -> tuple[int, int]:
    """The numbers of a model's parameters that bitsandbytes would compress, and of all others.

    It replaces linear layers. Experts that are fused into one tensor keep their number format. A folder whose model cannot be
    built raises UserError.
    """
    settings = transformers_model.quantization_config(quantization, dtype)
    torch_dtype = transformers_model.torch_dtype(dtype)
    try:
        config = transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        model = build(config, torch_dtype)
        whole = sum(weight.numel() for weight in model.parameters())
        quantizer = AutoHfQuantizer.from_config(settings, pre_quantized=False)
        quantizer.preprocess_model(model=model, dtype=torch_dtype, device_map={"": "cpu"})
    except Exception as error:
        raise UserError(f"{folder}: the model cannot be loaded ({transformers_model.problem(error)}") from error
    modules = [module for module in model.modules() if type(module).__module__.startswith("bitsandbytes.")]
    replaced = sum(module.in_features * module.out_features for module in modules)
    return replaced, whole - replaced


def float32_by_design(model: torch.nn.Module, dtype: torch.dtype) -> set[str]:
    """The names of the parameters that a model's class keeps in float32 when `dtype` is asked for.

    Either the class creates them in float32, or it lists them as modules to keep in float32.
    """
    fresh = build(model.config, dtype)
    patterns = [pattern.replace("*", ".*") for pattern in fresh._get_dtype_plan(dtype)]
    listed = re.compile("|".join(f"(?:{pattern})" for pattern in patterns) or "(?!)")
    return {name for name, weight in fresh.named_parameters() if weight.dtype == torch.float32 or listed.search(name)}
