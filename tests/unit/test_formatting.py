"""Numbers in the form that prose has them."""

import pytest
from mmlu_kit import formatting

from tests.helpers import results


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, "—"), (0.004, "0.00 s"), (9.994, "9.99 s"), (61, "61.0 s"), (600, "10.0 min"), (7200, "2.0 h")]
)
def test_durations(seconds, text):
    assert formatting.duration(seconds) == text


@pytest.mark.parametrize(("value", "text"), [(0.42134, "0.421"), (9.996, "10"), (1101.2, "1101")])
def test_rates(value, text):
    assert formatting.rate(value) == text


def test_a_spread_is_told_only_where_there_is_one():
    assert formatting.format_range({"median": 3.0, "smallest": 2.5, "largest": 4.0}, "duration") == "3.00 s (2.50 s to 4.00 s)"
    assert formatting.format_range({"median": 3e9, "smallest": 3e9, "largest": 3e9 + 1}, "gigabytes") == "3.00 GB"


def test_a_machine_is_named_with_what_its_times_depend_on():
    machine = results.timing("m", "anatomy")["machine"]
    assert machine.in_words() == "p, 2 cores, AVX2; torch 2, transformers 5"
    gpu = {**machine, "gpu": "T4", "driver": "580", "cuda": "12.8"}
    assert gpu.in_words() == "p, 2 cores, AVX2; T4, driver 580, CUDA 12.8; torch 2, transformers 5"
