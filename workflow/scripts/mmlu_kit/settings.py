"""Names of settings, each declared once: letters, devices, number formats, quantizations, prompt presets, policies.

Config, command lines, schemas, memory estimates and the report use these names. Nothing here imports torch.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Annotated, Literal, Protocol, Self

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from mmlu_kit.data import Bytes, Count, Data, Entry, Positive
from mmlu_kit.template_arguments import TemplateArguments

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"  # of choices; a question with four has the first four
Letter = Annotated[str, Field(pattern=f"^[{LETTERS[0]}-{LETTERS[-1]}]$")]
FEWEST_CHOICES, MOST_CHOICES = 2, len(LETTERS)
MAX_EXAMPLES = 5  # few-shot examples in MMLU's dev split


class Split(StrEnum):
    """The splits of a question set: `dev` holds the few-shot examples, `test` the questions."""

    DEV = "dev"
    TEST = "test"


# The words of devices and number formats, but `auto`, are torch's own: torch.cuda, torch.float32.
class Device(StrEnum):
    """Where a model runs."""

    CPU = "cpu"
    CUDA = "cuda"
    MPS = "mps"


GPUS = frozenset(Device) - {Device.CPU}


class DType(StrEnum):
    """A number format of weights and of computing with them; `auto` is only requested, and resolved when a model is loaded."""

    FLOAT32 = "float32"
    BFLOAT16 = "bfloat16"
    FLOAT16 = "float16"
    AUTO = "auto"


class Quantization(StrEnum):
    """How weights are compressed when loaded (bitsandbytes), or `none`."""

    NONE = "none"
    FOUR_BIT = "4bit"
    EIGHT_BIT = "8bit"


class Preset(StrEnum):
    """How a prompt is written; evaluation/prompts.py describes each preset."""

    LM_EVAL = "lm_eval"
    HENDRYCKS = "hendrycks"
    CHAT = "chat"
    WRITEUP = "writeup"
    CLOZE = "cloze"
    OLMES = "olmes"

    @property
    def is_cloze(self) -> bool:
        """Whether each choice's text is scored as the continuation of the question, instead of its letter."""
        return self in (Preset.CLOZE, Preset.OLMES)


class Score(StrEnum):
    """By what the choices of a cloze prompt are ranked: their log-probability, as it is or divided, or what the question adds.

    `pmi` is the log-probability after the question minus the one after 'Answer:' alone (pointwise mutual information).
    """

    RAW = "raw"
    TOKEN = "token"
    CHARACTER = "character"
    BYTE = "byte"
    PMI = "pmi"


class Orders(StrEnum):
    """In which orders a question's choices are shown: as given, or in every rotation of that order."""

    GIVEN = "given"
    CYCLIC = "cyclic"


class OnUnavailable(StrEnum):
    """What to do if a machine cannot load a model as requested: fail, run on the CPU or unquantized, or skip the model."""

    FAIL = "fail"
    FALLBACK = "fallback"
    SKIP = "skip"


@dataclass(frozen=True)
class Compression:
    """A quantization by bitsandbytes.

    `bytes` is the size of one weight of a linear layer, `word` is used in names of log files, and `loaded_as` is the type that
    a loaded weight reports.
    """

    bytes: float
    word: str
    loaded_as: str


COMPRESSIONS: Mapping[Quantization, Compression] = MappingProxyType(
    {
        # nf4 with an 8-bit scale for every 64 weights; int8 with one scale for each row. bitsandbytes' 4-bit default is fp4.
        Quantization.FOUR_BIT: Compression(0.5 + 1 / 64, "4", "nf4"),
        Quantization.EIGHT_BIT: Compression(1.0, "8", "8bit"),
    }
)
DTYPE_BYTES: Mapping[DType, int] = MappingProxyType({DType.FLOAT32: 4, DType.BFLOAT16: 2, DType.FLOAT16: 2})


def dtype_bytes(dtype: DType, device: Device) -> int:
    """The size of one unquantized weight, in bytes; of those that `auto` can be on a device, the largest."""
    if dtype == DType.AUTO:
        return 2 if device == Device.CUDA else 4
    return DTYPE_BYTES[dtype]


