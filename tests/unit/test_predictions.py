"""Imported predictions: what is read, what is refused, and what is reported about a model without probabilities."""

import gzip
import re

import pytest
from mmlu_kit.config import ImportedEntry
from mmlu_kit.evaluation import records
from mmlu_kit.evaluation.records import Evaluation, Totals
from mmlu_kit.report import figures
from mmlu_kit.report.explorer import explorer
from mmlu_kit.results import merging, predictions, summaries
from mmlu_kit.study import resolve
from mmlu_kit.timing.time_logs import Processes
from mmlu_kit.user_errors import UserError

from tests.helpers import results

HEADER = "subject,test_index,model,prediction,gold"
QUESTIONS = [results.question("anatomy", index) for index in range(4)]


def table(tmp_path, *rows, header=HEADER, name="p.csv"):
    path = tmp_path / name
    text = "\n".join([header, *rows]) + "\n"
    path.write_bytes(gzip.compress(text.encode()) if name.endswith(".gz") else text.encode())
    return path


def answers(letters, model="m"):
    return [f"anatomy,{index},{model},{letter},{results.GOLD[index]}" for index, letter in enumerate(letters)]


@pytest.mark.parametrize("name", ["p.csv", "p.csv.gz"])
def test_other_predictions_than_letters_are_unparsed(tmp_path, name):
    path = table(tmp_path, *answers(["A", "C", "[Invalid] : Hit", "E"]), "virology,9,m,A,B", name=name)
    answered = predictions.records(predictions.read(path, None), QUESTIONS, "p.csv")
    assert [record.predicted for record in answered] == ["A", "C", None, None]
    assert [record.correct for record in answered] == [True, False, False, False]
    assert [record.generated for record in answered] == ["A", "C", "[Invalid] : Hit", "E"]
    evaluation = records.imported("m", "p.csv", "0" * 64, "anatomy", answered)
    assert evaluation.totals == Totals(questions=4, correct=1, correct_generated=1, parsed=2)
    evaluation.write(tmp_path / "e.json")
    assert Evaluation.read(tmp_path / "e.json") == evaluation


def test_one_of_several_models_is_chosen_by_name(tmp_path):
    path = table(tmp_path, *answers("AAAA", "one"), *answers("BBBB", "two"))
    assert {prediction.text for prediction in predictions.read(path, "two").values()} == {"B"}
    with pytest.raises(UserError, match="has several models, one, two: name one as the model's predictions_model"):
        predictions.read(path, None)
    with pytest.raises(UserError, match="has no model 'three'; it has one, two"):
        predictions.read(path, "three")


def test_the_gold_column_is_optional(tmp_path):
    path = table(tmp_path, *(f"anatomy,{index},m,A" for index in range(4)), header="subject,test_index,model,prediction")
    assert sum(record.correct for record in predictions.records(predictions.read(path, None), QUESTIONS, "p")) == 1


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (answers("ABC"), "no prediction for anatomy/test/3: every question"),
        (answers("A"), "no prediction for anatomy/test/1 and 2 more"),
        ([*answers("ABCD"), "anatomy,4,m,A,A"], "anatomy has no question 4: these are predictions for other questions"),
        ([*answers("ABCD"), "anatomy,2,m,A,C"], "line 6: a second prediction of m for anatomy 2"),
        ([*answers("ABC"), "anatomy,3,m,D,A"], "the gold letter for anatomy/test/3 is 'A', but 'D' in this study"),
        (["anatomy,first,m,A,A"], "line 2: test_index is 'first'; it must be the question's number, counted from 0"),
        (["anatomy,-1,m,A,A"], "line 2: test_index is '-1'"),
        (["anatomy,0,m"], "line 2: its number of columns differs from the header's"),
        ([], "no prediction for anatomy/test/0 and 3 more|has no model"),
    ],
)
def test_predictions_that_do_not_match_the_questions_are_refused(tmp_path, rows, message):
    with pytest.raises(UserError, match=message):
        predictions.records(predictions.read(table(tmp_path, *rows), "m"), QUESTIONS, "p.csv")


