"""Two runs over the same questions compared: what changed, and by how little it was decided."""

import itertools
import json

import pytest
from mmlu_kit.results import stability


def record(predicted, *logprobs):
    return {"predicted": predicted, "correct": predicted == "A", "letter_logprobs": dict(zip("ABCD", logprobs, strict=True))}


def made(*records, **settings):
    return stability.run(**{"dtype": "float32", "batching": "alone", "threads": 1, **settings}, records=records)


def test_a_changed_answer_is_counted_with_its_margin_before_the_change():
    before = made(record("A", -1.0, -1.5, -3.0, -4.0), record("B", -2.0, -1.0, -3.0, -4.0))
    after = made(record("B", -1.3, -1.2, -3.0, -4.0), record("B", -2.0, -1.1, -3.0, -4.0), threads=2)
    assert stability.compare(before, after) == {"flips": 1, "largest_difference": 0.3, "margins": [0.5]}
    assert stability.compare(after, before) == {"flips": 1, "largest_difference": 0.3, "margins": [0.1]}
    assert stability.compare(before, before) == {"flips": 0, "largest_difference": 0.0, "margins": []}
    assert before["correct"] == 1 and after["correct"] == 0


def test_only_runs_that_differ_in_one_setting_are_compared():
    every = itertools.product(stability.DTYPES, stability.BATCHINGS, stability.THREADS)
    found = stability.comparisons([made(dtype=d, batching=b, threads=t) for d, b, t in every])
    assert [comparison["changed"] for comparison in found] == ["threads"] * 4 + ["batching"] * 4 + ["dtype"] * 4
    for comparison in found:
        one, other = comparison["runs"]
        assert [name for name in one if one[name] != other[name]] == [comparison["changed"]]


def test_runs_over_other_questions_cannot_be_compared():
    with pytest.raises(ValueError):
        stability.compare(made(record("A", 0, 0, 0, 0)), made())


def test_packing_and_threads_change_no_answer_in_float32(root, run, tmp_path):
    folder = root / "workflow/demo"
    asked = tmp_path / "anatomy.jsonl"
    run("fetch_questions.py", "--folder", folder / "questions", "--subject", "anatomy", "--output", asked)
    process = run("measure_stability.py", "--model", folder / "models/demo-small", "--name", "demo-small",
                  "--questions", asked, "--preset", "chat", "--examples", 2, "--output", tmp_path / "found.json")  # fmt: skip
    assert process.returncode == 0, process.stderr
    found = json.loads((tmp_path / "found.json").read_text())
    assert found["subjects"] == ["anatomy"] and found["questions"] == 45 and len(found["runs"]) == 8
    exact = [comparison for comparison in found["comparisons"] if comparison["runs"][0]["dtype"] == "float32"]
    for comparison in exact:
        if comparison["changed"] == "dtype":
            assert comparison["largest_difference"] > 1e-4, "bfloat16 was not computed in bfloat16"
        else:
            assert comparison["flips"] == 0 and comparison["largest_difference"] < 1e-4
    assert len(exact) == 8