def _number_format(dtype: DType) -> DType:
    if dtype not in DTYPE_BYTES:
        raise ValueError(f"'{dtype}' is only requested, and never what ran; known: {', '.join(DTYPE_BYTES)}")
    return dtype


# The number format of something that ran.
NumberFormat = Annotated[
    DType, AfterValidator(_number_format), WithJsonSchema({"type": "string", "enum": list(map(str, DTYPE_BYTES))})
]
# Devices that names of log files call by another word.
DEVICE_WORDS: Mapping[Device, str] = MappingProxyType({Device.CUDA: "gpu"})
TokensPerBatch = Positive | Literal["auto"]


class HasConfiguration(Protocol):
    """Anything with a device, a number format and a quantization."""

    @property
    def device(self) -> str: ...
    @property
    def dtype(self) -> str: ...
    @property
    def quantization(self) -> str: ...


SETTINGS = ("device", "dtype", "quantization")


class LoadSettings(Entry):
    """How to load a model."""

    device: Device = Field(Device.CPU, description="Where the model runs.")
    dtype: DType = Field(
        DType.FLOAT32,
        description="The number format that weights are loaded in and computed with. auto is bfloat16 on GPUs of compute "
        "capability 8.0 or newer, float16 on older ones such as the T4, bfloat16 on processors that multiply it themselves "
        "(AVX512-BF16, AMX, Arm's BF16), and float32 on other processors and on mps.",
    )
    quantization: Quantization = Field(
        Quantization.NONE,
        description="How weights are compressed when loaded (bitsandbytes), or none. A checkpoint that was saved quantized "
        "needs none and is loaded as it was saved: bitsandbytes, GPTQ, AWQ and others stay quantized; FP8, MXFP4 and "
        "compressed-tensors are dequantized exactly, and compressed-tensors' activations are quantized as its scheme says.",
    )


def fallbacks(requested: LoadSettings) -> list[LoadSettings]:
    """What to try, in order, if a request cannot be met: the same on the CPU, then on the CPU without quantization."""
    on_cpu = requested.model_copy(update={"device": Device.CPU})
    attempts = [on_cpu, on_cpu.model_copy(update={"quantization": Quantization.NONE})]
    return [attempt for number, attempt in enumerate(attempts) if attempt not in [requested, *attempts[:number]]]


class PromptSettings(Entry):
    """How to prompt a model."""

    preset: Preset = Field(
        Preset.LM_EVAL,
        description="The prompt preset. Letters: lm_eval, hendrycks (the MMLU authors' program), chat (the model's own chat "
        "template), or writeup (the bare question). Each choice's text: cloze (lm-eval's mmlu_continuation), or olmes.",
    )
    score: Score | None = Field(
        None,
        description="By what the choices of a cloze preset are ranked: raw (log-probability), token, character or byte "
        "(divided by the choice's number of them), or pmi (less the log-probability without the question); null is per "
        "character.",
    )
    unconditional: bool = Field(
        True,
        description="Score each choice of a cloze preset without the question too, for pmi; false saves about a third of the "
        "time.",
    )
    orders: Orders = Field(
        Orders.GIVEN,
        description="Show the choices as given, or ask once for every rotation of them (cyclic) and choose by the mean "
        "probability; presets with letters only.",
    )
    examples: Annotated[int, Field(ge=0, le=MAX_EXAMPLES)] = Field(
        0, description="Few-shot examples before each question, from the subject's dev split (num_fewshot)."
    )
    fewer_examples: bool = Field(
        False, description="Use fewer examples if a prompt would exceed the model's context, instead of stopping."
    )
    max_new_tokens: Annotated[int, Field(ge=1, le=4096)] = Field(
        1, description="The longest generated answer, in tokens; one token needs no extra computation."
    )
    template_arguments: TemplateArguments = Field(
        {},
        description="Arguments for the model's chat template (preset chat only): names with booleans, numbers or short texts, "
        "such as enable_thinking: false.",
    )

    @model_validator(mode="after")
    def _arguments_in_chat(self) -> Self:
        if self.template_arguments and self.preset != Preset.CHAT:
            raise ValueError(f"template_arguments need the preset chat, but it is {self.preset}: leave one of them out")
        return self

    @model_validator(mode="after")
    def _of_the_protocol(self) -> Self:
        if not self.preset.is_cloze and self.score is not None:
            raise ValueError(f"score needs the preset cloze or olmes, but it is {self.preset}: leave one of them out")
        if not self.unconditional and not self.preset.is_cloze:
            raise ValueError(f"unconditional: false needs the preset cloze or olmes, but it is {self.preset}: leave it out")
        if not self.unconditional and self.score == Score.PMI:
            raise ValueError("the score pmi needs the choices' unconditional probabilities: leave unconditional out")
        if self.preset.is_cloze and self.orders != Orders.GIVEN:
            raise ValueError(f"the preset {self.preset} shows no choices, so they have no order: leave orders out")
        if self.preset.is_cloze and self.max_new_tokens > 1:
            raise ValueError(f"the preset {self.preset} generates no answer: leave max_new_tokens out")
        return self

    @property
    def ranked_by(self) -> Score:
        """By what the choices of a cloze preset are ranked."""
        return self.score or Score.CHARACTER

    @property
    def scores(self) -> list[Score]:
        """The scores that are known of a cloze preset's choices."""
        return [score for score in Score if self.unconditional or score != Score.PMI]


