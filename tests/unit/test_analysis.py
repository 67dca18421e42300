"""The analysis of much and of real data, and the program that makes it."""

import json
import time
from itertools import combinations

import numpy
import pandas
import pytest
from mmlu_kit import sources
from mmlu_kit.analysis import label_errors, mistakes
from mmlu_kit.evaluation import records
from mmlu_kit.inputs import questions
from mmlu_kit.results import merging
from mmlu_kit.subjects import SUBJECTS

from tests.helpers import results
from tests.helpers.analyses import RIGHT, made, texts, wide


def test_all_of_mmlu_and_eight_models_take_under_thirty_seconds():
    random = numpy.random.default_rng(8)
    number = 14_042
    asked = [
        questions.Question(
            SUBJECTS[n % 57], "test", n // 57, f"Question {n}?", ("w", "x", "y", "z"), "ABCD"[random.integers(4)]
        )
        for n in range(number)
    ]
    columns = [{"subject": one.subject, "index": one.index, "question_sha256": one.sha256} for one in asked]
    gold = pandas.Series([one.answer for one in asked])
    guesses = [pandas.Series(random.choice(list("ABCD"), number)) for _ in range(8)]
    answers = {f"m{n}": guess.where(random.random(number) < 0.6, gold) for n, guess in enumerate(guesses)}
    merged, table = wide(pandas.DataFrame(columns), gold, answers)
    began = time.monotonic()
    found = mistakes.analysis(merged, table, asked)
    took = time.monotonic() - began
    assert found["questions"] == number and len(found["pairs"]) == 28
    assert took < 30, f"{took:.1f} s"


@pytest.fixture(scope="module")
def checkpoints(real_data):
    """The analysis of what five checkpoints of one 7B model answered on the writeup's 1,369 questions."""
    said = pandas.read_csv(real_data / "predictions/five_checkpoints_ten_subjects.csv.gz")
    names = list(dict.fromkeys(said["subject"]))
    asked = [one for name in names for one in questions.read_csv(real_data / f"mmlu/test/{name}_test.csv", name, "test")]
    digests = {(one.subject, one.index): one.sha256 for one in asked}
    tables = {model: rows.reset_index(drop=True) for model, rows in said.groupby("model", sort=False)}
    first = next(iter(tables.values()))
    assert all(rows[["subject", "test_index"]].equals(first[["subject", "test_index"]]) for rows in tables.values())
    subjects = first[["subject", "test_index"]].rename(columns={"test_index": "index"})
    subjects["question_sha256"] = [digests[place] for place in zip(subjects["subject"], subjects["index"], strict=True)]
    merged, table = wide(subjects, first["gold"], {model: rows["prediction"] for model, rows in tables.items()})
    found = mistakes.analysis(
        merged, table, asked, label_errors.match(label_errors.read(real_data / "mmlu_redux", names), asked)
    )
    records.check(found, "analysis", "analysis.json")
    json.dumps(found, allow_nan=False)
    return found, tables


def test_five_checkpoints_of_one_model_are_said_to_be_alike(checkpoints):
    found, tables = checkpoints
    assert found["questions"] == 1369 and len(found["pairs"]) == 10
    for pair in found["pairs"]:
        one, other = (tables[model] for model in pair["models"])
        shared = ((one["prediction"] == other["prediction"]) & (one["correct"] == 0)).sum()
        assert pair["same_wrong"] == pytest.approx(shared, abs=1)  # one of 1,369 answers is no letter
        assert pair["kappa"] > 0.8 and pair["capa"] > 0.75
        assert pair["both_wrong"] > 1.5 * pair["both_wrong_expected"]
        assert pair["same_wrong_rate"] > 0.85 > 0.5 > pair["same_wrong_null"]["high"] and pair["same_wrong_p"] == 1 / 2000
        assert pair["mcnemar"]["p_holm"] > 0.05  # and none is better than another
    assert found["cochran_q"]["p"] > 0.05
    assert found["difficulty"]["kendall_w"]["w"] > 0.9
    assert {"college_mathematics", "abstract_algebra", "college_chemistry"} == set(found["difficulty"]["order"][:3])
    wrong = found["models_wrong"]
    assert wrong["p"] < 1e-10 and wrong["observed"][0] > 10 * wrong["expected"][0]
    assert wrong["observed"][5] > 5 * wrong["expected"][5]


