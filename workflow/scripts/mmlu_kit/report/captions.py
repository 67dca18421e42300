"""What each figure shows: the words of the report's alternative texts, and of the captions of `snakemake --report`."""

from collections.abc import Iterable
from dataclasses import dataclass

from mmlu_kit.analysis.document import AnalysisFile


@dataclass(frozen=True)
class Caption:
    """A title for texts that stand in a figure's place, and sentences that explain it."""

    title: str
    text: str


# Of each group of models.
GROUP_FIGURES = {
    "overall_accuracy": Caption(
        "Accuracy of each model with its 95% interval",
        "Share of questions that each model answered right, by the best letter with its 95% Wilson interval, and by the "
        "generated letter. The dashed line is guessing.",
    ),
    "subject_heatmap": Caption(
        "Accuracy by subject and model",
        "Accuracy by subject and model (best letter), with its 95% interval. A cell is empty where the model has no result for "
        "the subject.",
    ),
    "efficiency": Caption(
        "Accuracy against real time",
        "Accuracy, with its 95% interval, against the real time of all questions, without loading. Up and left is better. No "
        "model on the Pareto line is both slower and worse than another. The dashed line is guessing.",
    ),
    "timing_comparison": Caption(
        "Real, CPU and GPU time of each model",
        "Real, CPU and GPU seconds of each model for all questions, without loading. What could not be measured says so.",
    ),
    "time_ledger": Caption(
        "Where the time of each model's processes went",
        "Where the time of each model's processes went, from start to end. Every moment belongs to exactly one phase.",
    ),
}
# Of all models together.
MISTAKE_FIGURES = {
    "answer_outcomes": Caption(
        "Generated answers that were right, wrong or unparsed",
        "Shares of each model's generated answers that were right, wrong, or unparsed.",
    ),
    "models_wrong": Caption(
        "Questions by the number of models that got them wrong, beside independent mistakes",
        "How many models got a question wrong, beside what independent models of the same accuracies would give.",
    ),
    "agreement": Caption(
        "Cohen's kappa of right and wrong for each pair of models",
        "Error consistency of each pair of models: Cohen's kappa of right and wrong. It is 0 where their accuracies alone "
        "explain it.",
    ),
    "letter_bias": Caption(
        "Shares of the letters in each model's answers",
        "How often each model's best letter is A, B, C or D, beside how often that letter is right.",
    ),
    "reliability": Caption(
        "Accuracy against confidence",
        "Accuracy against confidence. On the diagonal a model is right as often as it is sure. A point's area is its share of "
        "questions.",
    ),
}
# Of the chat models.
CHAT_FIGURES = {
    "chat_recall": Caption(
        "Facts recalled by how many turns before they were told, under each strategy",
        "Share of facts that a chat model recalls, with its 95% interval, by how many turns before the question they were "
        "told, under each strategy. The dashed line is how many are still in the prompt; the oracle finds them there by a "
        "regular expression.",
    )
}


def by_file(groups: Iterable[str]) -> dict[str, str]:
    """The caption of every figure that a study of these groups may have, by the figure's file name without its ending."""
    grouped = {f"{group}_{figure}": caption for group in groups for figure, caption in GROUP_FIGURES.items()}
    return {name: caption.text for name, caption in {**grouped, **MISTAKE_FIGURES, **CHAT_FIGURES}.items()}


def drawable(analysis: AnalysisFile) -> list[str]:
    """Those of MISTAKE_FIGURES that an analysis has numbers for: two of them compare models, one needs probabilities."""
    models = analysis.models
    has_numbers = {
        "models_wrong": analysis.models_wrong is not None,
        "agreement": bool(analysis.pairs),
        "reliability": any(model.calibration for model in models),
    }
    return [figure for figure in MISTAKE_FIGURES if has_numbers.get(figure, bool(models))]
