"""Sentences on how much depends on how models are asked and read."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from mmlu_kit.analysis.protocol_document import ClozeScores, Family, OrderEffects, ReadBy, Reading, ScoreAccuracy
from mmlu_kit.formatting import p_value, percent, plural
from mmlu_kit.report.cells import interval, listed, points, points_range
from mmlu_kit.results.protocols import protocol
from mmlu_kit.settings import Preset, PromptSettings, Score
from mmlu_kit.statistics import ALPHA


def reading(one: Reading, labels: Mapping[str, str]) -> str:
    """Return the name of a reading: the model's, with 'by the generated letter' if that is how it is read."""
    label = labels[one.model]
    return f"{label} by the generated letter" if one.read_by == ReadBy.GENERATED else label


def score(by: Score) -> str:
    """Return a score in words: 'per character'."""
    return protocol(PromptSettings(preset=Preset.CLOZE, score=by)).removeprefix("cloze, ")


def family(one: Family, labels: Mapping[str, str]) -> str:
    """Say whether accuracy depends on how the same weights are asked and read, and where it differs most."""
    names = listed(dict.fromkeys(labels[each.model] for each in one.accuracies))
    if not one.pairs:
        return f"{names} have the same weights, but answered no common question, so they are not compared."
    compared = plural(len(one.pairs), "comparison")
    differing = [pair for pair in one.pairs if pair.p_holm < ALPHA]
    if not differing:
        smallest = p_value(min(pair.p_holm for pair in one.pairs))
        return (
            f"**No difference is shown** between ways of asking and reading the same weights ({names}): chance explains all "
            f"paired differences (McNemar tests, smallest {smallest} after Holm's correction for {compared})."
        )
    largest = max(differing, key=lambda pair: abs(pair.difference))
    readings = [reading(each, labels) for each in largest.readings]
    accuracies, ends = [largest.first, largest.second], (largest.low, largest.high)
    if largest.difference < 0:
        readings.reverse()
        accuracies.reverse()
        ends = (-largest.high, -largest.low)
    what = "is asked" if largest.readings[0].model != largest.readings[1].model else "is read"
    return (
        f"**How the same model {what} changes its accuracy:** on the same {largest.questions:,} questions, {readings[0]} gets "
        f"{percent(accuracies[0])} right and {readings[1]} {percent(accuracies[1])}. The difference is "
        f"{points(abs(largest.difference))} (95% interval {points_range(*ends)}; McNemar test, "
        f"{p_value(largest.p_holm)} after Holm's correction). {len(differing)} of {compared} of {names} "
        f"{'differs' if len(differing) == 1 else 'differ'} by more than chance explains."
    )


def in_short(families: Sequence[Family], labels: Mapping[str, str]) -> str | None:
    """Say in one sentence how much the way of asking or reading changes at most; None if no two ways were compared."""
    pairs = [pair for one in families for pair in one.pairs]
    if not pairs:
        return None
    differing = [pair for pair in pairs if pair.p_holm < ALPHA]
    if not differing:
        return "No difference is shown between ways of asking and reading the same weights."
    largest = max(differing, key=lambda pair: abs(pair.difference))
    shares = zip((largest.first, largest.second), largest.readings, strict=True)
    (more, better), (less, worse) = sorted(shares, key=lambda one: -one[0])
    what = "asked" if better.model != worse.model else "read"
    return (
        f"**How a model is {what} matters:** of the same weights and questions, {reading(better, labels)} gets {percent(more)} "
        f"right and {reading(worse, labels)} {percent(less)} ({p_value(largest.p_holm)})."
    )


def not_compared(one: Family, labels: Mapping[str, str]) -> list[str]:
    """Say which models of a family with comparisons answered no common question."""
    models = dict.fromkeys(each.model for each in one.accuracies)
    compared = {frozenset(each.model for each in pair.readings) for pair in one.pairs}
    return [
        f"{labels[first]} and {labels[second]} answered no common question, so they are not compared."
        for first, second in combinations(models, 2)
        if one.pairs and frozenset((first, second)) not in compared
    ]


def cloze(model: ClozeScores, labels: Mapping[str, str]) -> str:
    """Say whether another score would give another accuracy."""
    label = labels[model.model]
    (used,) = (each for each in model.scores if each.score == model.ranked_by)
    others = [each for each in model.scores if each.against]
    differing = [each for each in others if each.against and each.against.p_holm < ALPHA]
    sentences = [f"**{label}** is right on {percent(used.share)} by the score in use ({score(model.ranked_by)})."]
    if differing:
        sentences.append(f"The score matters: {'; '.join(map(_against, differing))} (McNemar tests, Holm's correction).")
        alike = [score(each.score) for each in others if each not in differing]
        sentences += [f"No difference is shown for {listed(alike)}."] if alike else []
    else:
        smallest = p_value(min(each.against.p_holm for each in others if each.against))
        sentences.append(
            f"No other score is shown to give another accuracy (McNemar tests, smallest {smallest} after Holm's correction)."
        )
    pmi = [each.against.difference for each in others if each.score == Score.PMI and each.against and each not in differing]
    sentences += [f"PMI gives {_more(difference)}, which chance explains." for difference in pmi if difference]
    return " ".join(sentences)


