"""Sentences on models beside each other: whether they miss the same questions, or choose the same wrong answers."""

from collections.abc import Callable, Mapping, Sequence

from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.model_document import ModelAnalysis
from mmlu_kit.analysis.pair_document import PairAnalysis
from mmlu_kit.formatting import p_value, percent
from mmlu_kit.report.cells import decimals, known, listed
from mmlu_kit.statistics import ALPHA, DRAWS
from mmlu_kit.statistics.counts import pairs_wrong

MOST_NAMED = 3  # pairs in a sentence
MOST_ROWS = 15  # pairs in a table or an alternative text

Labels = Mapping[str, str]


def models_wrong(analysis: AnalysisFile) -> str:
    """Say whether models miss the same questions more often than independent models would."""
    wrong = analysis.models_wrong
    if not wrong:
        few = len(analysis.compared) - len(analysis.constant_models) < 2
        needs = "two models that do not nearly always choose one letter" if few else "questions with a readable answer of each"
        return f"Whether models miss the same questions needs {needs}, so nothing is concluded."
    if wrong.p is None:
        return "Whether models miss the same questions cannot be tested: fewer than two have both right and wrong answers."
    lettered = all(model.generated for model in analysis.models)
    bias = f"a common {'letter bias' if lettered else 'bias to letters or places'}"
    several = len(analysis.difficulty.order) > 1
    together = f"{pairs_wrong(wrong.observed):.0f} times two models miss the same question, {pairs_wrong(wrong.expected):.0f}"
    test = f"({together} if mistakes were independent, permutation test, {p_value(wrong.p, DRAWS)}"
    if wrong.differs_within and wrong.p_within is not None:
        test += f"; {pairs_wrong(wrong.expected_within):.0f} if independent within subjects, {p_value(wrong.p_within, DRAWS)}"
    if wrong.p_within_letters is not None:
        test += f"; within {'subjects and ' if several else ''}right answers, {p_value(wrong.p_within_letters, DRAWS)}"
    decisive = wrong.p_decisive
    if decisive is not None and decisive < ALPHA:
        causes = f"{', hard subjects' if several else ''} and {bias}"
        finding = f"**Models fail on the same questions more often than their accuracies{causes} explain**"
    elif wrong.p < ALPHA:
        hard = "hard subjects" if wrong.p_within is None or wrong.p_within >= ALPHA else ""
        causes = hard or f"{'hard subjects and ' if several else ''}{bias}"
        finding = f"**Models fail on the same questions, which {causes} can explain; more than that is not shown**"
    else:
        finding = (
            "**No common pattern is shown:** models do not miss the same questions significantly more often than independent "
            "ones would"
        )
    return f"{finding} {test})."


def constant(models: Sequence[ModelAnalysis]) -> str | None:
    """Say which models nearly always answer one letter, so that nothing is concluded from their mistakes; None if none does."""
    always = [(model, model.letters[model.always].share) for model in models if model.always]
    if not always:
        return None
    chosen = [
        f"{model.label} ({model.always}, {percent(share)} of its {'readable ' if model.best_letter.unparsed else ''}answers)"
        for model, share in always
    ]
    return (
        f"**Nearly always the same letter:** {listed(chosen)}. Such a model is right where this letter is right, whatever is "
        "asked, so nothing is concluded from the mistakes that it has in common with others."
    )


def consistency(pairs: Sequence[PairAnalysis], labels: Labels, best: str) -> str | None:
    """Say which models are right on the same questions beyond what subjects and letters explain; None if this cannot be
    tested. `best` is what the models' answers are called, 'best letter' or 'best answer'."""
    tested = [pair for pair in pairs if pair.consistency_p_holm is not None]
    bias = "letter bias" if best == "best letter" else "bias"
    what = f"are right on the same questions more often than their accuracies in each subject and their {bias} explain"

    def numbers(pair: PairAnalysis) -> str:
        kappa = "" if pair.kappa_within is None else f"kappa within subjects {pair.kappa_within:z.2f}, "
        return f"{kappa}Mantel-Haenszel test, {p_value(pair.consistency_p)}"

    significant = [pair for pair in tested if pair.consistency_p_holm is not None and pair.consistency_p_holm < ALPHA]
    kappas = sorted(pair.kappa_within for pair in tested if pair.kappa_within is not None)
    size = f"kappa within subjects {kappas[0]:z.2f} to {kappas[-1]:z.2f}, " if kappas else ""
    return _finding(tested, significant, labels, what, numbers, f"{size}Mantel-Haenszel tests")


