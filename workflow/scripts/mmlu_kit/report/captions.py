"""Titles for the figures' alternative texts in the report, and captions for `snakemake --report`."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.results.summaries import Summary
from mmlu_kit.timing import phase_timer


@dataclass(frozen=True)
class Caption:
    """A figure's title, which begins its alternative text, and sentences that explain it."""

    title: str
    text: str


# Figures of each group of models.
GROUP_FIGURES = {
    "overall_accuracy": Caption(
        "Accuracy of each model with its 95% interval",
        "Each model's accuracy by the best answer, with its 95% Wilson interval, and by the generated letter if there is one. "
        "The dashed line is guessing.",
    ),
    "subject_heatmap": Caption(
        "Accuracy by subject and model",
        "Accuracy by subject and model (best answer), with 95% intervals. A cell is empty if the model has no result for the "
        "subject.",
    ),
    "efficiency": Caption(
        "Accuracy against real time",
        "Accuracy, with its 95% interval, against the real time for all questions, without loading. Up and left is better. No "
        "model on the Pareto line is both slower and less accurate than another. The dashed line is guessing.",
    ),
    "timing_comparison": Caption(
        "Real, CPU and GPU time of each model",
        "Real, CPU and GPU time of each model for all questions, without loading. Times that could not be measured are marked.",
    ),
    "time_ledger": Caption(
        "Where the time of each model's processes went",
        "How each model's processes spent their time, from start to end. Every moment belongs to exactly one phase.",
    ),
}
# Figures of all models together.
MISTAKE_FIGURES = {
    "answer_outcomes": Caption(
        "Generated answers that were right, wrong or unparsed",
        "Shares of each model's generated answers that were right, wrong or unparsed.",
    ),
    "models_wrong": Caption(
        "Questions by the number of models that missed them, observed and if mistakes were independent",
        "Questions by the number of models that missed them, observed, expected of independent models with the same "
        "accuracies, and of models that are independent within subjects.",
    ),
    "agreement": Caption(
        "Cohen's kappa of right and wrong for each pair of models",
        "Error consistency of each pair of models: Cohen's kappa of right and wrong, below the diagonal over all questions, "
        "above it within subjects. 0 means that their accuracies, or those in each subject, explain how often both are "
        "wrong.",
    ),
    "letter_bias": Caption(
        "Shares of the letters in each model's answers",
        "How often each model chooses each letter, and how often each letter is right. Where prompts show no letters, A is the "
        "first choice.",
    ),
    "reliability": Caption(
        "Accuracy against confidence",
        "Accuracy against confidence, with 95% Wilson intervals. On the diagonal, accuracy equals confidence. A model's points "
        "stand for as many questions each, ordered by confidence; questions of equal confidence are not divided.",
    ),
}
# Figures of the summary.
SIZE_FIGURES = {
    "accuracy_by_size": Caption(
        "Accuracy of each model by its number of parameters",
        "Accuracy by the best answer, with its 95% Wilson interval, against the number of parameters. Lines join the same "
        "weights asked in several ways; the dashed line is guessing.",
    ),
}
# Figures of the same weights asked in several ways.
PROTOCOL_FIGURES = {
    "protocols": Caption(
        "Accuracy of the same weights, asked and read in several ways",
        "Accuracy of the same weights, asked in several ways and read by the best answer and by the generated letter, with 95% "
        "Wilson intervals. The dashed lines are guessing.",
    ),
}
# Figures of the chat models.
CHAT_FIGURES = {
    "chat_recall": Caption(
        "Facts recalled under each strategy, by the number of turns since they were told",
        "Share of facts that a chat model recalls under each strategy, with 95% intervals, by the number of turns between fact "
        "and question. The dashed line is the share of facts still in the prompt; the oracle finds them there with a regular "
        "expression.",
    )
}


# Accuracy is drawn against times if the longest is this much longer than the shortest: else dots stand below each other.
APART = 1.1


def by_file(groups: Iterable[str]) -> dict[str, str]:
    """Return the captions of all figures that a study with these groups may have, by file name without extension."""
    grouped = {f"{group}_{figure}": caption for group in groups for figure, caption in GROUP_FIGURES.items()}
    others = {**SIZE_FIGURES, **MISTAKE_FIGURES, **PROTOCOL_FIGURES, **CHAT_FIGURES}
    return {name: caption.text for name, caption in {**grouped, **others}.items()}


def drawable_of_group(models: Sequence[Summary]) -> list[str]:
    """Return those of GROUP_FIGURES for which a group's models have numbers: some show times, which may be unknown or
    alike."""
    times = [model.real_s for model in models if model.real_s is not None]
    has_numbers = {
        "efficiency": len(times) > 1 and max(times) > APART * min(times),
        "timing_comparison": bool(times),
        "time_ledger": any(model.seconds(phase) is not None for model in models for phase in phase_timer.PHASES),
    }
    return [figure for figure in GROUP_FIGURES if has_numbers.get(figure, bool(models))]


def drawable(analysis: AnalysisFile) -> list[str]:
    """Return those of MISTAKE_FIGURES for which an analysis has numbers: some need several models, probabilities or generated
    answers."""
    models = analysis.models
    has_numbers = {
        "answer_outcomes": any(model.generated for model in models),
        "models_wrong": analysis.models_wrong is not None,
        "agreement": bool(analysis.pairs),
        "reliability": any(model.calibration for model in models),
    }
    return [figure for figure in MISTAKE_FIGURES if has_numbers.get(figure, bool(models))]


def of_protocols(analysis: AnalysisFile) -> list[str]:
    """Return those of PROTOCOL_FIGURES for which an analysis has numbers."""
    return list(PROTOCOL_FIGURES) if analysis.protocols and analysis.protocols.families else []
