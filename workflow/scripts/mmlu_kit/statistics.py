"""Tests and measures of agreement on counts and arrays. Nothing here knows of files, models or subjects.

Answers are arrays of choices, 0 to 3 for A to D, one for each question; `correct` arrays are true where an answer is right.
Where a test cannot be made (nothing varies, nothing to compare), the p-value or measure is None.
"""

from collections.abc import Sequence

import numpy
import pandas
from numpy.typing import ArrayLike
from scipy import optimize, stats
from statsmodels.regression.linear_model import OLS
from statsmodels.stats import contingency_tables, inter_rater, multitest
from statsmodels.stats.proportion import proportion_confint

from mmlu_kit.settings import CHANCE, LETTERS

ALPHA, POWER = 0.05, 0.8
# Random answers drawn for a null: the smallest p-value is 1 / (DRAWS + 1).
DRAWS, SEED = 1999, 2025
FEWEST_EXPECTED = 5  # in a cell of a chi-square test


def better_than_guessing(correct: int, questions: int, chance: float = CHANCE) -> float:
    """The exact binomial p-value of this many right answers or more from someone who guesses."""
    return float(stats.binomtest(correct, questions, chance, alternative="greater").pvalue)


def worse_than_guessing(correct: int, questions: int, chance: float = CHANCE) -> float:
    """The exact binomial p-value of this many right answers or fewer from someone who guesses."""
    return float(stats.binomtest(correct, questions, chance, alternative="less").pvalue)


def wilson(successes: int, trials: int) -> tuple[float, float]:
    """The 95 % Wilson score interval of a proportion."""
    low, high = proportion_confint(successes, trials, alpha=ALPHA, method="wilson")
    return float(low), float(high)


def clustered(correct: ArrayLike, clusters: ArrayLike) -> tuple[float, float] | None:
    """The 95 % interval of an accuracy when whole clusters (subjects), not single questions, are what was sampled.

    The mean's cluster-robust standard error (Miller 2024, https://arxiv.org/abs/2411.00640, section 2.2) with Student's t
    on clusters - 1 degrees of freedom, cut to [0, 1]. None where every answer is right or every answer wrong.
    """
    outcomes = numpy.asarray(correct, float)
    if outcomes.min() == outcomes.max():
        return None
    groups = {"groups": numpy.unique(clusters, return_inverse=True)[1]}
    fit = OLS(outcomes, numpy.ones_like(outcomes)).fit(cov_type="cluster", cov_kwds=groups, use_t=True)
    low, high = fit.conf_int(alpha=ALPHA)[0]
    return max(0.0, float(low)), min(1.0, float(high))


def calibration(confidences: ArrayLike, correct: ArrayLike, bins: int = 10) -> dict:
    """Whether answers given with 80 % confidence are right in 80 % of cases: `ece, brier, bins [{low, high, count, ...}]`.

    ECE, the expected calibration error, is the mean over questions of |confidence - accuracy| of its bin, with bins of equal
    width (low, high] (Guo et al. 2017, https://arxiv.org/abs/1706.04599). Brier is the mean of (confidence - correct)^2.
    A bin's `confidence` and `accuracy` are means, None where it is empty.
    """
    confidences, outcomes = numpy.asarray(confidences, float), numpy.asarray(correct, float)
    edges = numpy.linspace(0, 1, bins + 1)
    place = numpy.clip(numpy.digitize(confidences, edges, right=True) - 1, 0, bins - 1)
    found, ece = [], 0.0
    for number in range(bins):
        inside = place == number
        count = int(inside.sum())
        confidence = float(confidences[inside].mean()) if count else None
        accuracy = float(outcomes[inside].mean()) if count else None
        ece += abs(confidences[inside].sum() - outcomes[inside].sum()) / len(outcomes)
        low, high = round(float(edges[number]), 9), round(float(edges[number + 1]), 9)
        found.append({"low": low, "high": high, "count": count, "confidence": confidence, "accuracy": accuracy})
    return {"ece": float(ece), "brier": float(numpy.mean((confidences - outcomes) ** 2)), "bins": found}


def std_dev(shares: Sequence[float]) -> float:
    """The standard deviation of shares or recalls over letters, as a whole population: 0 where no letter is preferred."""
    return float(numpy.std(shares))


def kappa(first: ArrayLike, second: ArrayLike) -> float | None:
    """Error consistency: Cohen's kappa of two `correct` arrays (Geirhos et al. 2020, https://arxiv.org/abs/2006.16736).

    0 is what independent models of these accuracies have, 1 the same questions right and wrong. None where both are always
    right or both always wrong.
    """
    first, second = numpy.asarray(first, bool), numpy.asarray(second, bool)
    if (first.all() and second.all()) or not (first.any() or second.any()):
        return None
    table = [[int(((first == a) & (second == b)).sum()) for b in (False, True)] for a in (False, True)]
    return float(inter_rater.cohens_kappa(table, return_results=False))


