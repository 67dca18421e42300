"""The keys that a GGUF file has for its architecture, each of which must be read by somebody."""

import math
import struct
from collections.abc import Mapping
from typing import Any, NoReturn

from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

ADVICE = "use the folder of the model's safetensors weights"
# Keys that change nothing where they have these values.
_HARMLESS: dict[str, tuple[Any, ...]] = {
    "attention.causal": (True,),
    "expert_count": (0,),
    "expert_used_count": (0,),
    "rope.scaling.finetuned": (True, False),
    "use_parallel_residual": (True, False),  # of StableLM, which llama.cpp tells by its tensors
    "tensor_data_layout": ("Meta AI original pth",),
}


class Keys:
    """The values of an architecture's keys; one that is missing or of another kind raises UserError naming it."""

    def __init__(self, where: str, metadata: Mapping[str, Any]) -> None:
        self.where = where
        self.metadata = metadata
        self.architecture = str(metadata.get("general.architecture"))
        self.read = {"vocab_size"}  # compared by the number of tokens

    def refuse(self, key: str, problem: str) -> NoReturn:
        """Raise UserError: a key cannot be used."""
        raise UserError(f"{self.where}: {printable(f'{self.architecture}.{key}')[:80]} {problem}: {ADVICE}")

    def count(self, key: str, default: int | None = None, least: int = 1) -> int:
        """A whole number."""
        value = self._value(key, default)
        if type(value) is not int:
            self.refuse(key, "is no whole number")
        if value < least:
            self.refuse(key, f"is {value}")
        return value

    def number(self, key: str, default: float | None = None, above: float = 0.0, zero: float = 0.0) -> float:
        """A finite number that is greater than `above`; 0 stands for `zero`."""
        value = self._value(key, default)
        if type(value) not in (int, float):
            self.refuse(key, "is no number")
        value = value or zero
        if not (math.isfinite(value) and value > above):
            self.refuse(key, f"is {value}")
        return _shortest(float(value))

    def text(self, key: str, default: str) -> str:
        """A text."""
        value = self._value(key, default)
        if not isinstance(value, str):
            self.refuse(key, "is no text")
        return value

    def check_all_read(self) -> None:
        """Check that the model depends on no key that was not read."""
        prefix = f"{self.architecture}."
        for key, value in self.metadata.items():
            name = key.removeprefix(prefix)
            if name != key and name not in self.read and value not in _HARMLESS.get(name, ()):
                self.refuse(name, f"is {printable(value)[:40]}, and the kit does not know what follows from it")

    def _value(self, key: str, default: Any) -> Any:
        """The value of a key; of a list, which has one for each layer, the value that is the same in all."""
        self.read.add(key)
        value = self.metadata.get(f"{self.architecture}.{key}", default)
        if value is None:
            self.refuse(key, "is missing")
        if isinstance(value, list):
            if len(set(value)) != 1:
                self.refuse(key, "differs from layer to layer")
            value = value[0]
        return value


def _shortest(value: float) -> float:
    """The number with the fewest digits that has this value in float32, as the configuration had it before it was converted."""
    try:
        stored = struct.pack("<f", value)
    except OverflowError:
        return value
    rounded = (float(f"{value:.{digits}g}") for digits in range(1, 10))
    return next((number for number in rounded if struct.pack("<f", number) == stored), value)
