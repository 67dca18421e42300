"""Comparison of two runs over the same questions: changed answers and their margins."""

import itertools
import json
import shutil

import pytest
from mmlu_kit import files, settings
from mmlu_kit.results import stability
from mmlu_kit.results.stability import Batching, RunSettings
from mmlu_kit.user_errors import UserError
from pydantic import ValidationError

from tests.helpers import results


def record(predicted, *logprobs):
    """Return a record of a question whose right answer is A, with as many choices as log-probabilities."""
    letters = dict(zip(settings.LETTERS, logprobs, strict=False))
    made = results.record("anatomy", 0, predicted, "-", len(logprobs))
    return made.model_copy(update={"letter_logprobs": letters})


def run(*records, **settings):
    """Return a run with these records; by default in float32, unpacked, with one thread."""
    settings = {"dtype": "float32", "batching": Batching.UNPACKED, "threads": 1, **settings}
    return stability.run(RunSettings(**settings), records, results.packing(records))


def test_a_changed_answer_is_counted_with_its_margin_before_the_change():
    before = run(record("A", -1.0, -1.5, -3.0, -4.0), record("B", -2.0, -1.0, -3.0, -4.0))
    after = run(record("B", -1.3, -1.2, -3.0, -4.0), record("B", -2.0, -1.1, -3.0, -4.0), threads=2)
    same = run(record("A", -1.0, -1.5, -3.0, -4.0), record("B", -2.0, -1.0, -3.0, -4.0), threads=2)
    compared = [stability.comparisons(pair)[0] for pair in ([before, after], [after, before], [before, same])]
    assert [(pair.flips, pair.largest_difference, pair.margins) for pair in compared] == [
        (1, 0.3, [0.5]),
        (1, 0.3, [0.1]),
        (0, 0.0, []),
    ]
    assert before.correct == 1 and after.correct == 0


def test_questions_with_other_numbers_of_choices_are_compared_choice_by_choice():
    three, ten = (-2.0, -1.0, -3.0), (*[-4.0] * 9, -0.2)
    before = run(record("B", *three), record("J", *ten))
    after = run(record("C", -2.0, -1.0, -0.9), record("J", *[-4.5] * 9, -0.2), threads=2)
    assert [len(logprobs) for logprobs in before.logprobs] == [3, 10]
    (compared,) = stability.comparisons([before, after])
    assert (compared.flips, compared.largest_difference, compared.margins) == (1, 2.1, [2.0])


def test_a_model_that_is_asked_in_all_orders_is_compared_by_its_answers_over_them():
    records = [results.orders_record("anatomy", 0, "A", "A", 3)]
    (logprobs,) = run(*records).logprobs
    assert logprobs == list(records[0].choice_logprobs.values()) != list(records[0].letter_logprobs.values())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"predicted": ["C"], "logprobs": [[-0.5, -2.5]]}, "predicted is beyond the 2 choices of answer 0"),
        ({"predicted": ["Z"]}, "predicted is beyond the 4 choices of answer 0"),
        ({"logprobs": [[-0.5]]}, "needs 2 or more entries, not 1"),
        ({"logprobs": [[-0.5, *[-40.0] * 26]]}, "needs 26 or fewer entries, not 27"),
        ({"logprobs": [[0.0, *[-3.0] * 25]]}, "the letters' probabilities add up to more than 1"),
    ],
)
def test_letters_and_probabilities_are_those_of_a_questions_choices(changes, words):
    plain = run(record("A", -0.5, -2.5, -2.5, -2.5)).plain() | changes
    whole = {"model": "m", "subjects": ["anatomy"], "questions": 1, "runs": [plain], "comparisons": []}
    text = json.dumps({"schema": stability.StabilityFile.form(), **whole})
    with pytest.raises(UserError, match=words):
        stability.StabilityFile.parse(text, "stability.json")


def test_only_runs_that_differ_in_one_setting_are_compared():
    settings = itertools.product(stability.DTYPES, Batching, stability.THREADS)
    comparisons = stability.comparisons([run(dtype=d, batching=b, threads=t) for d, b, t in settings])
    assert [comparison.changed for comparison in comparisons] == ["threads"] * 4 + ["batching"] * 4 + ["dtype"] * 4
    for comparison in comparisons:
        first, second = (settings.plain() for settings in comparison.runs)
        assert [name for name in first if first[name] != second[name]] == [comparison.changed]


def test_runs_over_other_questions_cannot_be_compared():
    with pytest.raises(ValueError):
        stability.comparisons([run(record("A", 0, 0, 0, 0)), run(threads=2)])


def test_merged_stability_has_no_answers():
    answered = run(record("A", -1.0, -1.5, -3.0, -4.0))
    whole = stability.StabilityFile(model="m", subjects=["anatomy"], questions=1, runs=[answered], comparisons=[])
    assert answered.predicted == ["A"] and answered.logprobs == [[-1.0, -1.5, -3.0, -4.0]]
    assert [(run.predicted, run.logprobs) for run in whole.without_answers().runs] == [(None, None)]


def test_packing_and_threads_change_no_answer_in_float32(root, request, tmp_path):
    folder, run_program = root / "workflow/demo", request.getfixturevalue("run")
    questions = tmp_path / "anatomy.jsonl"
    source_of_questions = json.dumps({"path": str(folder / "questions")})
    run_program("fetch_questions.py", "--source", source_of_questions, "--subject", "anatomy", "--output", questions)
    model = shutil.copytree(folder / "models/demo-small", tmp_path / "model")
    config = files.read_json(model / "config.json")
    files.write_json(model / "config.json", config | {"max_position_embeddings": 170})
    options = ["--model", model, "--name", "demo-small", "--questions", questions, "--preset", "chat", "--examples", 2]
    output = tmp_path / "stability.json"
    process = run_program("measure_stability.py", *options, "--output", output)
    assert process.returncode == 2 and "the model's context is 170: use fewer examples, or set fewer_" in process.stderr
    process = run_program("measure_stability.py", *options, "--fewer-examples", "--output", output)
    assert process.returncode == 0, process.stderr
    measured = stability.StabilityFile.read(output)
    assert measured.subjects == ["anatomy"] and measured.questions == 45 and len(measured.runs) == 8
    exact = [comparison for comparison in measured.comparisons if comparison.runs[0].dtype == "float32"]
    for comparison in exact:
        if comparison.changed == "dtype":
            assert comparison.largest_difference > 1e-4, "bfloat16 was not computed in bfloat16"
        else:
            assert comparison.flips == 0 and comparison.largest_difference < 1e-4
    assert len(exact) == 8


def test_a_run_is_in_a_number_format_and_never_in_auto():
    with pytest.raises(ValidationError, match="'auto' is only requested, and never what ran; known: float32"):
        RunSettings.model_validate_json('{"dtype": "auto", "batching": "packed", "threads": 1}', strict=True)
