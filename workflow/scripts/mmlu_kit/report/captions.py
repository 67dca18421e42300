"""What each figure shows: the words of captions, of texts for those who cannot see it, and of the file reference."""

# Of each group of models.
FIGURES = {
    "overall_accuracy": "accuracy of each model with its 95% interval",
    "subject_heatmap": "accuracy by subject and model",
    "efficiency": "accuracy against real time",
    "timing_comparison": "real, CPU and GPU time of each model",
    "time_ledger": "where the time of each model's processes went",
}
# Of all models together.
ERROR_FIGURES = {
    "answer_outcomes": "Written answers that were right, wrong or unreadable",
    "models_wrong": "Questions by the number of models that got them wrong, beside independent mistakes",
    "agreement": "Cohen's kappa of right and wrong for each pair of models",
    "letter_bias": "Shares of the four letters in each model's answers",
    "reliability": "Accuracy against confidence",
}

# Of the chat models.
CHAT_FIGURES = {"chat_recall": "Facts recalled by how many turns before they were told, under each strategy"}


def drawable(models: int, calibrated: int) -> list[str]:
    """Those of ERROR_FIGURES that a study with results of so many models has: two of them compare models, one is of those
    models whose probabilities are known."""
    needed = {"models_wrong": models > 1, "agreement": models > 1, "reliability": calibrated > 0}
    return [figure for figure in ERROR_FIGURES if needed.get(figure, models > 0)]