def test_the_checkpoints_lean_to_a(checkpoints):
    for model in checkpoints[0]["models"]:
        letters = model["letters"]
        assert letters["A"]["share"] > 1.5 * letters["A"]["gold_share"]
        assert letters["A"]["recall"] > 0.6 and max(letters[letter]["recall"] for letter in "BCD") < 0.5
        assert model["share_sd"] > 0.08 and model["recall_sd"] > 0.1
        assert model["warnings"] == []  # well under half of all answers, though
        assert model["guessing"]["p"] < 1e-30 and model["constant_letter"]["letter"] == "D"


def test_the_checkpoints_do_better_where_labels_are_right(checkpoints):
    found = checkpoints[0]["label_errors"]
    assert (found["checked"], found["flagged"], found["unmatched"]) == (989, 66, 0)
    for model in found["models"]:
        assert model["accuracy_flagged"] < model["accuracy"] < model["accuracy_clean"]
        assert (model["clean"], model["flagged"]) == (923, 66)


def test_agreement_beyond_chance_is_lower_than_plain_agreement(checkpoints):
    found, tables = checkpoints
    for (one, other), pair in zip(combinations(tables.values(), 2), found["pairs"], strict=True):
        assert pair["capa"] < (one["prediction"] == other["prediction"]).mean()


def inputs(folder, merged, table, asked):
    """What analyse.py reads, written to a folder, as its arguments."""
    records.files.write_json(folder / "merged.json", merged)
    table.to_csv(folder / "questions.csv", index=False)
    questions.write_jsonl(folder / "anatomy.jsonl", asked)
    named = {"merged": "merged.json", "table": "questions.csv", "questions": "anatomy.jsonl", "output": "analysis.json"}
    return [text for name, file in named.items() for text in (f"--{name}", folder / file)]


@pytest.fixture
def two_models(tmp_path):
    return inputs(tmp_path, *made({"a": {"anatomy": RIGHT}, "b": {"anatomy": "ABAA" * 25}}))


def test_the_program_writes_what_the_package_found(run, two_models, tmp_path):
    process = run("analyse.py", *two_models)
    assert process.returncode == 0, process.stderr
    found = records.read(tmp_path / "analysis.json", "analysis")
    assert [model["best_letter"]["correct"] for model in found["models"]] == [100, 50]
    assert "2 models, 1 pairs on 100 questions" in process.stdout
    before = (tmp_path / "analysis.json").read_bytes()
    run("analyse.py", *two_models)
    assert (tmp_path / "analysis.json").read_bytes() == before


def test_a_study_of_which_nothing_was_run_has_an_analysis_that_says_so(run, tmp_path):
    asked, skipped = results.study(["m"], ["anatomy"]), records.not_run("m", results.REQUESTED, "no such device", "anatomy")
    merged, table = merging.merge(asked, [skipped], [skipped], {}), merging.table(asked, [skipped])
    process = run("analyse.py", *inputs(tmp_path, merged, table, texts(["anatomy"])))
    assert process.returncode == 0, process.stderr
    assert "there is nothing to analyse" in process.stdout
    assert records.read(tmp_path / "analysis.json", "analysis")["models"] == []


def test_a_missing_folder_of_label_checks_is_one_line(run, two_models, one_line, tmp_path):
    one_line(run("analyse.py", *two_models, "--label-errors", tmp_path / "nowhere"), "label_errors", "nowhere", "no folder")


def test_the_analysis_needs_no_model(root):
    for path in map(root.joinpath, sources.sources(root / "workflow/scripts/analyse.py")):
        assert "import torch" not in path.read_text() and "import transformers" not in path.read_text(), path
