"""Sentences on checked labels."""

from mmlu_kit.analysis.label_document import LabelErrors
from mmlu_kit.formatting import plural
from mmlu_kit.report.cells import listed


def label_errors(errors: LabelErrors | None) -> str:
    """Say how many questions MMLU-Redux checked and flagged."""
    if errors is None:
        return "Labels were not checked: config names no folder of MMLU-Redux's checks for these questions (`label_errors`)."
    kinds = listed(f"{kind}: {number}" for kind, number in errors.by_type.items())
    flagged = f"flagged {errors.flagged}{f' ({kinds})' if kinds else ''}"
    unmatched = f"{errors.unmatched} of its checks are of questions that are not in this study"
    return f"MMLU-Redux checked {errors.checked} of these questions and {flagged}; {unmatched}."


def notes(errors: LabelErrors) -> str:
    """Say what the columns of corrected labels and changes are."""
    left_out = errors.flagged - errors.corrected - errors.unread_corrections
    sentences = [
        f"*With corrected labels* adds the {plural(errors.corrected, 'flagged question')} for which the check names the right "
        "choice, or several of which any is right.",
        f"It leaves out {plural(left_out, 'question')} without a right choice or not clear"
        + (
            f", and {plural(errors.unread_corrections, 'question')} whose correction could not be read."
            if errors.unread_corrections
            else "."
        ),
        "The first *change* is from all checked questions (p of Fisher's exact test of good against flagged questions), the "
        "second from the question set's own labels on the same questions (McNemar test). Both have Holm's correction over the "
        "models. A change is shown where p is below 0.05.",
    ]
    return " ".join(sentences)
