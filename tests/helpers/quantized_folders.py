"""Checkpoints saved quantized, packed here by hand from a dense model, each with the dense weights that it stands for."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch

GROUP = 16  # input channels with one scale
FP4 = torch.tensor([0.0, 0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0])

Stored = dict[str, torch.Tensor]


class Form(NamedTuple):
    """A way to store a matrix: its scheme in config.json, and what packs it: (tensors by their ending, dense matrix)."""

    weights: Mapping[str, Any]
    pack: Callable[[torch.Tensor], tuple[Stored, torch.Tensor]]


def int8(weight: torch.Tensor) -> tuple[Stored, torch.Tensor]:
    scale = weight.abs().amax(1, keepdim=True) / 127
    values = (weight / scale).round()
    return {"weight": values.to(torch.int8), "weight_scale": scale}, values * scale


def fp8(weight: torch.Tensor) -> tuple[Stored, torch.Tensor]:
    scale = weight.abs().amax(1, keepdim=True) / 448
    values = (weight / scale).to(torch.float8_e4m3fn)
    return {"weight": values, "weight_scale": scale}, values.float() * scale


def int4(weight: torch.Tensor, symmetric: bool = True) -> tuple[Stored, torch.Tensor]:
    groups = weight.view(weight.shape[0], -1, GROUP)
    low, high = groups.amin(2, keepdim=True), groups.amax(2, keepdim=True)
    scale = torch.maximum(high.abs(), low.abs()) / 7 if symmetric else (high - low) / 15
    zero = torch.zeros_like(scale) if symmetric else (-8 - low / scale).round().clamp(-8, 7)
    values = (groups / scale + zero).round().clamp(-8, 7)
    dense = ((values - zero) * scale).view_as(weight)
    stored = {"weight_packed": _nibbles(values.view_as(weight)), "weight_scale": scale.squeeze(2)}
    stored["weight_shape"] = torch.tensor(weight.shape)
    if not symmetric:
        stored["weight_zero_point"] = _nibbles(zero.squeeze(2).T).T.contiguous()
    return stored, dense


def nvfp4(weight: torch.Tensor) -> tuple[Stored, torch.Tensor]:
    groups = weight.view(weight.shape[0], -1, GROUP)
    whole = 448 * 6 / weight.abs().max()
    scale = (groups.abs().amax(2, keepdim=True) / 6 * whole).to(torch.float8_e4m3fn)
    step = scale.float() / whole
    indices = ((groups / step).abs()[..., None] - FP4).abs().argmin(-1)
    dense = (FP4[indices] * groups.sign() * step).view_as(weight)
    codes = (indices + 8 * (groups < 0)).view(weight.shape[0], -1, 2).to(torch.uint8)
    stored = {"weight_packed": codes[..., 0] | codes[..., 1] << 4, "weight_scale": scale.squeeze(2)}
    return stored | {"weight_global_scale": whole.view(1)}, dense


def _nibbles(values: torch.Tensor) -> torch.Tensor:
    """Eight numbers from -8 to 7 in each int32, along the columns."""
    padded = torch.nn.functional.pad(values.long() + 8, (0, -values.shape[1] % 8))
    words = (padded.view(values.shape[0], -1, 8) << (4 * torch.arange(8))).sum(-1)
    return words.to(torch.int32)


_INT = {"type": "int", "symmetric": True}
_FLOAT = {"type": "float", "symmetric": True}
FORMS = {
    "int8": Form({**_INT, "num_bits": 8, "strategy": "channel"}, int8),
    "fp8": Form({**_FLOAT, "num_bits": 8, "strategy": "channel"}, fp8),
    "int4": Form({**_INT, "num_bits": 4, "strategy": "group", "group_size": GROUP}, int4),
    "int4 with zero points": Form(
        {**_INT, "num_bits": 4, "strategy": "group", "group_size": GROUP, "symmetric": False},
        lambda weight: int4(weight, symmetric=False),
    ),
    "nvfp4": Form({**_FLOAT, "num_bits": 4, "strategy": "tensor_group", "group_size": GROUP}, nvfp4),
}


def write(folder: Path, dense: Path, form: str, inputs: Mapping[str, Any] | None = None, **settings: Any) -> Path:
    """Write a dense folder's model in a form of compressed-tensors, and beside it as 'dense' what its weights stand for.

    `inputs` is the scheme of activations, `settings` change quantization_config.
    """
    shutil.copytree(dense, folder)
    shutil.copytree(dense, folder.with_name("dense"))
    stored: Stored = {}
    whole: Stored = {}
    ignore = settings.get("ignore", ["lm_head"])
    for name, weight in safetensors.torch.load_file(dense / "model.safetensors").items():
        if name.endswith("proj.weight") or (name == "lm_head.weight" and "lm_head" not in ignore):
            tensors, whole[name] = FORMS[form].pack(weight.float())
            stored |= {name.removesuffix("weight") + ending: tensor for ending, tensor in tensors.items()}
        else:
            stored[name] = whole[name] = weight
    for path, tensors in ((folder, stored), (folder.with_name("dense"), whole)):
        safetensors.torch.save_file(tensors, path / "model.safetensors", metadata={"format": "pt"})
    group = {"targets": ["Linear"], "weights": FORMS[form].weights, "input_activations": inputs}
    quantization = {"quant_method": "compressed-tensors", "quantization_status": "compressed", "ignore": ignore}
    quantization |= {"config_groups": {"group_0": group}, **settings}
    config = json.loads((folder / "config.json").read_text()) | {"quantization_config": quantization}
    (folder / "config.json").write_text(json.dumps(config))
    return folder