def _against(other: ScoreAccuracy) -> str:
    assert other.against
    return f"{score(other.score)} gives {_more(other.against.difference)} ({p_value(other.against.p_holm)})"


def _more(difference: float) -> str:
    return f"{points(abs(difference))} {'more' if difference > 0 else 'less'}"


def orders(model: OrderEffects, labels: Mapping[str, str]) -> str:
    """Say how often the order of the choices changes the answer, how letters are preferred, and what the mean changes."""
    alike, over = model.alike, model.over_orders
    shares = [order.share for order in model.orders if order.questions == alike.questions]
    differ = "depends on the order" if model.p is not None and model.p < ALPHA else "is not shown to depend on the order"
    test = f"; Cochran's Q test, {p_value(model.p)}" if model.p is not None else ""
    sentences = [
        f"**{labels[model.model]}** chooses the same answer in every order of the choices for "
        f"{percent(alike.share)} of {plural(alike.questions, 'question')} (95% interval {interval(alike.low, alike.high)}).",
        f"Its accuracy {differ} (from {percent(min(shares))} to {percent(max(shares))}{test}); over all orders, it is "
        f"{percent(model.mean)}.",
        *_letters(model),
    ]
    change = f"{percent(over.first)} against {percent(over.second)} in the order given; McNemar test, {p_value(over.p)}"
    if over.p >= ALPHA:
        finding = "No gain or loss is shown for the answer by the mean over all orders"
    else:
        finding = f"The answer by the mean over all orders is {'better' if over.difference > 0 else 'worse'}"
    return " ".join([*sentences, f"{finding} ({change})."])


def _letters(model: OrderEffects) -> list[str]:
    """Compare the recalls of the letters that every question has, as each right choice is shown once under each of them."""
    recalls = {letter: each.recall for letter, each in model.recalls.items() if each.right == model.alike.questions}
    least, most = min(recalls, key=recalls.__getitem__), max(recalls, key=recalls.__getitem__)
    if recalls[least] == recalls[most]:
        return []
    return [
        f"The same right choices are chosen in {percent(recalls[most])} of the cases when they are shown as {most}, and in "
        f"{percent(recalls[least])} when shown as {least}."
    ]


@dataclass(frozen=True)
class Counterpart:
    """A reading's accuracy on the questions of a published number, with its 95 % interval."""

    name: str
    accuracy: float
    low: float
    high: float

    def agrees(self, published: float) -> bool:
        """Whether the published accuracy is within the interval."""
        return self.low <= published <= self.high

    def in_words(self) -> str:
        """Return 'm: 24.5% (95% interval 20.1% to 29.3%)'."""
        return f"{self.name}: {percent(self.accuracy)} (95% interval {interval(self.low, self.high)})"


def published(name: str, accuracy: float, readings: Sequence[Counterpart], described: Counterpart | None) -> str:
    """Say which of these readings, at least one, give a published accuracy: those whose interval contains it.

    `described` is the one that is asked and read as the publication describes, None if there is none.
    """
    number = f"The published {percent(accuracy)} of {name}"
    agreeing = [each for each in readings if each.agrees(accuracy)]
    others = [each for each in readings if each not in agreeing]
    ways = f"{len(readings)} ways of asking and reading"
    nearest = min(readings, key=lambda each: abs(each.accuracy - accuracy))
    if len(readings) == 1:
        where = "within" if agreeing else "outside"
        return f"{number} is {where} the interval of the one way that answered its questions, {nearest.in_words()}."
    if not agreeing:
        sentences = [f"{number} is in the interval of none of the {ways}.", f"The nearest is {nearest.in_words()}."]
    elif not others:
        sentences = [f"{number} is in the intervals of all {ways}, so it does not tell them apart."]
        sentences.append(f"The nearest is {nearest.in_words()}.")
    elif len(agreeing) == 1:
        sentences = [f"{number} is what one of the {ways} gives, {nearest.in_words()}."]
    else:
        inside, outside = (listed(each.name for each in some) for some in (agreeing, others))
        sentences = [f"{number} is in the intervals of {inside}, and outside those of {outside}."]
        sentences.append(f"The nearest is {nearest.in_words()}.")
    if described and described.agrees(accuracy):
        sentences.append(f"Asked and read as published ({described.name}), this run's interval contains it.")
    elif described:
        sentences.append(
            f"Asked and read as published, this run gives {described.in_words()}, so how it is asked does not explain the "
            "difference."
        )
    return " ".join(sentences)
