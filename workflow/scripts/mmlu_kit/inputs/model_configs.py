"""What a model's config.json says of it: whether it is a causal language model, its quantization, and how deep it is."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field

from mmlu_kit.data import Data, Positive, Text
from mmlu_kit.inputs import regular_files
from mmlu_kit.inputs.safetensors_headers import Tensor
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

# The names of the context length in configurations; all but the first are those of older families.
CONTEXT_NAMES = (
    "max_position_embeddings",
    "n_positions",
    "max_seq_len",
    "max_sequence_length",
    "seq_length",
    "context_length",
    "n_ctx",
)
_MOST_TOKENS = 10**12
_MAX_CONFIG_BYTES = 20_000_000  # a config that lists every unquantized module has about 1 MB
# Types of transformers that are encoders unless `is_decoder` says otherwise: those with a masked language model.
_ENCODERS = frozenset(
    "albert bert bert-generation big_bird camembert convbert data2vec-text deberta deberta-v2 distilbert electra ernie "
    "esm esmc eurobert flaubert fnet funnel gte ibert jina_embeddings_v3 layoutlm longformer luke megatron-bert "
    "mobilebert modernbert mpnet mra neomme nomic_bert nystromformer perceiver reformer rembert roberta "
    "roberta-prelayernorm roc_bert roformer squeezebert tapas ultrabert xlm-roberta xlm-roberta-xl xmod yoso".split()
)
# Types of transformers that are encoder-decoders unless `is_encoder_decoder` says otherwise.
_ENCODER_DECODERS = frozenset(
    "bart bigbird_pegasus blenderbot blenderbot-small encoder-decoder fsmt led longt5 m2m_100 marian mbart mt5 mvp nllb-moe "
    "pegasus pegasus_x plbart prophetnet seamless_m4t seamless_m4t_v2 speech-encoder-decoder switch_transformers t5 t5gemma "
    "t5gemma2 udop umt5 vision-encoder-decoder whisper".split()
)
# Endings of classes whose checkpoint has no head that predicts the next token.
_OTHER_HEADS = re.compile(
    r"For(MaskedLM|PreTraining|SequenceClassification|TokenClassification|QuestionAnswering|MultipleChoice|NextSentencePrediction|"
    r"ImageClassification|AudioClassification|CTC|MaskedImageModeling|ObjectDetection|TextEncoding)$"
)
_LAYERS = ("num_hidden_layers", "n_layer", "n_layers", "num_layers", "encoder_layers", "decoder_layers")
_SIZES = (
    *("hidden_size", "n_embd", "d_model", "intermediate_size", "ffn_dim", "n_inner", "vocab_size", "head_dim"),
    *("num_attention_heads", "n_head", "num_key_value_heads", "num_experts", "num_local_experts", "n_routed_experts"),
)
_IMPLEMENTATIONS = ("_attn_implementation", "attn_implementation", "_experts_implementation", "experts_implementation")
_BITS = {"eetq": 8, "fouroversix": 4, "bitnet": 2}  # methods with one number of bits, which their names do not say
_BIT_KEYS = frozenset(("bits", "w_bit", "nbits", "num_bits"))
# 'Int8DynamicActivationInt4WeightConfig', where the weights' number comes second; then 'mxfp4', 'int4', 'float8_e4m3', 'W4A16'.
_NAMED_BITS = (
    re.compile(r"(?:int|float|fp)([1-8])weight", re.IGNORECASE),
    re.compile(r"(?:int|float|fp|w)_?([1-8])(?!\d)", re.IGNORECASE),
)


class StoredType(Data):
    """How many of a file's weights have one type."""

    name: Text = Field(description="The type, such as 'Q4_K' or 'F32'.")
    tensors: Positive
    parameters: Positive


