"""How models are asked and read, in words, and which entries of config are the same weights asked in several ways."""

import json
from collections.abc import Iterable, Mapping
from pathlib import PurePath

from mmlu_kit.config import AnyModel, ModelEntry
from mmlu_kit.settings import SETTINGS, Orders, Preset, PromptSettings, Score
from mmlu_kit.source_entries import Source

_SCORES = {
    Score.RAW: "unnormalized",
    Score.TOKEN: "per token",
    Score.CHARACTER: "per character",
    Score.BYTE: "per byte",
    Score.PMI: "PMI",
}
_PRESETS = {
    Preset.LM_EVAL: "letters",
    Preset.HENDRYCKS: "letters (hendrycks)",
    Preset.CHAT: "letters in chat",
    Preset.WRITEUP: "letters",
    Preset.CLOZE: "cloze",
    Preset.OLMES: "cloze (olmes)",
}


def protocol(requested: PromptSettings) -> str:
    """Return how a model is asked and read: 'letters', 'letters over all orders', 'cloze (olmes), per byte, 5-shot'.

    Settings that change no prompt and no answer are left out, so two models with equal protocols are asked in the same way.
    """
    words = [_PRESETS[requested.preset] + (" over all orders" if requested.orders == Orders.CYCLIC else "")]
    if requested.preset == Preset.WRITEUP:
        words.append("bare question")
    if requested.preset.is_cloze:
        words.append(_SCORES[requested.ranked_by])
    if requested.examples:
        words.append(f"{requested.examples}-shot" + (" or fewer" if requested.fewer_examples else ""))
    if requested.max_new_tokens > 1:
        words.append(f"up to {requested.max_new_tokens} tokens")
    for name, value in sorted(requested.template_arguments.items()):
        words.append(f"{name}: {value if isinstance(value, str) else json.dumps(value)}")
    return ", ".join(words)


def not_generated(requested: PromptSettings) -> str | None:
    """Return why a model has no generated answers; None if it has."""
    return f"nothing is generated with the preset {requested.preset}" if requested.preset.is_cloze else None


def same_weights(entry: ModelEntry, other: ModelEntry) -> bool:
    """Whether two entries of config load the same weights in the same way, so that they differ at most in how they are asked.

    In merged.json, a folder outside the project is known by its base name alone.
    """
    return _loaded(entry) == _loaded(other)


def first_of_each(models: Mapping[str, AnyModel], names: Iterable[str]) -> list[str]:
    """Return those of `names` whose weights no earlier one of them has, so that a model asked in several ways counts once."""
    first: list[str] = []
    for name in names:
        entry = models[name]
        earlier = [other for one in first if isinstance(other := models[one], ModelEntry)]
        if not (isinstance(entry, ModelEntry) and any(same_weights(entry, other) for other in earlier)):
            first.append(name)
    return first


def _loaded(entry: ModelEntry) -> tuple[object, ...]:
    weights = (_weights(entry), entry.file, entry.adapter and _weights(entry.adapter))
    return (weights, *(getattr(entry, name) for name in SETTINGS))


def _weights(source: Source) -> object:
    return PurePath(source.path) if source.path else (source.repository, source.commit)
