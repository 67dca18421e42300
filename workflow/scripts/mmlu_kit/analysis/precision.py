"""What a lower precision costs: the same weights in two number formats or quantizations, and any two models of a study."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy
from numpy.typing import NDArray

from mmlu_kit.analysis import paired
from mmlu_kit.analysis.model_answers import Answers, answers_by_model, shared_once
from mmlu_kit.analysis.precision_document import Comparison, Divergence
from mmlu_kit.evaluation.answers import Record
from mmlu_kit.evaluation.records import Evaluation, NotRun
from mmlu_kit.results.merged import Merged
from mmlu_kit.results.protocols import protocol
from mmlu_kit.settings import MOST_CHOICES, Effective, Quantization, in_words
from mmlu_kit.statistics import MARGIN, divergences, margins, multiple
from mmlu_kit.statistics.margins import Verdict

PRECISION = "precision"


@dataclass(frozen=True)
class Candidate:
    """A model with its answers; `ran` is its evaluation on a subject, which says what it is and how it ran on all."""

    name: str
    ran: Evaluation
    answers: Answers


def candidates(merged: Merged, outcomes: Sequence[Evaluation | NotRun]) -> dict[str, Candidate]:
    """Return the models with results, in the report's order; `outcomes` are what merged.json was made from."""
    ran = {each.model: each for each in outcomes if isinstance(each, Evaluation)}
    return {name: Candidate(name, ran[name], answers) for name, answers in answers_by_model(merged, outcomes).items()}


def analyse_precisions(merged: Merged, outcomes: Sequence[Evaluation | NotRun]) -> list[Comparison]:
    """Return the comparison of every two models that differ only in precision, the more precise one as the reference."""
    pairs = combinations(candidates(merged, outcomes).values(), 2)
    ordered = [sorted(pair, key=lambda model: rank(model.ran.effective)) for pair in pairs if _same_but_precision(*pair)]
    compared = [compare(reference, model) for reference, model in ordered]
    known = [comparison for comparison in compared if comparison]
    corrected = multiple.holm([comparison.p for comparison in known])
    return [comparison.model_copy(update={"p_holm": p}) for comparison, p in zip(known, corrected, strict=True)]


def rank(effective: Effective | None) -> tuple[float, float, bool]:
    """Return a key that sorts what ran from the most precise to the least: by bits of the weights, then of what is computed.

    float32 comes before bfloat16 and float16, these before 8 bits, and 8 bits before 4. A quantization whose bits are not known
    comes after none, and what is not known at all comes last.
    """
    if effective is None:
        return 0.0, 0.0, True
    computed = _bits(effective.dtype) or 0.0
    # Without the share of the weights, as in 'partly 4bit (39.0% of the weights)'.
    bits = _bits(effective.quantization.partition(" (")[0]) or computed
    return -bits, -computed, effective.quantization != Quantization.NONE


def _bits(words: str) -> float | None:
    """Return the smallest number in 'bfloat16', '4bit' or 'fp8+nf4', None if there is none."""
    return min(map(float, re.findall(r"\d+", words)), default=None)


def differ(reference: Evaluation, model: Evaluation) -> dict[str, str]:
    """Return in what a model differs from a reference (weights, precision, device, protocol), each in words."""
    if reference.effective is None or model.effective is None or reference.requested is None or model.requested is None:
        imported = [each.model for each in (reference, model) if each.effective is None]
        return {"origin": f"the answers of {' and '.join(imported)} were imported, so how they were made is not known"}
    described = {
        PRECISION: [_precision(each.effective) for each in (model, reference) if each.effective],
        "device": [model.effective.device, reference.effective.device],
        "protocol": [protocol(model.requested), protocol(reference.requested)],
    }
    differences = {name: f"{one} instead of {other}" for name, (one, other) in described.items() if one != other}
    # The hashes of all files: a checkpoint that was saved quantized has the name of the original, but not its weights.
    return differences if model.model_files == reference.model_files else {"weights": _weights(model, reference), **differences}


def _precision(effective: Effective) -> str:
    """Return what ran as, without the device and an adapter: 'float32', 'bfloat16 4bit'."""
    without_adapter = effective.model_copy(update={"adapter": None})
    return in_words(without_adapter).removeprefix(f"{effective.device}, ").replace(",", "")


def _weights(model: Evaluation, reference: Evaluation) -> str:
    one, other = (
        (f"{each.repository}@{(each.commit or '')[:12]}" if each.repository else "local files")
        + (f" with {each.adapter.in_words()}" if each.adapter else "")
        for each in (model, reference)
    )
    return "other files" if one == other else f"{one} instead of {other}"


def _same_but_precision(one: Candidate, other: Candidate) -> bool:
    return list(differ(one.ran, other.ran)) == [PRECISION]


def compare(reference: Candidate, model: Candidate, margin: float = MARGIN) -> Comparison | None:
    """Compare a model with a reference; None if there is no question that both answered.

    `p_holm` is not corrected yet. Unreadable imported answers are left out, as they are not wrong answers.
    """
    places = shared_once(reference.answers, model.answers)
    both = [(reference.answers[place], model.answers[place]) for place in places]
    read = [(one, other) for one, other in both if one.predicted and other.predicted]
    if not read:
        return None
    difference = paired.paired_difference([other.correct for _, other in read], [one.correct for one, _ in read])
    verdict = margins.verdict(difference.low, difference.high, margin)
    flips = difference.only_first, difference.only_second
    divergence, reason = _divergence(reference, model, read)
    return Comparison(
        reference=reference.name,
        model=model.name,
        differ=differ(reference.ran, model.ran),
        questions=len(read),
        unread=len(both) - len(read),
        reference_right=difference.both + difference.only_second,
        model_right=difference.both + difference.only_first,
        right_to_wrong=difference.only_second,
        wrong_to_right=difference.only_first,
        wrong_to_other_wrong=sum(
            not one.correct and not other.correct and one.predicted != other.predicted for one, other in read
        ),
        difference=difference.difference,
        low=difference.low,
        high=difference.high,
        p=difference.p,
        p_holm=difference.p,
        divergence=divergence,
        no_divergence=reason,
        margin=margin,
        verdict=verdict,
        questions_needed=margins.questions_needed(len(read), *flips, margin) if verdict == Verdict.UNCLEAR else None,
    )


def _divergence(
    reference: Candidate, model: Candidate, records: Sequence[tuple[Record, Record]]
) -> tuple[Divergence | None, str | None]:
    """Return the divergence, or why there is none."""
    unknown = [each.name for each in (reference, model) if each.ran.effective is None]
    if unknown:
        return None, f"the answers of {' and '.join(unknown)} were imported without probabilities"
    expected, actual = (_logprobs(column) for column in zip(*records, strict=True))
    mean = divergences.mean_interval(divergences.divergences(expected, actual))
    return Divergence(mean=mean.value, low=mean.low, high=mean.high), None


def _logprobs(records: Sequence[Record]) -> NDArray[numpy.float64]:
    """Return the log-probabilities of each question's choices, questions × choices, -inf beyond a question's last choice."""
    table = numpy.full((len(records), MOST_CHOICES), -numpy.inf)
    for row, record in zip(table, records, strict=True):
        by_letter = record.choice_logprobs or {}
        of_texts = [choice.logprob for choice in record.cloze or []]
        row[: record.choices] = of_texts or [by_letter[letter] for letter in record.letters]
    return table[:, : max(record.choices for record in records)]
