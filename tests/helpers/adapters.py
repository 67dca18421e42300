"""Tiny base models, and adapters that peft trained on them for a few steps."""

from pathlib import Path
from typing import Any

import peft
import torch
import transformers

from tests.helpers import families

VOCABULARY = families.VOCABULARY
_SIZES = {"vocab_size": VOCABULARY, "bos_token_id": 0, "eos_token_id": 1, "pad_token_id": 2}
_LLAMA = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4}
CONFIGS = {
    "llama": lambda: transformers.LlamaConfig(**_SIZES, **_LLAMA, num_key_value_heads=2, tie_word_embeddings=False),
    "llama tied": lambda: transformers.LlamaConfig(**_SIZES, **_LLAMA, num_key_value_heads=2, tie_word_embeddings=True),
    "qwen2": lambda: transformers.Qwen2Config(**_SIZES, **_LLAMA, num_key_value_heads=2, tie_word_embeddings=True),
    "gpt2": lambda: transformers.GPT2Config(**_SIZES, n_embd=32, n_layer=2, n_head=4, n_positions=128),
    "mixtral": lambda: transformers.MixtralConfig(**_SIZES, **_LLAMA, num_key_value_heads=2, num_local_experts=4),
    "deeper llama": lambda: transformers.LlamaConfig(**_SIZES, **{**_LLAMA, "num_hidden_layers": 3}, num_key_value_heads=2),
    "wider llama": lambda: transformers.LlamaConfig(
        **_SIZES, **{**_LLAMA, "hidden_size": 64, "intermediate_size": 64}, num_key_value_heads=2
    ),
}


def base_folder(folder: Path, name: str) -> Path:
    """Save a tiny model of CONFIGS with random weights."""
    torch.manual_seed(0)
    transformers.AutoModelForCausalLM.from_config(CONFIGS[name]()).save_pretrained(folder)
    (folder / "tokenizer.json").write_text("{}")
    return folder


def tokens(seed: int) -> torch.Tensor:
    """Random prompts of 24 tokens."""
    return torch.randint(3, VOCABULARY, (3, 24), generator=torch.Generator().manual_seed(seed))


def train(base: Path, folder: Path, config: peft.PeftConfig | None = None, prepare: Any = None) -> Path:
    """Train an adapter of a base folder for some steps and save it; without `config` it is a LoRA of all linear layers."""
    torch.manual_seed(1)
    model = transformers.AutoModelForCausalLM.from_pretrained(base)
    if prepare:
        prepare(model)
    adapted = peft.get_peft_model(model, config or lora())
    optimizer = torch.optim.AdamW([weight for weight in adapted.parameters() if weight.requires_grad], lr=0.02)
    for _ in range(4):
        adapted(input_ids=tokens(2), labels=tokens(2)).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    adapted.save_pretrained(folder)
    return folder


def lora(**settings: Any) -> peft.LoraConfig:
    """The configuration of a LoRA of rank 4."""
    return peft.LoraConfig(**{"r": 4, "lora_alpha": 8, "target_modules": "all-linear", "task_type": "CAUSAL_LM", **settings})


def by_peft(base: Path, folder: Path, dtype: torch.dtype, **loading: Any) -> torch.nn.Module:
    """The adapted model as peft's users load it."""
    model = transformers.AutoModelForCausalLM.from_pretrained(base, dtype=dtype, **loading)
    return peft.PeftModel.from_pretrained(model, folder).eval()
