"""Numbers formatted for prose."""

import pytest
from mmlu_kit import formatting
from mmlu_kit.data import MedianRange


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "—"), (0.004, "0.00 s"), (9.994, "9.99 s"), (61, "61.0 s"), (600, "10.0 min"), (7200, "2.0 h")]
)
def test_durations(seconds, text):
    assert formatting.duration(seconds) == text


@pytest.mark.parametrize(("value", "text"), [(0.42134, "0.421"), (9.996, "10"), (1101.2, "1101")])
def test_rates(value, text):
    assert formatting.rate(value) == text


def test_a_range_is_shown_only_if_values_differ():
    assert (
        formatting.format_range(MedianRange(median=3.0, smallest=2.5, largest=4.0), "duration") == "3.00 s (2.50 s to 4.00 s)"
    )
    assert formatting.format_range(MedianRange(median=3e9, smallest=3e9, largest=3e9 + 1), "gigabytes") == "3.00 GB"


@pytest.mark.parametrize(
    ("value", "text"), [(1.2649, "1.26×"), (1.3, "1.30×"), (0.5, "0.500×"), (13.64, "13.6×"), (136.4, "136×")]
)
def test_ratios_have_three_digits(value, text):
    assert formatting.ratio(value) == text


@pytest.mark.parametrize(("seconds", "text"), [(0.3, "0.3 s"), (89, "89 s"), (90, "2 min"), (5399, "90 min"), (5400, "1.5 h")])
def test_rough_durations(seconds, text):
    assert formatting.rounded_duration(seconds) == text


@pytest.mark.parametrize(("size", "text"), [(0, "0.0 MB"), (99_900_000, "99.9 MB"), (2_471_600_000, "2.5 GB")])
def test_sizes(size, text):
    assert formatting.size(size) == text


@pytest.mark.parametrize(
    ("value", "draws", "text"),
    [
        (None, None, "—"),
        (0.0312, None, "p = 0.031"),
        (1.0, None, "p = 1"),
        (0.0496, None, "p = 0.0496"),
        (0.0504, None, "p = 0.0504"),
        (0.05, None, "p = 0.05"),
        (0.051, None, "p = 0.051"),
        (0.00009, None, "p < 0.0001"),
        (0.0001, None, "p = 0.0001"),
        (None, 1999, "—"),
        (1 / 2000, 1999, "p ≤ 0.0005"),
        (2 / 2000, 1999, "p = 0.001"),
        (1.0, 1999, "p = 1"),
        (1 / 10_000, 9999, "p ≤ 0.0001"),
        (1 / 400, 399, "p ≤ 0.0025"),
    ],
)
def test_p_values_and_the_smallest_of_a_permutation_test(value, draws, text):
    assert formatting.p_value(value, draws) == text


def test_columns_are_aligned():
    assert formatting.columns([("model", "size"), ("a", "1"), ("long name", "")]) == [
        "model      size",
        "a          1",
        "long name",
    ]
    assert formatting.columns([("model", "size"), ("a", "1")], numbers=[1]) == ["model  size", "a         1"]
    assert formatting.columns([]) == []


def test_plurals():
    assert [formatting.plural(count, "model") for count in (0, 1, 2)] == ["0 models", "1 model", "2 models"]


def test_untrusted_text_cannot_add_markup():
    assert formatting.cell("a|b *c*\n<d> $e$") == r"a\|b \*c\* &lt;d&gt; \$e\$"
    assert formatting.fenced("x ``` y\x1b") == "````text\nx ``` y\ufffd\n````"
