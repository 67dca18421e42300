"""Predicates of claims on models: accuracy, how it depends on size, and whether it shows knowledge.

A predicate takes evidence and the claim's parameters, and returns a judgement. It holds, or does not, where a test shows that.
"""

from itertools import pairwise

from mmlu_kit import formatting
from mmlu_kit.claims.answers import Pair
from mmlu_kit.claims.document import Judgement
from mmlu_kit.claims.evidence import Evidence, ModelEvidence
from mmlu_kit.claims.reference import Factor
from mmlu_kit.claims.verdicts import Untestable, counterpart, is_about, models_on, real_times, shown
from mmlu_kit.statistics import ALPHA, DRAWS, comparisons, intervals, multiple, proportions, two_by_two
from mmlu_kit.statistics.intervals import Interval
from mmlu_kit.statistics.two_by_two import Tails

NEAR = 0.05  # an accuracy with an interval this close to that of a model that ignores the questions counts as equal to it


def rises_with_size(evidence: Evidence, device: str | None = None) -> Judgement:
    """Accuracy rises significantly with every step in the number of parameters (on a device, if one is named): McNemar's test
    on answers, Fisher's on published counts, with Holm's correction. It does not hold if a step falls significantly, or falls
    in the published numbers themselves.

    Nothing is shown by the better model of a step if it nearly always chooses one letter.
    """
    models = models_on(evidence, device, at_least=2) if device else list(evidence.models)
    if len(models) < 2:
        raise Untestable(f"{formatting.plural(len(models), 'model')} here, and the test needs 2")
    steps = list(pairwise(models))
    if not all(smaller.parameters < larger.parameters for smaller, larger in steps):
        raise Untestable("two models here have the same number of parameters")
    gains, p_values = zip(*(_gain(smaller, larger) for smaller, larger in steps), strict=True)
    corrected = multiple.holm(p_values)
    models_gaining = [larger if gain > 0 else smaller for (smaller, larger), gain in zip(steps, gains, strict=True)]
    corrected = [1.0 if model.always else p for model, p in zip(models_gaining, corrected, strict=True)]
    rises = all(gain > 0 and p < ALPHA for gain, p in zip(gains, corrected, strict=True))
    falls = any(gain < 0 and (p < ALPHA or evidence.is_published) for gain, p in zip(gains, corrected, strict=True))
    # The step that says least for the claim: a significant fall before any other, a significant rise last.
    weakest = min(range(len(steps)), key=lambda step: (1 - corrected[step]) * (1 if gains[step] > 0 else -1))
    smaller, larger = steps[weakest]
    line = "; ".join(f"{model.short} {model.total}{_always(model)}" for model in models)
    step = f"{100 * gains[weakest]:+.1f} points from {smaller.short} to {larger.short}"
    return shown(rises, falls, f"{line}; weakest step {step}, {formatting.p_value(corrected[weakest])} after Holm's correction")


def _gain(smaller: ModelEvidence, larger: ModelEvidence) -> tuple[float, float]:
    """Return the larger model's accuracy minus the smaller's and its two-sided p, by answers if they are known."""
    pair = _beside(larger, smaller)
    if pair:
        return (pair.only_first - pair.only_second) / pair.questions, pair.p
    one, other = larger.total, smaller.total
    gain = one.accuracy - other.accuracy
    first, second = (one, other) if gain > 0 else (other, one)
    p = two_by_two.larger_share(first.correct, first.questions, second.correct, second.questions)
    return gain, min(1.0, 2 * p)


def ratios(
    evidence: Evidence, larger: str, smaller: str, accuracy_times: float, time_times: float, within: Factor, noise: Factor
) -> Judgement:
    """The ratios of the larger model's accuracy and real time to the smaller's are as published, within a factor, and the 95 %
    interval of the ratio of accuracies is within the factor's square. It does not hold if that interval excludes it, or if
    the ratio of times is beyond the factor by another, `noise`.
    """
    large, small = counterpart(evidence, larger), counterpart(evidence, smaller)
    large_s, small_s = real_times(large, small)
    if not (small.total.correct and large.total.correct):
        raise Untestable(f"{(large if small.total.correct else small).short} has no right answer here")
    if large.machine != small.machine:
        raise Untestable("the two models were timed on different machines")
    devices = [model.configuration.device for model in (large, small)]
    if devices[0] != devices[1]:
        raise Untestable(f"the two models were timed on different devices: {' and '.join(devices)}")
    accuracy_ratio, (low, high) = _accuracy_ratio(large, small)
    time_ratio = large_s / small_s
    accuracies = f"{formatting.percent(large.total.accuracy)} / {formatting.percent(small.total.accuracy)}"
    interval = f"({formatting.ratio(low)} to {formatting.ratio(high)})"
    times = f"{large_s / 60:.1f} min / {small_s / 60:.1f} min"
    # The estimate may be off by the factor, and its interval by as much again.
    precise = is_about(low, accuracy_times, within**2) and is_about(high, accuracy_times, within**2)
    excluded = high < accuracy_times / within or low > accuracy_times * within
    return shown(
        precise and is_about(accuracy_ratio, accuracy_times, within) and is_about(time_ratio, time_times, within),
        excluded or not is_about(time_ratio, time_times, within * noise),
        f"{accuracies} = {formatting.ratio(accuracy_ratio)} {interval}; {times} = {formatting.ratio(time_ratio)}",
    )


