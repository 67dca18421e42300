"""The report says where questions come from, which of them were asked, and how each model was asked."""

import pytest
from mmlu_kit.inputs.adapters import AdapterIdentity
from mmlu_kit.report.sections import evaluation
from mmlu_kit.report.sentences import study as sentences
from mmlu_kit.settings import Orders, PromptSettings
from mmlu_kit.study import StudyQuestions

from tests.helpers import protocols as made
from tests.helpers import results

PROMPTS = {
    "letters, 0-shot": {},
    "letters, 5-shot": {"examples": 5},
    "letters over all orders, 0-shot": {"orders": "cyclic"},
    "cloze, per character, 0-shot": {"preset": "cloze"},
    "cloze (olmes), per byte, 5-shot": {"preset": "olmes", "score": "byte", "examples": 5},
}  # fmt: skip


def section_of(prompt, adapter=None, entry=(), **changes):
    """Return the section on one model that was asked like this; `entry` changes its entry in config."""
    questions = [made.question("anatomy", index) for index in range(4)]
    if prompt.preset.is_cloze:
        answered = [made.cloze(question, "A") for question in questions]
    elif prompt.orders == Orders.CYCLIC:
        answered = [made.in_orders(question, "ADCB") for question in questions]
    else:
        answered = [made.letters(question, "A") for question in questions]
    study = made.study({"m": prompt}, ["anatomy"], **changes)
    merged = made.merged(study, [made.evaluation("m", prompt, answered)])
    models = {"m": merged.models["m"].model_copy(update={"adapter": adapter})}
    entries = {"m": merged.study.models["m"].model_copy(update=dict(entry))}
    study = merged.study.model_copy(update={"models": entries})
    return evaluation.section(merged.model_copy(update={"models": models, "study": study}), ["m"], [])


@pytest.mark.parametrize(("words", "prompt"), PROMPTS.items(), ids=PROMPTS)
def test_the_table_says_how_a_model_was_asked(words, prompt):
    ((*_, how, _, _),) = section_of(PromptSettings(**prompt)).models
    assert how == words


def test_the_table_names_a_models_adapter():
    origin = {"name": "owner/lora", "repository": "owner/lora", "commit": "c" * 40, "trained_on": "x/y"}
    adapter = AdapterIdentity(kind="LORA", rank=8, parameters=1_234_567, **origin)
    ((*_, source),) = section_of(PromptSettings(), adapter).models
    words = "with adapter owner/lora (LoRA, rank 8, 1,234,567 parameters) at cccccccccccc, trained on x/y"
    assert source.endswith(words)


def test_the_table_names_the_gguf_file_of_a_repository():
    ((*_, source),) = section_of(PromptSettings(), entry={"path": None, "file": "q4/m-q4_k_m.gguf"}).models
    assert source.endswith(", `q4/m-q4_k_m.gguf`")


@pytest.mark.parametrize(
    ("where", "words"),
    [
        (None, ""),
        ({"error_type": "ok"}, ", only rows with `error_type: ok`"),
        ({"level": "high", "checked": "yes"}, ", only rows with `level: high`, `checked: yes`"),
    ],
)
def test_questions_are_named_with_the_values_that_their_rows_have(where, words):
    questions = StudyQuestions(name="q", repository="cais/mmlu", commit="c" * 40, where=where)
    assert section_of(PromptSettings(), questions=questions).questions == f"cais/mmlu at `{'c' * 12}`{words}"


def test_mmlu_is_named_only_if_the_subjects_are_its_own():
    for subjects, named in ((["anatomy", "virology"], True), (["anatomy", "operating_systems"], False), (["science"], False)):
        line = sentences.task(results.study(["m"], subjects))
        assert line.startswith("Language models answer multiple-choice questions") and ("MMLU" in line) == named
