"""Checkpoints that were saved quantized: what their method needs here, and what transformers is told before it loads them.

transformers keeps some methods' weights quantized and dequantizes others. FP8, MXFP4 and MLX weights are always dequantized,
exactly: their quantized products need code of the hub, which the kit never runs.
"""

import copy
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

import transformers
from transformers.quantizers.auto import AUTO_QUANTIZER_MAPPING, AutoHfQuantizer

from mmlu_kit.inputs import model_folders, safetensors_headers
from mmlu_kit.inputs.loaded_weights import DEQUANTIZED
from mmlu_kit.inputs.model_configs import SavedQuantization
from mmlu_kit.inputs.safetensors_headers import Tensor
from mmlu_kit.settings import Device, LoadSettings
from mmlu_kit.user_errors import UserError, one_line

# What to install for each method, as PyPI calls it.
_LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "aqlm": ("aqlm",),
    "auto-round": ("auto-round",),
    "awq": ("gptqmodel",),
    "compressed-tensors": ("compressed-tensors",),
    "fbgemm_fp8": ("fbgemm-gpu",),
    "fouroversix": ("fouroversix",),
    "fp_quant": ("fp-quant",),
    "gptq": ("optimum", "gptqmodel"),
    "higgs": ("flute-kernel", "fast-hadamard-transform"),
    "hqq": ("hqq",),
    "quanto": ("optimum-quanto",),
    "quark": ("amd-quark",),
    "sinq": ("sinq",),
    "spqr": ("spqr-quant",),
    "torchao": ("torchao",),
    "vptq": ("vptq",),
}
# Those of them in envs/quantized.lock.
_LOCKED = frozenset(("compressed-tensors", "torchao"))
_CUDA_ONLY = frozenset(("fbgemm_fp8", "fp_quant", "higgs", "hqq", "spqr", "vptq"))
_HUB_CODE = frozenset(("eetq",))
# transformers 5.23 quantizes to NVFP4 itself, but does not load what was saved so.
_LOADED = {"bitsandbytes", *AUTO_QUANTIZER_MAPPING} - {"nvfp4"}
_ONE_BYTE = ("I8", "F8_E4M3", "F8_E5M2")


def obstacle(folder: Path, saved: SavedQuantization, device: Device) -> str | None:
    """Why a folder's quantized weights cannot be used on a device here; None if no reason is known."""
    if saved.method not in _LOADED:
        return f"the weights were saved as {saved.method}, which transformers cannot load"
    kind = f"its weights were saved as {saved}"
    if saved.method in _HUB_CODE:
        return f"{kind}, which needs code of the hub, and the kit never runs that"
    if device != Device.CUDA and saved.method in _CUDA_ONLY:
        return f"{kind}, which works on cuda only"
    if missing := [name for name in _LIBRARIES.get(saved.method, ()) if not installed(name)]:
        how = "make quantized" if _LOCKED.issuperset(missing) else f"pip install {' '.join(missing)}"
        return f"a library that its weights need is missing ({saved} needs {' and '.join(missing)}: {how})"
    try:
        settings = _settings(_config(folder))
    except Exception:
        return None  # reported when it is loaded
    try:
        # Reading the settings may import the method's library.
        quantizer = AutoHfQuantizer.from_config(copy.deepcopy(settings), pre_quantized=True)
    except ImportError as error:
        return f"a library that its weights need is missing ({saved}: {one_line(error)})"
    except Exception as error:
        return f"{kind}, but quantization_config in config.json cannot be used ({one_line(error)})"
    try:
        quantizer.validate_environment(device_map={"": str(device)}, weights_only=True)
    except Exception as error:
        return f"{kind}, which cannot be used on {device} here ({one_line(error)})"
    return None