class SavedQuantization(Data):
    """How a checkpoint's weights were quantized before they were saved."""

    method: Text = Field(description="The method, as in config.json's quant_method: 'bitsandbytes', 'gptq', 'fp8', …")
    bits: Positive | None = Field(description="Bits of a quantized weight; null if config.json gives none or several numbers.")
    activations: Positive | None = Field(
        None, description="Bits to which its layers quantize their inputs as well; null if they do not."
    )

    types: tuple[StoredType, ...] = Field((), description="The weights of a GGUF file by their type; empty for others.")

    def __str__(self) -> str:
        if self.types:
            return f"GGUF {', '.join(self._share(stored) for stored in self.types)}"
        return f"{self.method} {self.bits}-bit" if self.bits else self.method

    def _share(self, stored: StoredType) -> str:
        """A type with its part of the weights: 'Q4_K (169 tensors, 84.1 %)'."""
        percent = f"{100 * stored.parameters / sum(each.parameters for each in self.types):.1f}%"
        share = "under 0.1%" if percent == "0.0%" else percent
        return f"{stored.name} ({stored.tensors} tensor{'s' if stored.tensors > 1 else ''}, {share})"


def read(folder: Path) -> dict[str, Any]:
    """Read a folder's config.json; one that transformers would not read like this, or that is no object, raises UserError."""
    path = folder / "config.json"
    config = read_object(path)
    if "configuration_files" in config:
        raise UserError(
            f"{printable(path)}: configuration_files makes the configuration depend on the library's version: "
            "save it as one config.json"
        )
    return config


def read_object(path: Path) -> dict[str, Any]:
    """Read a configuration of a model or tokenizer; one that is too large, damaged or no JSON object raises UserError."""
    value = regular_files.read_json(path, _MAX_CONFIG_BYTES)
    if not isinstance(value, dict):
        raise UserError(f"{printable(path)} is not a configuration (a JSON object): fetch or copy it again")
    return value


def check_decoder(where: str, config: Mapping[str, Any]) -> None:
    """Check that a config may be that of a causal language model; another kind of model raises UserError."""
    kind, architectures = config.get("model_type"), config.get("architectures")
    architectures = [name for name in architectures if isinstance(name, str)] if isinstance(architectures, list) else []
    name = printable(architectures[0] if architectures else kind)[:80]
    needed = "the kit needs a causal (decoder-only) language model"
    if config.get("is_encoder_decoder", isinstance(kind, str) and kind in _ENCODER_DECODERS):
        raise UserError(f"{where}: {name} is an encoder-decoder model, but {needed}: choose another model")
    if isinstance(kind, str) and kind in _ENCODERS and not config.get("is_decoder"):
        raise UserError(f"{where}: {name} is an encoder, but {needed}: choose another model")
    if architectures and all(map(_OTHER_HEADS.search, architectures)):
        raise UserError(f"{where}: {name} has no head that predicts the next token, but {needed}: choose another model")


