"""Models made for tests: random weights in Hugging Face form."""

import json
import shutil
from pathlib import Path

SMALL = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "num_key_value_heads": 1,
}


def save_random(folder: Path, tokenizer: Path, shape: dict | None = None, dtype: str = "float32", seed: int = 0) -> Path:
    """Save a Qwen2 model with random weights and the tokenizer of another folder; `shape` are fields of its configuration."""
    import torch
    import transformers

    loaded = transformers.AutoTokenizer.from_pretrained(tokenizer, local_files_only=True)
    torch.manual_seed(seed)
    size = {"vocab_size": len(loaded), "tie_word_embeddings": True, **SMALL, **(shape or {})}
    config = transformers.Qwen2Config(max_position_embeddings=4096, **size)
    transformers.Qwen2ForCausalLM(config).to(getattr(torch, dtype)).save_pretrained(folder)
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        if (Path(tokenizer) / name).exists():
            shutil.copyfile(Path(tokenizer) / name, Path(folder) / name)
    return Path(folder)


def published_shape(path: Path, name: str) -> dict:
    """The configuration fields of a published Qwen2 model, from model_shapes.json."""
    fields = json.loads(path.read_text())[name]
    kept = {key: value for key, value in fields.items() if key not in ("architecture", "parameters", "rope_theta", "note")}
    return {**kept, "rope_parameters": {"rope_type": "default", "rope_theta": fields["rope_theta"]}}