class Requested(LoadSettings, PromptSettings):
    """The requested configuration of a model."""

    tokens_per_batch: TokensPerBatch = Field(
        "auto", description="Tokens in one forward pass; auto is 1536 on a CPU and as many as fit the memory on CUDA."
    )


class WeightGroup(Data):
    """All weights of one kind in a loaded model."""

    module: str = Field(description="The module's class.")
    dtype: str = Field(description="The number format of its weights.")
    quant_type: str | None = Field(description="How they are quantized; null if they are not.")
    compute_dtype: str | None = Field(description="The number format in which quantized weights are computed.")
    device: str = Field(description="Where its weights are.")
    tensors: Count
    bytes: Bytes = Field(description="Their size in memory, with the scales of quantized weights.")


class Effective(Data):
    """The effective configuration of a model, counted from its loaded modules."""

    device: str = Field(description="Where the weights are.")
    dtype: str = Field(
        description="The number format of unquantized weights, and the one in which quantized ones are computed."
    )
    quantization: str = Field(
        description="The quantization of linear layers and experts before the output; '4bit' means nf4 unless `saved` names "
        "another method. If only some of their weights are quantized, it is 'partly' with the share, as in 'partly 4bit (39.0% "
        "of the weights)'."
    )
    saved: str | None = Field(
        None,
        description="The quantization that the checkpoint was saved with, such as 'bitsandbytes 8-bit' or 'fp8 8-bit, "
        "dequantized, activations not quantized'; null if it was saved unquantized.",
    )
    adapter: str | None = Field(
        None,
        description="How the adapter was applied, such as 'LoRA merged into 14 layers' or 'LoRA beside 14 layers'; null "
        "without an adapter.",
    )
    parts: list[WeightGroup] = Field(description="The weights by kind.")

    @property
    def weight_bytes(self) -> int:
        """The size of all weights in memory."""
        return sum(part.bytes for part in self.parts)


def differences(requested: HasConfiguration, effective: HasConfiguration, names: Sequence[str] = SETTINGS) -> list[str]:
    """How `effective` differs from `requested`, in words such as 'cpu instead of cuda'; empty if it does not.

    A number format that was left to the device (auto) differs from none.
    """
    pairs = [(getattr(requested, name), getattr(effective, name)) for name in names]
    return [f"{_word(after)} instead of {_word(before)}" for before, after in pairs if before not in (after, DType.AUTO)]


def in_words(configuration: HasConfiguration) -> str:
    """A configuration as text: 'cpu, float32, 4bit', or 'cpu, float32' without quantization."""
    values = [str(getattr(configuration, name)) for name in SETTINGS]
    words = [value for value in values if value != Quantization.NONE]
    if isinstance(configuration, Effective) and configuration.saved:
        words.append(f"saved as {configuration.saved}")
    if isinstance(configuration, Effective) and configuration.adapter:
        words.append(configuration.adapter)
    return ", ".join(words)


def _word(value: str) -> str:
    return "no quantization" if value == Quantization.NONE else str(value)
