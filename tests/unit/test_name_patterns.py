"""Regular expressions of layers' names are used only if every name is matched soon."""

import re
import time

import pytest
from mmlu_kit.inputs import name_patterns

NAME = "base_model.model.model.layers.10.self_attn." + "a" * 36


@pytest.mark.parametrize(
    "pattern",
    [
        r".*\.1\.self_attn\.(q|k)_proj",
        r"model\.layers\.(1[0-9]|2[0-7])\.(self_attn|mlp)\.[a-z_+*]+",
        r"(?:.*?(?:language|text).*?(?:self_attn|mlp).*?(?:q_proj|up_proj).*?)|(?:\bmodel\.layers\.[\d]{1,}\.(?:mlp)\.(?:(?:up)))",
        r"(model\.)?layers\.\d+\.q_proj\+\*",
        r".*.*.*.*.*x",
        "q_proj",
    ],
)
def test_usual_patterns_are_used(pattern):
    assert name_patterns.problem(pattern) is None
    start = time.perf_counter()
    re.fullmatch(pattern, NAME)
    assert time.perf_counter() - start < 5


@pytest.mark.parametrize(
    "pattern",
    ["(a+)+$", "(?:a|a)*$", "(a*){1,}x", "(a|aa)+?x", "((a)*)*", ".*" * 6 + "x", "(" + "a*" * 9 + ")x", "(a?){64}a{64}"],
)
def test_patterns_that_may_take_for_ever_are_not(pattern):
    assert "for ever" in name_patterns.problem(pattern)


@pytest.mark.parametrize("pattern", ["(", "[", "*a", "a{99999999999999999999}"])
def test_what_is_no_regular_expression(pattern):
    assert name_patterns.problem(pattern).startswith("is not a regular expression")
