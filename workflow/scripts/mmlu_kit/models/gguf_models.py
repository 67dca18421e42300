"""Models from GGUF files: transformers' classes with the file's weights, dequantized one tensor after the other.

transformers' own reader holds the whole model twice, and drops what it does not know of a model's configuration.
"""

import mmap
from pathlib import Path
from typing import Any, NamedTuple

import gguf
import numpy
import torch
import transformers
from numpy.typing import NDArray

from mmlu_kit.inputs import gguf_families, gguf_files, gguf_rotary
from mmlu_kit.inputs.gguf_headers import Tensor
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

# Numbers that are dequantized at once, a multiple of every block: their copies stay in the processor's cache, and below the
# 128 KB from which glibc fetches zeroed memory for each.
_AT_ONCE = 3 << 13
_PLAIN: dict[str, type[numpy.floating[Any]]] = {"F32": numpy.float32, "F16": numpy.float16}
_FUSED_EXPERTS = "mlp.experts.gate_up_proj"


def source(path: Path) -> tuple[Any, dict[str, Any]]:
    """The class of a GGUF file's model, and the arguments with which its `from_pretrained` builds it.

    These are its configuration, and its weights by name; a weight is read when it is moved to its device. A file whose tensors
    are not exactly those of the model raises UserError.
    """
    contents = gguf_files.read(path)
    where = printable(path)
    family = gguf_families.family(where, contents.header)
    entries = dict(contents.config)
    config = transformers.AutoConfig.for_model(entries.pop("model_type"), **entries)
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config, trust_remote_code=False)
    with path.open("rb") as stream:
        data = mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ)
    names = gguf.get_tensor_name_map(
        next(key for key, name in gguf.MODEL_ARCH_NAMES.items() if name == contents.header.metadata["general.architecture"]),
        config.num_hidden_layers,
    )
    tensors = {name: tensor for name, tensor in contents.header.tensors.items() if name not in gguf_rotary.TENSORS}
    weights = {}
    tied = {"lm_head.weight"} if config.tie_word_embeddings else set()
    for name, parameter in model.named_parameters():
        if name in tied:
            continue
        parts = []
        for part in _parts(name, names):
            if part not in tensors:
                raise UserError(f"{where}: {part or name} is missing in the weights: fetch the file again, or use another one")
            tensor = tensors.pop(part)
            if _long(tensor.shape) == _long(parameter.shape):  # some converters leave out dimensions of 1
                tensor = tensor._replace(shape=tuple(parameter.shape))
            heads = _heads(part, config) if family.interleaved else None
            parts.append(Part(data, tensor, family.offset if name.endswith("norm.weight") else 0.0, heads))
        weights[name] = Weight(parts)
        if weights[name].shape != tuple(parameter.shape):
            raise UserError(
                f"{where}: {part} has the shape {weights[name].shape}, and its header declares {tuple(parameter.shape)}: "
                "fetch or copy it again"
            )
    if tensors:
        first = printable(min(tensors))
        raise UserError(
            f"{where}: the kit does not know what {first} is for ({len(tensors):,} such tensors): "
            "use the folder of the model's safetensors weights"
        )
    return type(model), {"pretrained_model_name_or_path": None, "config": config, "state_dict": weights}


class Part(NamedTuple):
    """A tensor of the file, and what llama.cpp did to it: what was added, and for how many heads it was interleaved."""

    data: mmap.mmap
    tensor: Tensor
    offset: float
    heads: int | None

    def values(self, dtype: torch.dtype) -> torch.Tensor:
        """Its numbers as the model has them, in `dtype`, to which they are rounded from float32."""
        block, size = gguf.GGML_QUANT_SIZES[gguf.GGMLQuantizationType[self.tensor.type]]
        raw = numpy.frombuffer(self.data, numpy.uint8, self.tensor.bytes, self.tensor.begin).reshape(-1, size)
        values = torch.empty(self.tensor.shape, dtype=dtype)
        numbers, step = values.view(-1, block), _AT_ONCE // block
        # A block depends on no other, so rows need not be kept apart; many short ones take twice the time.
        for begin in range(0, len(raw), step):
            part = _dequantized(self.tensor.type, raw[begin : begin + step])
            numbers[begin : begin + step] = torch.from_numpy(part - self.offset if self.offset else part)
        if self.heads:
            halves = values.view(self.heads, -1, 2, *values.shape[1:]).transpose(1, 2)
            values = halves.reshape(values.shape)
        return values


def _dequantized(kind: str, blocks: NDArray[numpy.uint8]) -> NDArray[numpy.float32]:
    """The numbers of blocks of one type, in float32: one row for each block.

    gguf.quants.dequantize has the same numbers, but copies them twice.
    """
    if kind in _PLAIN:
        return blocks.view(_PLAIN[kind]).astype(numpy.float32)
    quantization = getattr(gguf.quants, kind)
    quantization.init_grid()
    numbers: NDArray[numpy.float32] = quantization.dequantize_blocks(blocks)
    return numbers


class Weight:
    """A weight of the model, made of one tensor of the file or of two that the model has in one.

    transformers indexes a weight to read it and then moves it to its device and dtype; it is read then.
    """

    def __init__(self, parts: list[Part]) -> None:
        self.parts = parts

    @property
    def shape(self) -> tuple[int, ...]:
        """Its shape."""
        first, *others = [part.tensor.shape for part in self.parts]
        return (first[0], sum(shape[1] for shape in (first, *others)), *first[2:]) if others else first

    def __getitem__(self, _index: Any) -> "Weight":
        return self

    def to(self, device: Any, dtype: torch.dtype | None) -> torch.Tensor:
        """The weight on a device in a dtype, by default float32."""
        values = [part.values(dtype or torch.float32) for part in self.parts]
        return (torch.cat(values, dim=1) if len(values) > 1 else values[0]).to(device)


def _parts(name: str, names: Any) -> list[str]:
    """The file's names for the tensors of one of the model's parameters."""
    if name.endswith(_FUSED_EXPERTS):
        layer = name.split(".")[2]
        return [f"blk.{layer}.ffn_gate_exps.weight", f"blk.{layer}.ffn_up_exps.weight"]
    if name.endswith("mlp.experts.down_proj"):
        return [f"blk.{name.split('.')[2]}.ffn_down_exps.weight"]
    return [names.get_name(name, try_suffixes=(".weight", ".bias")) or ""]


def _long(shape: tuple[int, ...]) -> list[int]:
    """The dimensions of a tensor that are longer than 1."""
    return [size for size in shape if size != 1]


def _heads(name: str, config: Any) -> int | None:
    """The number of heads in a tensor of queries or keys, None for others."""
    if ".attn_q." in name:
        return int(config.num_attention_heads)
    return int(config.num_key_value_heads) if ".attn_k." in name else None
