"""How models are asked and read, in words, and which entries have the same weights."""

import itertools

import pytest
from mmlu_kit.config import ImportedEntry, ModelEntry
from mmlu_kit.model_sources import AdapterSource
from mmlu_kit.results.protocols import first_of_each, protocol, same_weights
from mmlu_kit.settings import Device, DType, Orders, Preset, PromptSettings, Quantization, Score

COMMIT = "0" * 40


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({}, "letters"),
        ({"examples": 5}, "letters, 5-shot"),
        ({"examples": 5, "fewer_examples": True}, "letters, 5-shot or fewer"),
        ({"fewer_examples": True}, "letters"),
        ({"preset": "hendrycks", "examples": 5}, "letters (hendrycks), 5-shot"),
        ({"preset": "chat", "max_new_tokens": 32}, "letters in chat, up to 32 tokens"),
        (
            {"preset": "chat", "template_arguments": {"enable_thinking": False, "effort": "Low", "budget": 12}},
            "letters in chat, budget: 12, effort: Low, enable_thinking: false",
        ),
        ({"preset": "writeup"}, "letters, bare question"),
        ({"orders": "cyclic"}, "letters over all orders"),
        ({"preset": "chat", "orders": "cyclic", "examples": 2}, "letters in chat over all orders, 2-shot"),
        ({"preset": "writeup", "orders": "cyclic"}, "letters over all orders, bare question"),
        ({"preset": "cloze"}, "cloze, per character"),
        ({"preset": "cloze", "score": "raw"}, "cloze, unnormalized"),
        ({"preset": "olmes", "score": "byte", "examples": 5}, "cloze (olmes), per byte, 5-shot"),
        ({"preset": "olmes", "score": "pmi"}, "cloze (olmes), PMI"),
    ],
)
def test_a_protocol_is_named_in_words(settings, words):
    assert protocol(PromptSettings.model_validate(settings)) == words


def test_each_way_of_asking_has_words_of_its_own():
    ways = [
        *(PromptSettings(preset=preset, score=score) for preset in (Preset.CLOZE, Preset.OLMES) for score in Score),
        *(
            PromptSettings(preset=preset, orders=orders, examples=examples, max_new_tokens=tokens)
            for preset in Preset
            if not preset.is_cloze
            for orders, examples, tokens in itertools.product(Orders, (0, 1, 5), (1, 8))
        ),
    ]
    words = [protocol(way) for way in ways]
    assert len(set(words)) == len(words)


FOLDER = ModelEntry(path="models/smol")
HUB = ModelEntry(repository="a/b", commit=COMMIT)


@pytest.mark.parametrize("entry", [FOLDER, HUB])
@pytest.mark.parametrize(
    ("changes", "same"),
    [
        ({}, True),
        ({"prompt": PromptSettings(preset=Preset.CLOZE)}, True),
        ({"threads": 2, "tokens_per_batch": 64, "load_once": True, "description": "other"}, True),
        ({"dtype": DType.BFLOAT16}, False),
        ({"device": Device.CUDA}, False),
        ({"quantization": Quantization.FOUR_BIT}, False),
        ({"adapter": AdapterSource(path="lora")}, False),
        ({"adapter": AdapterSource(repository="a/lora", commit=COMMIT)}, False),
    ],
)
def test_the_same_weights_are_loaded_in_the_same_way(entry, changes, same):
    assert same_weights(entry, entry.model_copy(update=changes)) == same


def test_weights_are_a_folder_or_a_repository_at_a_commit():
    assert same_weights(FOLDER, ModelEntry(path="models/smol/"))
    for other in (ModelEntry(path="models/large"), HUB):
        assert not same_weights(FOLDER, other)
    for other in (ModelEntry(repository="a/c", commit=COMMIT), ModelEntry(repository="a/b", commit="1" * 40)):
        assert not same_weights(HUB, other)


def test_weights_asked_in_several_ways_count_once_as_they_come_first():
    models = {
        "a": HUB,
        "a-cloze": HUB.model_copy(update={"prompt": PromptSettings(preset="cloze")}),
        "b": FOLDER,
        "theirs": ImportedEntry(predictions="p.csv"),
        "theirs-2": ImportedEntry(predictions="p.csv"),
    }
    assert first_of_each(models, models) == ["a", "b", "theirs", "theirs-2"]
    assert first_of_each(models, ["a-cloze", "a"]) == ["a-cloze"]