def same_wrong(pairs: Sequence[PairAnalysis], labels: Labels, best: str) -> str | None:
    """Say which models choose the same wrong answer more often than unrelated ones; None if this cannot be tested."""
    tested = [pair for pair in pairs if pair.same_wrong_p_holm is not None]
    answer, bias = ("letter", "letter bias") if best == "best letter" else ("answer", "bias")
    what = f"choose the same wrong {answer} more often than two unrelated models with the same {bias} would"

    def numbers(pair: PairAnalysis) -> str:
        rate, null = pair.same_wrong_rate, pair.same_wrong_null
        rates = f"{percent(rate)} against {percent(null.mean)}, " if rate is not None and null else ""
        return f"{rates}permutation test, {p_value(pair.same_wrong_p, pair.same_wrong_draws)}"

    significant = [pair for pair in tested if pair.same_wrong_p_holm is not None and pair.same_wrong_p_holm < ALPHA]
    return _finding(tested, significant, labels, what, numbers, "permutation tests")


def _finding(
    tested: Sequence[PairAnalysis],
    significant: Sequence[PairAnalysis],
    labels: Labels,
    what: str,
    numbers: Callable[[PairAnalysis], str],
    tests: str,
) -> str | None:
    """Say of how many of the tested pairs something is shown after Holm's correction, and of which if they are few."""
    if not tested:
        return None
    if len(tested) == 1:
        models, test = both(tested[0], labels), numbers(tested[0])
        return f"**{models}** {what} ({test})." if significant else f"It is **not shown** that {models} {what} ({test})."
    test = f"({tests}, Holm's correction)"
    if not significant:
        return f"It is **not shown** of any of the {len(tested)} pairs of models that they {what} {test}."
    number = f"{len(significant)} of {len(tested)}"
    if len(significant) == len(tested):
        number = "Both" if len(tested) == 2 else f"All {len(tested)}"
    verb = what if len(significant) > 1 else _singular(what)
    which = f": {'; '.join(both(pair, labels) for pair in significant)}" if len(significant) <= MOST_NAMED else ""
    return f"**{number} pairs of models** {verb} {test}{which}."


def _singular(what: str) -> str:
    """Return a predicate of several pairs for one pair: 'choose the …' -> 'chooses the …'."""
    verb, rest = what.split(" ", 1)
    return f"{'is' if verb == 'are' else f'{verb}s'} {rest}"


def kappas(pairs: Sequence[PairAnalysis], labels: Labels) -> list[str]:
    """Return the kappas of the pairs, or the range of many, for an alternative text."""
    if len(pairs) <= MOST_ROWS:
        return [
            f"{both(pair, labels)} {known(pair.kappa, decimals(2))}, within subjects {known(pair.kappa_within, decimals(2))}"
            for pair in pairs
        ]
    ranges = [f"{len(pairs)} pairs"]
    measures = {"": [pair.kappa for pair in pairs], "within subjects ": [pair.kappa_within for pair in pairs]}
    for name, values in measures.items():
        if defined := [value for value in values if value is not None]:
            ranges.append(f"{name}{min(defined):z.2f} to {max(defined):z.2f}")
    return ranges


def most_alike(pairs: Sequence[PairAnalysis]) -> list[PairAnalysis]:
    """Return the pairs of the tables: all, or of many, those with the largest kappa within subjects."""
    if len(pairs) <= MOST_ROWS:
        return list(pairs)
    return sorted(pairs, key=lambda pair: -2.0 if pair.kappa_within is None else pair.kappa_within, reverse=True)[:MOST_ROWS]


def which_rows(pairs: Sequence[PairAnalysis]) -> str | None:
    """Say which of many pairs are in the tables, and where the others are; None if all are."""
    if len(pairs) <= MOST_ROWS:
        return None
    which = f"{MOST_ROWS} pairs with the largest kappa within subjects"
    return f"The tables have the {which}; `analysis.json` has all {len(pairs)} pairs."


def nearly_the_same(pairs: Sequence[PairAnalysis], labels: Labels) -> str | None:
    """Say which models answer like one model; None if no two do."""
    alike = [pair for pair in pairs if pair.nearly_the_same]
    if not alike:
        return None
    named = [
        f"{both(pair, labels)} ({percent(pair.same / pair.questions)} equal answers, kappa {pair.kappa:.3f})"
        for pair in alike[:MOST_NAMED]
    ]
    others = f"; and {len(alike) - MOST_NAMED} more pairs" if len(alike) > MOST_NAMED else ""
    return (
        f"**Nearly the same model:** {'; '.join(named)}{others}. Two such models probably have the same weights, or one was "
        "made from the other, so they are no independent evidence."
    )


def both(pair: PairAnalysis, labels: Labels) -> str:
    """Return 'a and b'."""
    return " and ".join(labels[model] for model in pair.models)
