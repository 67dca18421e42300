"""What a GGUF file says of its tokenizer, checked: its vocabulary, its special tokens, and how it cuts a text first.

Source: llama.cpp, src/llama-vocab.cpp, whose names of pre-tokenizers and defaults these are; the patterns are those of the
families' own tokenizer.json.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

# Types of tokens. Text never becomes one of _NOT_TEXT by merging; CONTROL and USER_DEFINED are found whole in a text.
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, UNUSED, BYTE = 1, 2, 3, 4, 5, 6
NOT_TEXT = (UNKNOWN, CONTROL, BYTE)
_GPT2 = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"
_ENDINGS = "(?i:'s|'t|'re|'ve|'m|'ll|'d)"
_REST = r" ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_REST_WITH_SLASH = r" ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
_CAPITALIZED = (
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*",
)


class PreTokenizer(NamedTuple):
    """How a byte-pair tokenizer cuts a text before it merges bytes: by one pattern after the other.

    `whole` takes a piece that is a token without merging. `bos` is whether texts begin with the BOS token if the file does not
    say so. `nfc` composes characters first.
    """

    patterns: tuple[str, ...]
    whole: bool = False
    bos: bool = False
    nfc: bool = False


_LLAMA3 = PreTokenizer(
    (rf"{_ENDINGS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1,3}}|{_REST}",),
    whole=True,
    bos=True,
)
_QWEN2 = PreTokenizer((rf"{_ENDINGS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}|{_REST}",))
_GPT4O = PreTokenizer(
    (rf"{_CAPITALIZED[0]}{_ENDINGS}?|{_CAPITALIZED[1]}{_ENDINGS}?|\p{{N}}{{1,3}}|{_REST_WITH_SLASH}",),
)
_DIGITS = PreTokenizer((r"\p{N}", _GPT2))
_FAMILIES = {
    "llama3 llama-v3 llama-bpe falcon3 pixtral midm-2.0": _LLAMA3,
    "dbrx smaug-bpe": PreTokenizer(_LLAMA3.patterns),
    "qwen2": _QWEN2._replace(nfc=True),
    "deepseek-r1-qwen kormo megrez stablelm2 hunyuan": _QWEN2,
    "gpt-2 phi-2 olmo mpt jais mellum gigachat a.x-4.0 exaone4 trillion granite-docling": PreTokenizer((_GPT2,)),
    "smollm starcoder refact command-r codeshell exaone minerva-7b": _DIGITS,
    "gpt-4o llama4": _GPT4O,
    "tekken": PreTokenizer(
        (rf"{_CAPITALIZED[0]}|{_CAPITALIZED[1]}|\p{{N}}|{_REST_WITH_SLASH}",),
        whole=True,
        bos=True,
    ),
    "deepseek-coder": PreTokenizer((r"[\r\n]", r"\s?\p{L}+", r"\s?\p{P}+", "[一-龥ࠀ-一가-퟿]+", r"\p{N}")),
    "seed-coder": PreTokenizer(
        (rf"{_ENDINGS}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|\p{{N}}{{1}}| ?[^\s\p{{L}}\p{{N}}\r\n]+|\s*[\r\n]+|\s+(?!\S)|\s+",)
    ),
}
PRE_TOKENIZERS = {name: pre for names, pre in _FAMILIES.items() for name in names.split()}
_SPECIAL = ("bos", "eos", "unknown", "padding")


class Vocabulary(NamedTuple):
    """A tokenizer as a file describes it. `pre` is None for one of sentencepiece, whose merges follow from `scores`."""

    tokens: Sequence[str]
    types: Sequence[int]
    pre: PreTokenizer | None
    merges: Sequence[tuple[str, str]]
    scores: Sequence[float]
    add_bos: bool
    add_eos: bool
    add_space: bool
    special: Mapping[str, int]
    ends: Sequence[int]
    chat_template: str | dict[str, str] | None


def vocabulary(where: str, metadata: Mapping[str, Any]) -> Vocabulary:
    """The tokenizer of a file's metadata; one that the kit cannot build exactly raises UserError."""
    keys = _Keys(where, metadata)
    model, name = keys("model", str), keys("pre", str, "")
    if model not in ("gpt2", "llama"):
        keys.refuse(f"its tokenizer is of the kind '{printable(model)[:40]}', and the kit reads 'gpt2' and 'llama'")
    pre = PRE_TOKENIZERS.get(name) if model == "gpt2" else None
    if model == "gpt2" and pre is None:
        keys.refuse(f"its pre-tokenizer '{printable(name)[:40]}' is not known" if name else "tokenizer.ggml.pre is missing")
    tokens = keys.list("tokens", str)
    types = keys.list("token_type", int, [NORMAL] * len(tokens))
    scores = keys.list("scores", float, None if pre is None else [])
    texts = keys.list("merges", str) if pre else []
    if len(types) != len(tokens) or (pre is None and len(scores) != len(tokens)):
        keys.refuse(f"its vocabulary has {len(tokens):,} tokens, but {len(types):,} types and {len(scores):,} scores")
    known = set(tokens)
    if len(known) != len(tokens):
        keys.refuse("a token is in its vocabulary twice")
    merges = []
    for text in texts:
        left, _, right = text.partition(" ")
        if not known.issuperset((left, right, left + right)):
            keys.refuse(f"its merge '{printable(text)[:40]}' is not one of its tokens")
        merges.append((left, right))
    special = {kind: keys.token(f"{kind}_token_id", len(tokens)) for kind in (*_SPECIAL, "eot", "eom")}
    present = {kind: number for kind, number in special.items() if number is not None}
    add_bos, add_eos = keys("add_bos_token", bool, pre is None or pre.bos), keys("add_eos_token", bool, False)
    if (add_bos and "bos" not in present) or (add_eos and "eos" not in present):
        keys.refuse("it adds a token at the start or end of a text, but does not say which")
    return Vocabulary(
        tokens=tokens,
        types=types,
        pre=pre,
        merges=merges,
        scores=scores,
        add_bos=add_bos,
        add_eos=add_eos,
        add_space=keys("add_space_prefix", bool, pre is None),
        special={kind: present[kind] for kind in _SPECIAL if kind in present},
        ends=list(dict.fromkeys(present[kind] for kind in ("eos", "eot", "eom") if kind in present)),
        chat_template=_chat_template(keys),
    )


