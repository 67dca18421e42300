#!/usr/bin/env python3
"""Make a model of a published shape with random weights: as large and as slow as the real one, and it knows nothing."""

import argparse
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from mmlu_kit import user_errors
from mmlu_kit.inputs.checkpoints import FileEntry, Manifest

Shape = dict[str, Any]  # fields of a config.json
TOKENIZER_FILES = ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja")
SMALL: Shape = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
}
# Shapes whose windows few-shot prompts exceed: the smallest Gemma 3, and Qwen2.5-0.5B's sizes as a Mistral.
WINDOWED: dict[str, Shape] = {
    "google/gemma-3-270m": {
        **{"architecture": "Gemma3ForCausalLM", "vocab_size": 262144, "hidden_size": 640, "intermediate_size": 2048},
        **{"num_hidden_layers": 18, "num_attention_heads": 4, "num_key_value_heads": 1, "head_dim": 256},
        **{"sliding_window": 512, "query_pre_attn_scalar": 256, "max_position_embeddings": 32768},
    },
    "mistral, window 256": {
        **{"architecture": "MistralForCausalLM", "vocab_size": 151936, "hidden_size": 896, "intermediate_size": 4864},
        **{"num_hidden_layers": 24, "num_attention_heads": 14, "num_key_value_heads": 2},
        **{"sliding_window": 256, "max_position_embeddings": 32768},
    },
}
# The shape of LiquidAI/LFM2-350M, but for its vocabulary: most layers are convolutions, so its prompts cannot be packed.
HYBRID: Shape = {
    "architecture": "Lfm2ForCausalLM",
    "hidden_size": 1024,
    "intermediate_size": 6656,
    "num_hidden_layers": 16,
    "num_attention_heads": 16,
    "num_key_value_heads": 8,
    "layer_types": ["full_attention" if layer in (2, 5, 8, 10, 12, 14) else "conv" for layer in range(16)],
    "vocab_size": None,
}


def published_shape(path: Path, name: str) -> Shape:
    """The configuration fields of a model of WINDOWED, or of a published one from a JSON file of shapes by repository name."""
    if name in WINDOWED:
        return WINDOWED[name]
    fields = json.loads(path.read_text(encoding="utf-8"))[name]
    rope = {"rope_type": "default", "rope_theta": fields["rope_theta"]}
    kept = {key: value for key, value in fields.items() if key not in ("parameters", "rope_theta", "note")}
    return {**kept, "rope_parameters": rope, "max_position_embeddings": 32768}


def save(
    folder: Path, tokenizer: Path, shape: Shape | None = None, dtype: str = "float32", seed: int = 0, device: str = "cpu"
) -> Path:
    """Save a model with random weights of `dtype`, made on a device, and the tokenizer of another folder; returns `folder`.

    `shape` are fields of its configuration, SMALL ones where None; `architecture` among them, Qwen2ForCausalLM by default.
    Files have at most 4 GB, as published ones.
    """
    import torch
    import transformers

    fields = {"vocab_size": None, "tie_word_embeddings": True, "max_position_embeddings": 4096, **(shape or SMALL)}
    if fields["vocab_size"] is None:
        fields["vocab_size"] = len(transformers.AutoTokenizer.from_pretrained(tokenizer, local_files_only=True))
    torch.manual_seed(seed)
    with torch.device(device):
        made = model(fields)
    made.to(getattr(torch, dtype)).save_pretrained(folder, max_shard_size="4GB")
    for name in TOKENIZER_FILES:
        if (Path(tokenizer) / name).exists():
            shutil.copyfile(Path(tokenizer) / name, Path(folder) / name)
    return Path(folder)


def save_empty(folder: Path, shape: Shape, dtype: str = "bfloat16") -> Manifest:
    """Save a weight file of this shape in a folder, full of zeros that take no space on disk; returns the model's manifest.

    Memory is estimated from it and it is never loaded, so there is no configuration and no tokenizer.
    """
    import torch

    with torch.device("meta"):
        weights = dict(model(shape).named_parameters())
    header, end = {}, 0
    for name, weight in weights.items():
        begin, end = end, end + weight.numel() * getattr(torch, dtype).itemsize
        word = {"bfloat16": "BF16", "float16": "F16", "float32": "F32"}[dtype]
        header[name] = {"dtype": word, "shape": list(weight.shape), "data_offsets": [begin, end]}
    text = json.dumps(header).encode()
    path = folder / "model.safetensors"
    with path.open("wb") as stream:
        stream.write(len(text).to_bytes(8, "little") + text)
        stream.truncate(8 + len(text) + end)
    size = path.stat().st_size
    return Manifest(
        folder=str(folder),
        repository=None,
        commit=None,
        files={path.name: FileEntry(bytes=size, sha256=hashlib.sha256(text).hexdigest())},  # the header's
        parameters=sum(weight.numel() for weight in weights.values()),
        checkpoint_bytes=size,
    )


def model(fields: Shape) -> Any:
    """A model with random weights; `fields` are those of its configuration, and `architecture`."""
    import transformers

    made = getattr(transformers, fields.get("architecture", "Qwen2ForCausalLM"))
    return made(made.config_class(**{key: value for key, value in fields.items() if key != "architecture"}))


def parameters(fields: Shape) -> int:
    """How many parameters a model of these fields has, counted without making them."""
    import torch

    with torch.device("meta"):
        return sum(weights.numel() for weights in model(fields).parameters())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", type=Path, required=True, help="JSON: configuration fields by repository name")
    parser.add_argument(
        "--shape",
        required=True,
        help=f"the repository name of the shape, as Qwen/Qwen2.5-0.5B-Instruct, or one of {list(WINDOWED)}",
    )
    parser.add_argument("--tokenizer", type=Path, required=True, help="a folder with the tokenizer to copy")
    parser.add_argument("--dtype", default="bfloat16", choices=("bfloat16", "float16", "float32"), help="of the file's weights")
    parser.add_argument("--output", type=Path, required=True, help="the folder to write")
    args = parser.parse_args()
    save(args.output, args.tokenizer, published_shape(args.shapes, args.shape), args.dtype)
    print(f"{args.output}: {sum(path.stat().st_size for path in args.output.glob('*.safetensors')):,} bytes of random weights")


if __name__ == "__main__":
    user_errors.run(main)
