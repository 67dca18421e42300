"""Sentences on the table of letters, and on answers that have none."""

from collections.abc import Sequence

from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.model_document import ModelAnalysis
from mmlu_kit.report.cells import corrected, listed
from mmlu_kit.statistics import ALPHA, DRAWS

# With more letters, their table has a row for each letter instead of columns.
MOST_COLUMNS = 6


def left_out(analysis: AnalysisFile) -> str | None:
    """Say that unreadable answers are left out of tests; None if there are none."""
    if not any(model.best_letter.unparsed for model in analysis.models):
        return None
    return (
        "An answer that could not be read is not a wrong letter. The accuracies and intervals in the first table count it as "
        "not right; everything else in this section leaves it out: tests, comparisons, shares of letters, and accuracies by "
        "subject or label. Models are compared on the questions of which all their answers could be read; rows marked "
        "*unreadable as wrong* show what the test of two models would be if such answers were wrong."
    )


def notes(analysis: AnalysisFile, in_every_order: Sequence[str]) -> list[str]:
    """Say what the shares and recalls of letters are, and what a letter is to models whose prompts have none, or to those
    `in_every_order`, labels of models that were shown the choices in every order."""
    sentences = [
        "The table shows how often each letter was chosen; *recall* is how often a letter was chosen when it was right."
        if max(len(model.letters) for model in analysis.models) <= MOST_COLUMNS
        else "*Right* is how often a letter is right; then follow how often each model chose it, and *recall*, how often it "
        "did so when the letter was right.",
        "Chance alone makes shares and recalls differ: *by chance* is the standard deviation of a model that prefers "
        f"none of them, the mean of {DRAWS:,} simulated ones with the same accuracy on the same questions, for which all wrong "
        "choices are equally likely.",
    ]
    if left_out(analysis):
        sentences.append("Both are of the answers that could be read.")
    if any(len(model.choices) > 1 for model in analysis.models):
        sentences.append(
            "As questions differ in their number of choices, the *standard deviation* of the shares is from those of a model "
            "that chooses every choice of a question equally often, and that of the recalls from the model's accuracy on "
            "questions with as many choices."
        )
    if in_every_order:
        sentences.append(
            f"{listed(in_every_order)} saw every choice under every letter: here a letter is a choice's place in the order "
            "given, so that a preference for a letter cancels out."
        )
    unlettered = [model.label for model in analysis.models if not model.generated]
    if unlettered:
        sentences.append(
            f"The prompts of {listed(unlettered)} have no letters: there A is the first choice, B the second and so on, and "
            "the model does not see their order."
        )
    return sentences


def preferences(models: Sequence[ModelAnalysis]) -> list[str]:
    """Say which models prefer a letter beyond chance, and of which that is not shown; those with nearly one letter first.

    Beside models that see letters, nothing is said of those that see neither letters nor the order of the choices.
    """
    lettered = any(model.generated for model in models)
    models = [model for model in models if model.generated] if lettered else models
    constant = [f"{model.label} ({model.always})" for model in models if model.always]
    others = [model for model in models if not model.always]
    shares = [model for model in others if model.letter_spread.p_holm < ALPHA]
    recalls = [model for model in others if model not in shares and _recalls_differ(model)]
    neither = [model for model in others if model not in shares and model not in recalls]
    beyond, only_recalls, not_shown = (
        [f"{model.label} ({_tests(model)})" for model in models] for models in (shares, recalls, neither)
    )
    what = "letters" if lettered else "places"
    test = "tests by simulation with Holm's correction over the models"
    sentences = [f"**Nearly always the same choice:** {listed(constant)}."] if constant else []
    sentences += [f"**{what.capitalize()} are preferred beyond chance** by {listed(beyond)}; {test}."] if beyond else []
    sentences += (
        [
            f"**Right answers are found more often under some {what}**, while none is chosen more often beyond chance, by "
            f"{listed(only_recalls)}; {test}."
        ]
        if only_recalls
        else []
    )
    sentences += [f"**No preference beyond chance is shown** for {listed(not_shown)}; {test}."] if not_shown else []
    return sentences


def _recalls_differ(model: ModelAnalysis) -> bool:
    return model.recall_spread is not None and model.recall_spread.p_holm < ALPHA


def _tests(model: ModelAnalysis) -> str:
    """Return the p-values of the spreads of a model's shares and recalls: 'shares p = 0.03, recalls p = 0.2'."""
    spreads = {"shares": model.letter_spread, "recalls": model.recall_spread}
    return listed(f"{name} {corrected(spread.p_holm, spread.p, DRAWS)}" for name, spread in spreads.items() if spread)
