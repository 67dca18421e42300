"""Tiny model folders, written without torch: headers are true, and all weights are zero."""

import json
import math
from pathlib import Path
from typing import Any

from mmlu_kit.inputs.safetensors_headers import BITS

CONFIG = {"model_type": "llama", "architectures": ["LlamaForCausalLM"], "num_hidden_layers": 1}
WEIGHTS = {"model.embed_tokens.weight": ("F32", [8, 4]), "model.layers.0.self_attn.q_proj.weight": ("F32", [4, 4])}

Tensors = dict[str, tuple[str, list[int]]]


def write_weights(path: Path, tensors: Tensors, data: dict[str, bytes] | None = None) -> Path:
    """Write a safetensors file with these number formats and shapes; `data` are the bytes of tensors that are not zero."""
    header, content = {}, b""
    for name, (dtype, shape) in tensors.items():
        value = (data or {}).get(name, bytes(math.prod(shape) * BITS[dtype] // 8))
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [len(content), len(content) + len(value)]}
        content += value
    return write_header(path, header, content)


def write_header(path: Path, header: Any, content: bytes = b"") -> Path:
    """Write a file with any header, a JSON value or bytes, in front of its content."""
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    path.write_bytes(len(text).to_bytes(8, "little") + text + content)
    return path


def write_folder(folder: Path, config: dict[str, Any] | None = None, tensors: Tensors | None = None) -> Path:
    """Make a model folder with config.json, tokenizer.json and model.safetensors; `config` changes keys of CONFIG."""
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps({**CONFIG, **(config or {})}))
    (folder / "tokenizer.json").write_text("{}")
    write_weights(folder / "model.safetensors", tensors or WEIGHTS)
    return folder


def write_shards(folder: Path, **changes: Any) -> Path:
    """Replace a folder's model.safetensors by two shards and their index, some keys of which `changes` replaces."""
    (folder / "model.safetensors").unlink()
    weight_map = {}
    for number, (name, tensor) in enumerate(WEIGHTS.items(), 1):
        weight_map[name] = f"model-{number:05}-of-00002.safetensors"
        write_weights(folder / weight_map[name], {name: tensor})
    index = {"metadata": {"total_size": 192}, "weight_map": weight_map, **changes}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    return folder
