"""The analysis of large and real data, and its program."""

import time
from itertools import combinations

import numpy
import pandas
import pytest
from mmlu_kit import sources
from mmlu_kit.analysis import label_errors, mistakes
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.evaluation.records import NotRun
from mmlu_kit.inputs import questions
from mmlu_kit.subjects import SUBJECTS

from tests.helpers import results
from tests.helpers.analyses import RIGHT, study_of_columns


def test_all_of_mmlu_and_eight_models_take_under_thirty_seconds():
    random = numpy.random.default_rng(8)
    number = 14_042
    asked = [
        questions.Question(
            SUBJECTS[n % 57], "test", n // 57, f"Question {n}?", ("w", "x", "y", "z"), results.LETTERS[random.integers(4)]
        )
        for n in range(number)
    ]
    columns = pandas.DataFrame([{"subject": q.subject, "index": q.index, "question_sha256": q.sha256} for q in asked])
    gold = pandas.Series([question.answer for question in asked])
    guesses = [pandas.Series(random.choice(list(results.LETTERS), number)) for _ in range(8)]
    answers = {f"m{n}": guess.where(random.random(number) < 0.6, gold) for n, guess in enumerate(guesses)}
    merged, table = study_of_columns(columns, gold, answers)
    began = time.monotonic()
    analysis = mistakes.analysis(merged, table, asked)
    seconds = time.monotonic() - began
    assert analysis.questions == number and len(analysis.pairs) == 28
    assert seconds < 30, f"{seconds:.1f} s"


@pytest.fixture(scope="module")
def predictions(real_data):
    """The answers of five checkpoints of one 7B model to the writeup's 1,369 questions, a table each."""
    rows = pandas.read_csv(real_data / "predictions/five_checkpoints_ten_subjects.csv.gz")
    tables = {model: own.reset_index(drop=True) for model, own in rows.groupby("model", sort=False)}
    first = next(iter(tables.values()))
    assert all(table[["subject", "test_index"]].equals(first[["subject", "test_index"]]) for table in tables.values())
    return tables


@pytest.fixture(scope="module")
def asked(real_data, predictions):
    """The writeup's questions, in the order of the predictions."""
    subjects = dict.fromkeys(next(iter(predictions.values()))["subject"])
    paths = [(real_data / f"mmlu/test/{subject}_test.csv", subject) for subject in subjects]
    return [question for path, subject in paths for question in questions.read_csv(path, subject, "test")]


@pytest.fixture(scope="module")
def analysis(real_data, predictions, asked):
    """The analysis of the five checkpoints."""
    first = next(iter(predictions.values()))
    subjects = list(dict.fromkeys(first["subject"]))
    digests = {(question.subject, question.index): question.sha256 for question in asked}
    columns = first[["subject", "test_index"]].rename(columns={"test_index": "index"})
    columns["question_sha256"] = [digests[place] for place in zip(columns["subject"], columns["index"], strict=True)]
    letters = {model: table["prediction"] for model, table in predictions.items()}
    merged, table = study_of_columns(columns, first["gold"], letters)
    labels = label_errors.match(label_errors.read(real_data / "mmlu_redux", subjects), asked)
    analysis = mistakes.analysis(merged, table, asked, labels)
    assert AnalysisFile.parse(analysis.model_dump_json(), "analysis.json") == analysis
    return analysis


def test_five_checkpoints_of_one_model_agree(analysis, predictions, asked):
    assert analysis.questions == 1291 and len(analysis.pairs) == 10  # of 1,369, 78 occur twice
    first = ~pandas.Series([question.sha256 for question in asked]).duplicated()
    once = {model: table[first] for model, table in predictions.items()}
    for pair in analysis.pairs:
        one, other = (once[model] for model in pair.models)
        shared = ((one["prediction"] == other["prediction"]) & (one["correct"] == 0)).sum()
        assert pair.same_wrong == pytest.approx(shared, abs=1)  # one of the answers is no letter
        assert pair.kappa > 0.8 and pair.capa > 0.75
        assert pair.both_wrong > 1.5 * pair.both_wrong_expected
        assert pair.same_wrong_rate > 0.85 > 0.5 > pair.same_wrong_null.high and pair.same_wrong_p == 1 / 2000
        assert pair.mcnemar.p_holm > 0.05  # and none is better than another
    assert analysis.cochran_q.p > 0.05
    w = analysis.difficulty.kendall_w
    assert w.w > 0.9 and w.expected > 0.8 and w.p > 0.05  # they agree on nearly every question, so on shuffled subjects too
    assert analysis.difficulty.p_mean < 0.01
    assert {"college_mathematics", "abstract_algebra", "college_chemistry"} == set(analysis.difficulty.order[:3])
    wrong = analysis.models_wrong
    assert wrong.p == wrong.p_within == 1 / 2000 and wrong.observed[0] > 10 * wrong.expected[0]
    assert wrong.observed[5] > 5 * wrong.expected[5]