def test_invalid_csv_files_are_refused(tmp_path):
    with pytest.raises(UserError, match="its header lacks model, prediction; it needs subject, test_index, model, prediction"):
        predictions.read(table(tmp_path, header="subject,test_index"), None)
    (tmp_path / "p.csv.gz").write_bytes(gzip.compress(HEADER.encode() * 100)[:40])
    with pytest.raises(UserError, match="is not a complete gzip file"):
        predictions.read(tmp_path / "p.csv.gz", None)
    (tmp_path / "p.csv").write_bytes(b"subject,\xff")
    with pytest.raises(UserError, match="is not UTF-8 text"):
        predictions.read(tmp_path / "p.csv", None)


def test_a_gzip_bomb_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(predictions, "MOST_BYTES", 10_000)
    path = table(tmp_path, *answers("ABCD") * 1000, name="p.csv.gz")
    with pytest.raises(UserError, match="has more than 0 MB of text"):
        predictions.read(path, None)


def config(tmp_path, **entry):
    path = table(tmp_path, *answers("ABCD"))
    group = {"title": "Small", "models": ["theirs"]}
    study = {"title": "T", "questions": "q", "subjects": ["anatomy"], "groups": {"small": group}}
    return {
        "study": "s",
        "only": [],
        "images": {"cpu": "c", "cuda": "c"},
        "questions": {"q": {"path": str(tmp_path)}},
        "models": {"theirs": {"predictions": str(path), **entry}},
        "studies": {"s": study},
    }


def test_an_imported_model_has_no_settings(tmp_path):
    study = resolve(config(tmp_path, description="theirs"))
    assert isinstance(study.models["theirs"], ImportedEntry) and study.imported == ["theirs"] and study.run == {}
    with pytest.raises(UserError, match=r"config: models\.theirs.*'device' is not a key here; known: predictions"):
        resolve(config(tmp_path, device="cpu", dtype="float32"))
    with pytest.raises(UserError, match=r"config: models\.theirs\.predictions: there is no file /none\.csv"):
        resolve(config(tmp_path, predictions="/none.csv"))


def test_an_imported_model_is_not_run_as_a_baseline(tmp_path):
    with_baseline = config(tmp_path)
    with_baseline["studies"]["s"]["baseline"] = {"model": "theirs", "subjects": ["anatomy"]}
    with pytest.raises(UserError, match="'theirs' has only imported predictions and cannot be run: name it only in groups"):
        resolve(with_baseline)


@pytest.fixture
def mixed(tmp_path):
    """merged.json, questions.csv and questions of one model that was run and two that were imported."""
    questions = [results.question("anatomy", index) for index in range(100)]
    study = results.study(["ran", "theirs", "others"], ["anatomy"])
    imported = dict.fromkeys(("theirs", "others"), ImportedEntry(predictions="/somewhere/p.csv"))
    study = study.model_copy(update={"models": study.models | imported})
    evaluations = [results.evaluation("ran", "anatomy", "A" * 100)]
    # Both write no letter to questions 0 to 9, and 'B' to all others.
    for model in ("theirs", "others"):
        path = table(tmp_path, *answers(["?"] * 10 + ["B"] * 90, model))
        answered = predictions.records(predictions.read(path, None), questions, "p.csv")
        evaluations.append(records.imported(model, "p.csv", "0" * 64, "anatomy", answered))
    processes = Processes({"ran/anatomy.time": results.process()})
    merged = merging.merge(study, evaluations, [results.timing("ran", "anatomy")], processes)
    return merged, merging.table(study, evaluations), questions


def test_the_analysis_of_imported_answers_has_no_probabilities(mixed):
    merged, rows, questions = mixed
    analysis = results.analysis(merged, rows, questions)
    ran, theirs, _ = analysis.models
    assert ran.calibration.ece > 0 and theirs.calibration is None
    assert "imported without letter probabilities, so its confidence is not known." in " ".join(theirs.warnings)
    assert (theirs.generated.unparsed, theirs.best_letter.correct) == (10, 22)
    assert analysis.hardest[0].predicted["ran"] == "A"