def _accuracy_ratio(first: ModelEvidence, second: ModelEvidence) -> tuple[float, Interval]:
    """Return the ratio of two models' accuracies and its interval, on the same questions if their answers are known."""
    pair = _beside(first, second)
    paired = pair and comparisons.paired_ratio_interval(pair.both, pair.only_first, pair.only_second)
    if pair and paired:
        return (pair.both + pair.only_first) / (pair.both + pair.only_second), paired
    one, other = first.total, second.total
    interval = two_by_two.ratio_interval(one.correct, one.questions, other.correct, other.questions)
    return one.accuracy / other.accuracy, interval


def _beside(first: ModelEvidence, second: ModelEvidence) -> Pair | None:
    """Return how often both models, one or neither is right; None if their answers are not known. Raises Untestable if they
    answered different questions, of which some may be harder."""
    if not (first.answers and second.answers):
        return None
    pair = first.answers.beside(second.answers)
    if pair is None:
        raise Untestable(f"{first.short} and {second.short} have no question in common here")
    return pair


def at_chance(evidence: Evidence, model: str) -> Judgement:
    """The model's accuracy cannot be told from that of choosing the same letters without regard to the question (from
    guessing, if its letters are not known), and its 95 % interval is within 5 points of that, and within 10 among the answers
    with a letter.

    Where few answers have a letter, nearly all are wrong, however the model chose.
    """
    tested = counterpart(evidence, model)
    right, letters = tested.total.correct, tested.total.questions
    if tested.answers:
        right, letters = int(tested.answers.right.sum()), tested.answers.with_letter
    if not letters:
        raise Untestable(f"no answer of {tested.short} has a letter")
    blind, line = _blind(tested)
    (low, high), expected = tested.total.interval, blind.expected / tested.total.questions
    differs = 2 * min(blind.p_more, blind.p_less) < ALPHA
    # A run has a best answer to every question; of the published answers, some may have been unparsed.
    if evidence.is_published and high < tested.total.guessing:
        share = formatting.percent(tested.total.accuracy / tested.total.guessing)
        line += f", or this accuracy if only {share} of the answers are parsed"
    least, most = intervals.wilson(right, letters)
    among, far = blind.expected / letters, 2 * NEAR
    near = expected - NEAR <= low and high <= expected + NEAR and among - far <= least and most <= among + far
    if letters < tested.total.questions:
        line += f"; of {letters} answers with a letter, {formatting.percent(right / letters)} are right"
    return shown(not differs and near, differs, line)


def above_chance(evidence: Evidence, model: str) -> Judgement:
    """The model is right more often than by guessing and than by choosing the same letters without regard to the question, and
    it does not nearly always choose one letter. It does not hold if its 95 % interval ends less than 5 points above these.
    """
    tested = counterpart(evidence, model)
    blind, line = _blind(tested)
    guessing = _guessing(tested).p_more
    reached = max(tested.total.guessing, blind.expected / tested.total.questions)
    return shown(
        not tested.always and max(guessing, blind.p_more) < ALPHA,
        tested.total.interval[1] <= reached + NEAR,
        f"{line}; above guessing {formatting.p_value(guessing)}",
    )


def _blind(model: ModelEvidence) -> tuple[Tails, str]:
    """Return how many answers are right without regard to the question, the tests against that, and the line of evidence."""
    line = f"{model.short}: {model.total}{_always(model)}; guessing gives {formatting.percent(model.total.guessing)}"
    answers = model.answers
    if answers is None or not len(answers.letters):
        return _guessing(model), line
    blind = two_by_two.right_by_margins(answers.letters, answers.gold, answers.choices)
    share = formatting.percent(blind.expected / len(answers.letters))
    # Two-sided, so that its smallest value is twice that of a permutation test.
    p = formatting.p_value(min(1.0, 2 * min(blind.p_more, blind.p_less)), DRAWS // 2)
    return blind, f"{line}, the same letters without regard to the question {share} ({p})"


def _always(model: ModelEvidence) -> str:
    return f", nearly always {model.always}" if model.always else ""


def _guessing(model: ModelEvidence) -> Tails:
    # Where questions differ in their number of choices, guessing varies less than with the mean chance at each of them.
    total = model.total
    chances = [total.guessing] * total.questions
    tests = (proportions.better_than_guessing, proportions.worse_than_guessing)
    p_more, p_less = (test(total.correct, chances) for test in tests)
    return Tails(total.guessed, p_more, p_less)


def is_often_unparsed(evidence: Evidence, model: str, under: float) -> Judgement:
    """A letter could be parsed from fewer than this share of the model's answers: the share's 95 % interval is below it. It
    does not hold if the interval is above it.
    """
    tested = counterpart(evidence, model)
    if tested.parsed is None:
        share = formatting.percent(tested.total.accuracy / tested.total.guessing)
        guessing = f"; guessing would give this accuracy if {share} of the answers were parsed"
        raise Untestable(f"{tested.not_parsed}{'' if tested.effective else guessing}")
    low, high = intervals.wilson(tested.parsed, tested.total.questions)
    line = f"{tested.short}: a letter could be parsed from {tested.parsed} of {tested.total.questions} answers, "
    share = formatting.percent(tested.parsed / tested.total.questions)
    return shown(high < under, low > under, f"{line}{share} ({formatting.percent(low)} to {formatting.percent(high)})")
