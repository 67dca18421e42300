"""A real published model, SmolLM2-135M-Instruct, as a Hugging Face folder that is made from its GGUF file."""

import subprocess
from pathlib import Path

import pytest

TOOL = Path(__file__).parents[3] / "shared/tools/real-model"


def gguf_file() -> Path:
    """Return the model's GGUF file (98 MB, downloaded once into the user's cache); skip the test where it cannot be had."""
    if not TOOL.is_file():
        pytest.skip(f"no real model: {TOOL} does not exist")
    process = subprocess.run([TOOL], capture_output=True, text=True)
    if process.returncode:
        reason = process.stderr.strip().split("\n")[-1]
        pytest.skip(f"no real model: {reason}")
    return Path(process.stdout.strip())


def convert(path: Path, folder: Path) -> Path:
    """Write the model of a GGUF file as a Hugging Face folder with float32 weights; return `folder`.

    The file holds a Llama with SmolLM's tokenizer. transformers reads it: it dequantizes the weights and undoes llama.cpp's
    permutation of the rows of queries and keys.
    """
    import torch
    import transformers
    from tokenizers import pre_tokenizers

    transformers.utils.logging.disable_progress_bar()
    source = {"pretrained_model_name_or_path": path.parent, "gguf_file": path.name, "local_files_only": True}
    model = transformers.AutoModelForCausalLM.from_pretrained(**source, dtype=torch.float32)
    # The weights are plain tensors now, but transformers does not save a model that is marked as read from GGUF.
    del model.hf_quantizer, model.config.quantization_config
    model.save_pretrained(folder)
    tokenizer = transformers.AutoTokenizer.from_pretrained(**source)
    # transformers does not know the file's pre-tokenizer 'smollm': each digit is cut out before GPT-2's pattern is applied.
    backend = tokenizer.backend_tokenizer
    backend.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), backend.pre_tokenizer])
    tokenizer.save_pretrained(folder)
    return folder