def kappa_of_strata(first: ArrayLike, second: ArrayLike, strata: ArrayLike) -> float | None:
    """The kappa that models with these accuracies in each stratum have if they are independent within each.

    With the right letter as the stratum: what a common taste for letters does to kappa, as two unrelated models that like 'A'
    are right on the same questions. None where kappa is.
    """
    frame = pandas.DataFrame({"first": first, "second": second}, dtype=float)
    inside = frame.groupby(numpy.asarray(strata)).transform("mean")
    a, b = frame["first"].mean(), frame["second"].mean()
    expected = a * b + (1 - a) * (1 - b)
    observed = (inside["first"] * inside["second"] + (1 - inside["first"]) * (1 - inside["second"])).mean()
    return None if expected == 1 else float((observed - expected) / (1 - expected))


def kappa_max(first: float, second: float) -> float | None:
    """The largest kappa that two models of these accuracies can have; None where both are 0 or both 1."""
    expected = first * second + (1 - first) * (1 - second)
    return None if expected == 1 else ((1 - abs(first - second)) - expected) / (1 - expected)


def capa(first: ArrayLike, second: ArrayLike, gold: ArrayLike, choices: int = len(LETTERS)) -> float | None:
    """Chance-adjusted agreement of two arrays of answers (Goel et al. 2025, https://arxiv.org/abs/2502.04313), for answers
    given with certainty.

    (observed - expected) / (1 - expected), where `observed` is how often they choose the same, right or wrong, and
    `expected` is that of independent models of these accuracies whose wrong answers are uniform over the others:
    a b + (1 - a)(1 - b) / (choices - 1). None where both are always right.
    """
    first, second, gold = map(numpy.asarray, (first, second, gold))
    a, b = numpy.mean(first == gold), numpy.mean(second == gold)
    expected = a * b + (1 - a) * (1 - b) / (choices - 1)
    return None if expected == 1 else float((numpy.mean(first == second) - expected) / (1 - expected))


def same_wrong(first: ArrayLike, second: ArrayLike, gold: ArrayLike, strata: ArrayLike, draws: int = DRAWS) -> dict:
    """How often two models that are both wrong choose the same wrong letter, against chance: `count, rate, null, p`.

    The null keeps each model's taste for letters: among the questions that both got wrong, one model's answers are permuted
    within questions of the same stratum (subject) and the same right letter. So two unrelated models that both like 'A' agree
    as often under the null as they do. As only counts matter, the permutations are drawn as random tables with the margins
    fixed. `null` is {mean, low, high}, a rate with its middle 95 %; `p` is (draws at least as alike + 1) / (draws + 1). Both
    are None, like the rate, where no question was missed by both; p also where no permutation changes anything.
    """
    first, second, gold = map(numpy.asarray, (first, second, gold))
    both = (first != gold) & (second != gold)
    total = int(both.sum())
    count = int((first == second)[both].sum())
    if not total:
        return {"count": 0, "rate": None, "null": None, "p": None}
    # The same draws for a pair whichever other pairs are compared.
    random = numpy.random.default_rng(SEED)
    cell = numpy.unique(strata, return_inverse=True)[1][both] * len(LETTERS) + gold[both]
    tables = numpy.zeros((cell.max() + 1, len(LETTERS), len(LETTERS)), int)
    numpy.add.at(tables, (cell, first[both], second[both]), 1)
    same = numpy.zeros(draws)
    varies = False
    for table in tables[tables.any(axis=(1, 2))]:
        rows, columns = table.sum(1), table.sum(0)
        if max(rows.max(), columns.max()) == table.sum():
            same += table.trace()  # one of the two chose a single letter, so that no permutation changes anything
            continue
        varies = True
        same += stats.random_table(rows, columns).rvs(draws, random_state=random).trace(axis1=1, axis2=2)
    low, high = numpy.quantile(same, (ALPHA / 2, 1 - ALPHA / 2))
    null = {"mean": float(same.mean() / total), "low": float(low / total), "high": float(high / total)}
    p = (int((same >= count).sum()) + 1) / (draws + 1) if varies else None
    return {"count": count, "rate": count / total, "null": null, "p": p}


def mcnemar(only_first: int, only_second: int) -> float:
    """The exact two-sided McNemar p-value of two models, from the questions that only one of them got right."""
    return float(contingency_tables.mcnemar([[0, only_first], [only_second, 0]], exact=True).pvalue)