class _Keys:
    """A file's keys of its tokenizer; one of the wrong type raises UserError."""

    def __init__(self, where: str, metadata: Mapping[str, Any]) -> None:
        self.where = where
        self.metadata = metadata

    def refuse(self, problem: str) -> None:
        """Raise UserError: the tokenizer cannot be used."""
        raise UserError(f"{self.where}: {problem}: use the folder of the model's safetensors weights")

    def __call__(self, key: str, kind: type, default: Any = None) -> Any:
        value = self.metadata.get(f"tokenizer.ggml.{key}", default)
        if type(value) is not kind:
            self.refuse(f"tokenizer.ggml.{key} is " + ("missing" if value is None else f"no {kind.__name__}"))
        return value

    def list(self, key: str, kind: type, default: list[Any] | None = None) -> list[Any]:
        """A list, all entries of which have the same type in a file."""
        values: list[Any] = self(key, list, default)
        if values and type(values[0]) is not kind:
            self.refuse(f"tokenizer.ggml.{key} is no list of {kind.__name__}")
        return values

    def token(self, key: str, tokens: int) -> int | None:
        """The number of a special token, None if the file has none; llama.cpp writes that as the largest number, too."""
        value = self.metadata.get(f"tokenizer.ggml.{key}")
        if value is None or value == 0xFFFFFFFF:
            return None
        if type(value) is not int or not 0 <= value < tokens:
            self.refuse(f"tokenizer.ggml.{key} is {printable(value)[:20]}, and the vocabulary has {tokens:,} tokens")
        return int(value)


def _chat_template(keys: _Keys) -> str | dict[str, str] | None:
    """The chat template, or several by their names."""
    prefix = "tokenizer.chat_template"
    templates = {key: value for key, value in keys.metadata.items() if key == prefix or key.startswith(f"{prefix}.")}
    for key, value in templates.items():
        if not isinstance(value, str):
            keys.refuse(f"{printable(key)[:80]} is no text")
    default = templates.pop(prefix, None)
    named = {key.removeprefix(f"{prefix}."): value for key, value in templates.items()}
    return {**({"default": default} if default else {}), **named} if named else default
