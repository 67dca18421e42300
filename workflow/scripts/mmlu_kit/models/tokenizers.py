"""Tokenizers, loaded from a model's folder or GGUF file: the one that its tokenizer.json, or the file, describes."""

import json
from pathlib import Path
from typing import Any

import tokenizers
import transformers

from mmlu_kit.inputs import gguf_files
from mmlu_kit.models import gguf_tokenizers
from mmlu_kit.models.transformers_model import problem
from mmlu_kit.user_errors import UserError

# Digits, capitals, runs of white space, accents and other scripts: what tokenizers treat differently.
_SAMPLE = "The Answer is 12345,  x = Y\n\n  naïve café 你好 don't\tA. (B) https://a.b/c_d"
# The parts of tokenizer.json that decide how a text is cut, and stand in it before the vocabulary.
_CUTS = ("normalizer", "pre_tokenizer")


def load_tokenizer(folder: Path) -> Any:
    """Load the fast tokenizer of a folder or GGUF file; one that cannot be loaded, or encodes nothing, raises UserError.

    For some families transformers takes only the vocabulary from tokenizer.json and cuts texts as it thinks that the family
    does. If that differs from the file, the file is followed.
    """
    try:
        if gguf_files.is_gguf(folder):
            tokenizer = gguf_tokenizers.load(folder)
        else:
            tokenizer = transformers.AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
            if not _follows_file(tokenizer, folder):
                tokenizer = transformers.PreTrainedTokenizerFast.from_pretrained(folder, local_files_only=True)
        encodes = bool(tokenizer("A", add_special_tokens=False)["input_ids"])
    except UserError:
        raise
    except Exception as error:
        _check_config(folder)  # which may be to blame
        raise UserError(f"{folder}: the tokenizer cannot be loaded ({problem(error)}") from error
    if not encodes:
        raise UserError(f"{folder}: the tokenizer has no token for 'A': save the model's own tokenizer beside the weights")
    return tokenizer


def _check_config(folder: Path) -> None:
    """Check that transformers can read config.json, if there is one; it needs that for the tokenizer too."""
    if (folder / "config.json").is_file():
        try:
            transformers.AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
        except Exception as error:
            raise UserError(f"{folder}: config.json cannot be used ({problem(error)}") from error


def _follows_file(tokenizer: Any, folder: Path) -> bool:
    """Whether a loaded tokenizer cuts texts as tokenizer.json says; True if there is no such file."""
    path = folder / "tokenizer.json"
    if not path.is_file():
        return True
    # Comparing these parts takes no time; reading the whole file takes half a second.
    head, _, _ = path.read_text(encoding="utf-8").partition('"model":')
    try:
        described = _parsed(head.rstrip().rstrip(",") + "}")
    except ValueError:
        described = None
    if isinstance(described, dict) and all(
        _state(getattr(tokenizer.backend_tokenizer, part)) == described.get(part) for part in _CUTS
    ):
        return True
    reference = tokenizers.Tokenizer.from_file(str(path))
    reference.no_truncation()
    ids = reference.encode(_SAMPLE, add_special_tokens=False).ids
    return tokenizer(_SAMPLE, add_special_tokens=False)["input_ids"] == ids


def _state(part: Any) -> Any:
    """A part of a tokenizer as tokenizer.json would describe it."""
    return None if part is None else _parsed(part.__getstate__())


def _parsed(text: str | bytes) -> Any:
    """A JSON text without `trim_offsets`, which moves no token."""
    return json.loads(text, object_hook=lambda value: {key: each for key, each in value.items() if key != "trim_offsets"})
