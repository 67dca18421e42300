"""Tests of subjects against shuffled subject labels: their false alarms, their power, and values from independent code."""

import itertools

import numpy
import pytest
from mmlu_kit.statistics.shuffled_subjects import count_by_subject
from scipy import stats

SHUFFLES, DRAWS = 200, 199
# Of each made-up study: the sizes of its subjects, and of each model the ability and how much of what makes a question hard for
# it makes that question hard for the others too.
STUDIES = {
    "demo": ([50] * 10, [-1.0, -0.4, 0.3, 0.9], 0.5),
    "checkpoints": ([100, 135, 152, 100, 265, 144, 100, 100, 100, 173], [0.0, 0.05, 0.1, 0.0, -0.05], 0.95),
    "ten models": ([40] * 20, list(numpy.linspace(-1, 1.5, 10)), 0.6),
}


def made_up(sizes, abilities, common, random, by_subject=0.0):
    """Return right answers, questions × models, and each question's subject; subjects' difficulties have this standard
    deviation beside a question's of 1."""
    subjects = numpy.repeat(numpy.arange(len(sizes)), sizes)
    shared = common**0.5 * random.normal(size=(len(subjects), 1)) + random.normal(0, by_subject, len(sizes))[subjects, None]
    alone = (1 - common) ** 0.5 * random.normal(size=(len(subjects), len(abilities)))
    return numpy.asarray(abilities) > shared + alone, subjects


@pytest.fixture(scope="module", params=STUDIES)
def under_shuffled_labels(request):
    """Return the tests of a made-up study for each of many shuffles of its labels: of Kendall's W, of every two models' rank
    correlation, and of the differences of each model and of the mean."""
    random = numpy.random.default_rng(3)
    correct, subjects = made_up(*STUDIES[request.param], random)
    alike = numpy.zeros_like(subjects)
    tests = []
    for _ in range(SHUFFLES):
        counts = count_by_subject(correct, random.permutation(subjects), alike, DRAWS)
        table = counts.correlations()
        pairs = [table[one][other] for one, other in itertools.combinations(range(len(table)), 2)]
        tests.append(([counts.concordance()], pairs, counts.differences(), [counts.mean_differs()]))
    return tests


@pytest.mark.parametrize("test", range(4), ids=["concordance", "correlations", "differences", "mean"])
def test_false_alarms_are_rare_where_subjects_mean_nothing(under_shuffled_labels, test):
    assert numpy.mean([one.p <= 0.05 for tests in under_shuffled_labels for one in tests[test]]) <= 0.07


def test_models_rank_subjects_alike_even_where_subjects_mean_nothing(under_shuffled_labels):
    for test, independent in ((0, 1 / len(under_shuffled_labels[0][2])), (1, 0.0)):
        first = [tests[test][0] for tests in under_shuffled_labels]
        values, expected = numpy.array([one.value for one in first]), numpy.mean([one.expected for one in first])
        assert expected > independent + 0.05
        assert values.mean() == pytest.approx(expected, abs=4 * values.std() / SHUFFLES**0.5)


def test_a_plain_effect_of_subjects_is_found():
    correct, subjects = made_up(*STUDIES["demo"], numpy.random.default_rng(4), by_subject=0.7)
    counts = count_by_subject(correct, subjects, numpy.zeros_like(subjects))
    assert counts.concordance().p == 1 / 2000 and counts.correlations()[0][3].p < 0.01
    assert all(test.p <= 0.001 for test in [*counts.differences(), counts.mean_differs()])
    assert counts.concordance().value > counts.concordance().expected + 0.2


def test_subjects_that_are_hard_for_models_nearly_alike_are_found():
    """Such models rank subjects alike under any labels, so that Kendall's W cannot tell."""
    correct, subjects = made_up(*STUDIES["checkpoints"], numpy.random.default_rng(4), by_subject=0.3)
    counts = count_by_subject(correct, subjects, numpy.zeros_like(subjects))
    assert counts.mean_differs().p == 1 / 2000 and counts.concordance().expected > 0.7


def test_the_statistics_are_those_of_scipy():
    correct, subjects = made_up(*STUDIES["ten models"], numpy.random.default_rng(5), by_subject=0.3)
    counts = count_by_subject(correct, subjects, numpy.zeros_like(subjects), draws=1)
    right = numpy.array([correct[subjects == subject].sum(axis=0) for subject in range(20)])
    assert (counts.right[0] == right).all() and (counts.questions == 40).all()
    friedman = stats.friedmanchisquare(*(right / 40))
    assert counts.concordance().value == pytest.approx(friedman.statistic / (10 * 19))
    assert counts.correlations()[2][7].value == pytest.approx(stats.spearmanr(right[:, 2], right[:, 7]).statistic)
    for model, test in enumerate(counts.differences()):
        table = [right[:, model], 40 - right[:, model]]
        assert test.value == pytest.approx(stats.chi2_contingency(table, correction=False).statistic)


def test_p_values_are_those_of_every_order_of_the_labels():
    correct = numpy.array([[1, 1], [1, 0], [0, 0], [1, 1], [0, 1], [0, 0], [0, 0]], bool)
    subjects = numpy.array([0, 0, 1, 2, 2, 1, 1])
    counts = count_by_subject(correct, subjects, numpy.zeros_like(subjects), draws=20_000)

    def accuracies(labels):
        return numpy.array([correct[labels == subject].mean(axis=0) for subject in range(3)])

    def spearman(labels):
        one, other = accuracies(labels).T
        return stats.spearmanr(one, other).statistic if len(set(one)) > 1 and len(set(other)) > 1 else 0.0

    def chi2(labels):
        right, questions = accuracies(labels)[:, 0] * numpy.bincount(labels), numpy.bincount(labels)
        return stats.chi2_contingency([right, questions - right], correction=False).statistic

    orders = {tuple(order) for order in itertools.permutations(subjects.tolist())}
    for statistic, test in ((spearman, counts.correlations()[0][1]), (chi2, counts.differences()[0])):
        every = numpy.array([statistic(numpy.array(order)) for order in orders])
        assert test.value == pytest.approx(statistic(subjects))
        assert test.expected == pytest.approx(every.mean(), abs=0.02)
        assert test.p == pytest.approx(numpy.mean(every >= statistic(subjects) - 1e-9), abs=0.012)


def test_labels_are_only_exchanged_between_questions_with_as_many_choices():
    """Guessing makes the subjects with two choices easier; no other subject is."""
    random = numpy.random.default_rng(6)
    subjects = numpy.repeat(numpy.arange(8), 60)
    choices = numpy.where(subjects < 4, 2, 10)
    correct = random.random((len(subjects), 4)) < 1 / choices[:, None]
    counts = count_by_subject(correct, subjects, choices)
    assert counts.concordance().value > 0.5 and counts.concordance().p > 0.05
    assert min(test.p for test in counts.differences()) > 0.05
    assert counts.mean_differs().p > 0.05
    ignored = count_by_subject(correct, subjects, numpy.zeros_like(subjects))
    assert ignored.concordance().p <= 0.001


def test_a_model_as_accurate_on_each_subject_correlates_with_none():
    correct = numpy.array([[1, 1], [0, 1], [1, 0], [0, 1], [0, 0], [1, 0]], bool)
    counts = count_by_subject(correct, numpy.array([0, 0, 1, 1, 2, 2]), numpy.zeros(6, int))
    assert counts.ranked().tolist() == [False, True]
    assert counts.correlations()[0][1].value == 0