def holm(values: Sequence[float]) -> list[float]:
    """P-values corrected for their number by Holm's method."""
    return [float(value) for value in multitest.multipletests(values, method="holm")[1]] if len(values) else []


def smallest_difference(questions: int, discordant: float) -> float | None:
    """The smallest difference in accuracy that the exact McNemar test at 5 % would find with a power of 80 %.

    `discordant` is the share of questions that only one of two models gets right. Of the n questions D ~ Binomial(n,
    discordant) are such ones, and of these Binomial(D, (1 + difference / discordant) / 2) favour the better model; the power
    is the probability that the test's p-value is then at most 0.05, summed over all D (Schork and Williams 1980,
    Communications in Statistics B 9, 349-357). None where even a model that wins every discordant question would not be
    found out.
    """
    if not discordant:
        return None
    number = numpy.arange(questions + 1)
    weight = stats.binom.pmf(number, questions, discordant)
    number, weight = number[weight > 1e-12], weight[weight > 1e-12]
    # The most wins of the worse model at which the test still rejects; -1 where it cannot.
    worse = stats.binom.ppf(ALPHA / 2, number, 0.5)
    worse -= stats.binom.cdf(worse, number, 0.5) > ALPHA / 2

    def missing(difference: float) -> float:
        favoured = (1 + difference / discordant) / 2
        found = stats.binom.cdf(worse, number, 1 - favoured) + stats.binom.cdf(worse, number, favoured)
        return float(weight @ found) - POWER

    return float(optimize.brentq(missing, 0, discordant)) if missing(discordant) >= 0 else None


def cochran_q(correct: numpy.ndarray) -> dict | None:
    """Cochran's Q of `correct` (questions × models): do the models differ at all? None where they agree on every question."""
    if (correct == correct[:, :1]).all():
        return None
    found = contingency_tables.cochrans_q(correct)
    return {"statistic": float(found.statistic), "df": int(found.df), "p": float(found.pvalue)}


def kendall_w(ratings: numpy.ndarray) -> dict | None:
    """Kendall's W of `ratings` (models × subjects): 1 where all order the subjects alike, 0 where their orders are unrelated.

    From Friedman's test, corrected for ties: W = chi2 / (models (subjects - 1)). None under two models or three subjects, or
    where each model rates all subjects the same.
    """
    models, subjects = ratings.shape
    if models < 2 or subjects < 3 or (ratings == ratings[:, :1]).all():
        return None
    chi2, p = stats.friedmanchisquare(*ratings.T)
    return {"w": float(chi2 / (models * (subjects - 1))), "chi2": float(chi2), "df": subjects - 1, "p": float(p)}


def spearman(first: ArrayLike, second: ArrayLike) -> tuple[float | None, float | None]:
    """Spearman's rank correlation and its two-sided permutation p-value (every order under eight values, else DRAWS of them).

    Both are None under three values, or where one of the two does not vary.
    """
    first, second = stats.rankdata(first), stats.rankdata(second)
    if len(first) < 3 or first.min() == first.max() or second.min() == second.max():
        return None, None
    found = stats.permutation_test(
        (first - first.mean(),),  # one alone, as every order of it against the other is then tried once
        lambda ranks, axis=-1: numpy.sum(ranks * second, axis),
        permutation_type="pairings",
        vectorized=True,
        n_resamples=DRAWS,
        rng=numpy.random.default_rng(SEED),
    )
    return float(stats.spearmanr(first, second).statistic), float(found.pvalue)


def independent(wrong: Sequence[float]) -> list[float]:
    """The Poisson-binomial probabilities that 0, 1, … all of independent models miss a question; `wrong` are error rates."""
    return [float(value) for value in stats.poisson_binom.pmf(numpy.arange(len(wrong) + 1), wrong)]


def goodness_of_fit(observed: ArrayLike, expected: ArrayLike) -> dict:
    """Pearson's chi-square of counts against expected ones whose mean was fitted to them: `chi2, df, p`.

    Cells at either end are pooled until each has an expected count of five; one degree of freedom is lost to the total and
    one to the mean. All are None where fewer than three cells are left.
    """
    observed, expected = list(map(float, observed)), list(map(float, expected))
    for end in (0, -1):
        while len(expected) > 1 and expected[end] < FEWEST_EXPECTED:
            inner = 1 if end == 0 else -2
            observed[inner] += observed[end]
            expected[inner] += expected[end]
            del observed[end], expected[end]
    if len(expected) < 3 or min(expected) < FEWEST_EXPECTED:
        return {"chi2": None, "df": None, "p": None}
    total = sum(expected)
    chi2, p = stats.chisquare(observed, [value * sum(observed) / total for value in expected], ddof=1)
    return {"chi2": float(chi2), "df": len(expected) - 2, "p": float(p)}
