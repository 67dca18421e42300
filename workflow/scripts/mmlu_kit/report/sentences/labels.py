"""Sentences on checked labels."""

from mmlu_kit.analysis.label_document import LabelErrors
from mmlu_kit.report.cells import listed


def label_errors(errors: LabelErrors | None) -> str:
    """Say how many questions MMLU-Redux checked and flagged."""
    if errors is None:
        return "Labels were not checked: config names no folder of MMLU-Redux's checks for these questions (`label_errors`)."
    kinds = listed(f"{kind}: {number}" for kind, number in errors.by_type.items())
    flagged = f"flagged {errors.flagged}{f' ({kinds})' if kinds else ''}"
    unmatched = f"{errors.unmatched} of its checks are of questions that are not in this study"
    return f"MMLU-Redux checked {errors.checked} of these questions and {flagged}; {unmatched}."