def test_the_checkpoints_prefer_a(analysis):
    for model in analysis.models:
        assert model.letters["A"].share > 1.5 * model.letters["A"].gold_share
        assert model.letters["A"].recall > 0.6 and max(model.letters[letter].recall for letter in "BCD") < 0.5
        assert model.letter_spread.sd > 0.08 and model.recall_spread.sd > 0.1
        assert model.letter_spread.by_chance < 0.03 and model.letter_spread.p == 1 / 2000 < model.letter_spread.p_holm < 0.01
        assert model.warnings == []  # well under half of all answers, though
        assert model.guessing.p < 1e-30 and model.constant_letter.letter == "D"


def test_the_checkpoints_do_better_on_correct_labels(analysis):
    checks = analysis.label_errors
    assert (checks.checked, checks.flagged, checks.unmatched) == (970, 66, 0)
    for model in checks.models:
        assert model.flagged.share < model.checked.share < model.clean.share
        assert (model.clean.questions, model.flagged.questions) == (904, 66)
        assert model.change.low > 0 and model.change.p_holm < 0.05
        assert model.corrected.questions == 935 and model.checked.share < model.corrected.share


def test_agreement_beyond_chance_is_lower_than_plain_agreement(analysis, predictions):
    for (one, other), pair in zip(combinations(predictions.values(), 2), analysis.pairs, strict=True):
        assert pair.capa < (one["prediction"] == other["prediction"]).mean()


def inputs(folder, study, outcomes):
    """Write the input of analyse.py to a folder, and return its arguments."""
    return [*results.write(folder, study, outcomes), "--output", folder / "analysis.json"]


@pytest.fixture
def two_models(tmp_path):
    outcomes = [results.evaluation("a", "anatomy", RIGHT), results.evaluation("b", "anatomy", "ABAA" * 25)]
    return inputs(tmp_path, results.study(["a", "b"], ["anatomy"]), outcomes)


def test_the_program_writes_what_the_package_returns(run, two_models, tmp_path):
    process = run("analyse.py", *two_models)
    assert process.returncode == 0, process.stderr
    analysis = AnalysisFile.read(tmp_path / "analysis.json")
    assert [model.best_letter.correct for model in analysis.models] == [100, 50]
    assert "2 models, 1 pair on 100 questions" in process.stdout
    before = (tmp_path / "analysis.json").read_bytes()
    run("analyse.py", *two_models)
    assert (tmp_path / "analysis.json").read_bytes() == before


def test_the_analysis_of_an_empty_study_says_so(run, tmp_path):
    study = results.study(["m"], ["anatomy"])
    skipped = NotRun(model="m", requested=results.REQUESTED, reason="no such device", subject="anatomy")
    process = run("analyse.py", *inputs(tmp_path, study, [skipped]))
    assert process.returncode == 0, process.stderr
    assert "there is nothing to analyse" in process.stdout
    assert AnalysisFile.read(tmp_path / "analysis.json").models == []


def test_a_missing_folder_of_label_checks_is_reported_in_one_line(run, two_models, one_line, tmp_path):
    one_line(run("analyse.py", *two_models, "--label-errors", tmp_path / "nowhere"), "label_errors", "nowhere", "no folder")


def test_the_analysis_needs_no_model(root):
    for path in map(root.joinpath, sources.sources(root / "workflow/scripts/analyse.py")):
        assert "import torch" not in path.read_text() and "import transformers" not in path.read_text(), path