def check_sizes(where: str, config: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> None:
    """Check that a config declares no model far larger than its tensors, which torch would build; raises UserError if so."""
    # A layer's number is the first one in a name; later ones number its experts.
    matches = (re.search(r"(?:^|\.)(\d{1,9})\.", name) for name in tensors)
    layers = len({match[1] for match in matches if match})
    largest = max((size for tensor in tensors.values() for size in tensor.shape), default=0)
    # Layers may share weights, eight those of one in hrm_text, so only far too much is certainly wrong.
    for keys, actual, things, harmless in ((_LAYERS, layers, "layers", 128), (_SIZES, largest, "as the largest size", 1 << 20)):
        for key, declared in ((key, part.get(key)) for part in _text_configs(config) for key in keys):
            if isinstance(declared, int | float) and declared > max(16 * actual, harmless):
                raise UserError(
                    f"{where}: config.json declares {key} {printable(declared)[:30]}, but the weights have {actual} {things}: "
                    "restore the config.json that belongs to the weights"
                )


def check_kernels(where: str, config: Mapping[str, Any]) -> None:
    """Check that a config names no kernel of the hub, whose code transformers would fetch and run; UserError if it does."""
    for part in _configs(config):
        for key in _IMPLEMENTATIONS:
            value = part.get(key)
            names = value.values() if isinstance(value, dict) else [value]
            if any(isinstance(name, str) and "/" in name for name in names):
                raise UserError(
                    f"{where}: {key} in config.json names code of the hub, which the kit never runs: use a copy without it"
                )


def saved_quantization(where: str, config: Mapping[str, Any]) -> SavedQuantization | None:
    """The quantization that a config declares, None if it declares none; an invalid entry raises UserError."""
    keys = ("quantization_config", "compression_config")  # the second is the old name
    values = [part.get(key) for part in _text_configs(config) for key in keys]
    value = next((value for value in values if value is not None), None)
    if value is None:
        return None
    four, eight = (value.get(f"load_in_{bits}bit") for bits in (4, 8)) if isinstance(value, dict) else (None, None)
    method = "bitsandbytes" if four or eight else value.get("quant_method") if isinstance(value, dict) else None
    if not (isinstance(method, str) and 0 < len(method) <= 40 and method.isprintable()):
        raise UserError(
            f"{where}: quantization_config in config.json names no quant_method, so the weights cannot be read: "
            "restore the config.json that belongs to the weights"
        )
    bits = 4 if four else 8 if eight else _bits(method, value)
    return SavedQuantization(method=method, bits=bits, activations=_activation_bits(method, value))


def context_length(config: Mapping[str, Any]) -> int | None:
    """The context length in tokens that a config declares, None if it declares none that can be."""
    lengths = (part.get(name) for part in _text_configs(config) for name in CONTEXT_NAMES)
    return next((length for length in lengths if type(length) is int and 0 < length < _MOST_TOKENS), None)


def _bits(method: str, value: dict[str, Any]) -> int | None:
    """The bits of a weight that a quantization config declares, None if there is not exactly one number."""
    algorithm = str(value.get("quant_algo", method))
    if (bits := _BITS.get(algorithm, _named_bits(algorithm))) is not None:
        return bits
    declared: set[int | None] = set()
    for part in _configs(value):
        groups = part.get("config_groups")
        if isinstance(groups, dict):
            # compressed-tensors also gives the bits of activations.
            weights = [group.get("weights") for group in groups.values() if isinstance(group, dict)]
            bits_of = [entry.get("num_bits") for entry in weights if isinstance(entry, dict)]
            declared = {bits for bits in bits_of if isinstance(bits, int)}
            break
        declared |= {part[key] for key in _BIT_KEYS & part.keys() if isinstance(part[key], int)}
        declared |= {_named_bits(part.get(key)) for key in ("weights", "quant_type", "_type")} - {None}
    only = declared.pop() if len(declared) == 1 else None
    return only if type(only) is int and 1 <= only <= 16 else None


def _activation_bits(method: str, value: dict[str, Any]) -> int | None:
    """The bits of activations that a quantization config declares, None if it leaves them as they are."""
    if method in ("fp8", "mxfp8", "fbgemm_fp8"):
        return 8
    groups = value.get("config_groups")
    inputs = (
        [group.get("input_activations") for group in groups.values() if isinstance(group, dict)]
        if isinstance(groups, dict)
        else []
    )
    bits = [entry.get("num_bits") for entry in inputs if isinstance(entry, dict)]
    return max((number for number in bits if type(number) is int and 1 <= number <= 16), default=None)


def _named_bits(name: Any) -> int | None:
    """The bits of a weight in the name of a method or number format, None if there are none."""
    matches = [pattern.search(name) for pattern in _NAMED_BITS] if isinstance(name, str) else []
    return next((int(match[1]) for match in matches if match), None)


def _text_configs(config: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The configs that describe the language model, in the order in which transformers looks at them."""
    parts = [config, *(config.get(key) for key in ("text_config", "decoder", "generator"))]
    return [part for part in parts if isinstance(part, dict)]


def _configs(value: Mapping[str, Any], depth: int = 5) -> Iterator[Mapping[str, Any]]:
    """A config and the configs inside it."""
    yield value
    for part in value.values():
        if isinstance(part, dict) and depth:
            yield from _configs(part, depth - 1)