def test_two_unparsed_answers_are_not_the_same_wrong_letter(mixed):
    merged, rows, questions = mixed
    pairs = results.analysis(merged, rows, questions).pairs
    pair = next(pair for pair in pairs if list(pair.models) == ["theirs", "others"])
    assert (pair.both_wrong, pair.same_wrong, pair.same_wrong_rate) == (78, 68, 1.0)
    # They agree on 90 of 100; independent models of their accuracy of 22 % would on .22² + .78² / 3.
    expected = 0.22**2 + 0.78**2 / 3
    assert pair.capa == pytest.approx((0.9 - expected) / (1 - expected))


def test_the_report_says_what_is_unknown_about_imported_answers(mixed):
    merged, rows, questions = mixed
    report = results.report(merged, rows, questions)
    assert "**theirs** was not run here: its answers were imported from another run's predictions (`p.csv`)" in report
    assert "Not known for theirs, others." in report and "/somewhere" not in report
    assert "The times of theirs, others are not known" in report
    row = next(line for line in report.splitlines() if line.startswith("| theirs | 22 | 100 |"))
    assert row.endswith("| — | — |")
    assert not re.search(r"\bnan\b|[|(] ?None", report)


def test_a_report_of_imported_answers_has_no_reliability_figure(mixed):
    merged, rows, questions = mixed
    group = merged.study.groups[0].model_copy(update={"models": ["theirs", "others"]})
    merged = merged.model_copy(update={"study": merged.study.model_copy(update={"groups": [group]})})
    rows = rows[rows["model"] != "ran"]
    report = results.report(merged, rows, questions)
    assert "The letter probabilities are not known for any model." in report and "reliability" not in report
    assert "questions that every model missed. `analysis.json` has" in report


def test_time_and_reliability_figures_can_include_imported_models(mixed):
    merged, rows, questions = mixed
    from mmlu_kit.report import captions, mistake_figures

    models = summaries.summarize_group(merged, merged.study.groups[0])
    by_subject = summaries.by_subject(merged, [model.model for model in models])
    for draw in (figures.efficiency, figures.timing_comparison, figures.time_ledger):
        figures.render(draw, "svg", models, by_subject)
    analysis = results.analysis(merged, rows, questions)
    assert "reliability" in captions.drawable(analysis)
    labels = [text.get_text() for text in mistake_figures.reliability(analysis).legends[0].get_texts()]
    assert any("ran" in label for label in labels) and not any("theirs" in label for label in labels)


def test_the_explorer_has_letters_without_probabilities(mixed):
    merged, rows, questions = mixed
    data = explorer(merged, rows, questions)
    ran, theirs, _ = data.models
    assert theirs.probabilities is None and len(ran.probabilities) == 400
    assert theirs.predicted == theirs.parsed == "-" * 10 + "B" * 90
    assert theirs.texts[theirs.generated[0]] == "?"


def test_claims_on_sizes_and_devices_ignore_imported_models(mixed):
    merged, rows, questions = mixed
    judged = results.claims(merged, results.analysis(merged, rows, questions))
    assert not [claim for claim in judged.claims if "theirs" in claim.run.evidence]


def test_imported_accuracies_match_the_files_own_column(real_data):
    """Unparsed answers count as wrong in the file too, so its column `correct` is the reference."""
    import pandas
    from mmlu_kit.inputs import questions

    path = real_data / "predictions/five_checkpoints_ten_subjects.csv.gz"
    for model, rows in pandas.read_csv(path).groupby("model"):
        answers = predictions.read(path, model)
        for subject, subject_rows in rows.groupby("subject"):
            tests = questions.read_csv(real_data / f"mmlu/test/{subject}_test.csv", subject, "test")
            answered = predictions.records(answers, tests, str(path))
            assert sum(record.correct for record in answered) == subject_rows["correct"].sum()