def configuration(folder: Path, requested: LoadSettings) -> Any:
    """The configuration with which a folder's quantized weights are loaded exactly; None for unquantized ones and for a file.

    The weights' headers count more than the configuration's words on them.
    """
    config: Any = _config(folder) if folder.is_dir() else None
    settings = _settings(config) if config else {}
    if not settings:
        return None
    method = "bitsandbytes" if settings.get("load_in_4bit") or settings.get("load_in_8bit") else settings.get("quant_method")
    tensors = {
        name: tensor for path in model_folders.check(folder) for name, tensor in safetensors_headers.header(path).items()
    }
    if method == "bitsandbytes":
        # Weights for the CPU and weights for training are left unquantized if these say so, and their scales are dropped.
        settings |= {"llm_int8_enable_fp32_cpu_offload": False, "llm_int8_has_fp16_weight": False}
        settings["bnb_4bit_compute_dtype"] = str(requested.dtype)
    elif method == "compressed-tensors":
        if name := next((name for name in tensors if name.endswith(".weight_g_idx")), None):
            raise UserError(
                f"{folder}: {name} orders its groups, which compressed-tensors no longer reads: use another checkpoint"
            )
        _correct_compressed(settings, tensors)
        if "lm_head.weight_scale" in tensors:
            config.get_text_config(decoder=True).tie_word_embeddings = config.tie_word_embeddings = False
    elif method in DEQUANTIZED:
        settings["dequantize"] = True
        _check_fp8(folder, settings, tensors)
    return config


def _correct_compressed(settings: dict[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Correct what compressed-tensors' settings say of how weights are stored, by the tensors themselves."""
    packed = {tensor.dtype for name, tensor in tensors.items() if name.endswith(".weight_packed")}
    whole = {tensor.dtype for name, tensor in tensors.items() if name.endswith(".weight") and tensor.dtype in _ONE_BYTE}
    if not (packed or whole):
        return
    settings["quantization_status"] = "compressed"  # older programs wrote 'frozen' beside compressed weights
    groups = [group for group in (settings.get("config_groups") or {}).values() if isinstance(group, dict)]
    stored = (
        "pack-quantized" if packed == {"I32"} and not whole else "int-quantized" if whole == {"I8"} and not packed else None
    )
    weights = [group.get("weights") or {} for group in groups]
    for group, arguments in zip(groups, weights, strict=True):
        if stored and arguments.get("type", "int") == "int":
            group["format"] = stored
    # transformers 5.23 expects unpacked zero points unless it dequantizes while it loads, which drops activations' schemes.
    asymmetric = any(not arguments.get("symmetric", True) for arguments in weights)
    activations = any(group.get("input_activations") or group.get("output_activations") for group in groups)
    if packed and asymmetric and len(groups) == 1 and not activations and not settings.get("kv_cache_scheme"):
        settings["dequantize"] = True


def _check_fp8(folder: Path, settings: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Check that FP8 scales have the names that transformers reads, and that blocks divide their matrices; raises UserError.

    transformers 5.23 takes the blocks of a matrix for smaller ones if they do not divide it.
    """
    if name := next((name for name in tensors if name.endswith(".weight_scale")), None):
        raise UserError(
            f"{folder}: transformers does not read the FP8 scales in {name}: use a checkpoint that was saved by "
            "compressed-tensors, or unquantized"
        )
    block = settings.get("weight_block_size")
    if not (isinstance(block, list) and len(block) == 2 and all(isinstance(size, int) and size > 0 for size in block)):
        return
    for name, tensor in tensors.items():
        scale = tensors.get(f"{name}_scale_inv")
        if scale is None or len(scale.shape) < 2 or len(tensor.shape) < 2:
            continue
        grid = [-(-size // length) for size, length in zip(tensor.shape[-2:], block, strict=True)]
        ragged = any(size % length for size, length in zip(tensor.shape[-2:], block, strict=True) if size > length)
        if ragged and list(scale.shape[-2:]) == grid:
            rows, columns = tensor.shape[-2:]
            raise UserError(
                f"{folder}: {name} has {rows} x {columns} values in FP8 blocks of {block[0]} x {block[1]}, which transformers "
                "would dequantize wrongly: use a checkpoint that was saved unquantized"
            )


def _config(folder: Path) -> Any:
    return transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)


def _settings(config: Any) -> dict[str, Any]:
    """The quantization settings of a configuration, where transformers looks for them; empty if there are none."""
    for part in (config, config.get_text_config(decoder=True)):
        if settings := getattr(part, "quantization_config", None):
            return settings
    return {}


def installed(library: str) -> bool:
    """Whether a library is installed, by its name on PyPI."""
    try:
        metadata.distribution(library)
    except metadata.PackageNotFoundError:
        return False
    return True
