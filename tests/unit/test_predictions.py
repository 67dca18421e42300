"""Imported predictions: what is read, what is refused, and what is reported about a model without probabilities."""

import gzip
import re
from dataclasses import replace

import numpy
import pandas
import pytest
from mmlu_kit import files
from mmlu_kit.analysis import pairs
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.config import ImportedEntry
from mmlu_kit.evaluation import records
from mmlu_kit.evaluation.answers import Record, Totals
from mmlu_kit.evaluation.records import Evaluation
from mmlu_kit.inputs.questions import Question
from mmlu_kit.report import figures
from mmlu_kit.report.explorer import explorer
from mmlu_kit.report.sentences import accuracy
from mmlu_kit.results import merging, predictions, summaries
from mmlu_kit.settings import LETTERS
from mmlu_kit.statistics import comparisons, proportions
from mmlu_kit.study import resolve
from mmlu_kit.timing.time_logs import Processes
from mmlu_kit.user_errors import UserError
from pydantic import ValidationError

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
    assert evaluation.totals == Totals(questions=4, guessed=1, correct=1, correct_generated=1, parsed=2)
    evaluation.write(tmp_path / "e.json")
    assert Evaluation.read(tmp_path / "e.json") == evaluation


def with_choices(*numbers):
    """Return questions with these numbers of choices, of which the last one is right."""
    return [
        Question("anatomy", "test", index, f"Question {index}?", tuple(f"text {n}" for n in range(number)), LETTERS[number - 1])
        for index, number in enumerate(numbers)
    ]


def imported(tmp_path, questions, texts):
    """Return the records of answers with these texts."""
    rows = [f"anatomy,{question.index},m,{text}" for question, text in zip(questions, texts, strict=True)]
    path = table(tmp_path, *rows, header="subject,test_index,model,prediction")
    return predictions.records(predictions.read(path, None), questions, "p.csv")


@pytest.mark.parametrize(
    ("texts", "letters"),
    [
        (["B", "C", "F", "J", "Z"], ["B", "C", None, "J", "Z"]),
        (["b", "(c)", "E.", "Answer: J", "The answer is Z"], ["B", "C", "E", "J", "Z"]),
        (["1", "2", "0", "9", "25"], ["B", "C", "A", "J", "Z"]),
        (["2", "2", "0", "10", "25"], [None, "C", "A", None, "Z"]),
        (["text 1", "text 2", "text 4", "I think so", "C"], ["B", "C", "E", None, "C"]),
    ],
)
def test_answers_name_a_choice_of_their_own_question(tmp_path, texts, letters):
    questions = with_choices(2, 3, 5, 10, 26)
    answered = imported(tmp_path, questions, texts)
    assert [record.predicted for record in answered] == [record.parsed for record in answered] == letters
    assert [record.choices for record in answered] == [2, 3, 5, 10, 26]
    assert [record.generated for record in answered] == texts
    totals = records.imported("m", "p.csv", "0" * 64, "anatomy", answered).totals
    assert totals.guessed == pytest.approx(1 / 2 + 1 / 3 + 1 / 5 + 1 / 10 + 1 / 26)
    assert totals.correct == totals.correct_generated == sum(record.correct for record in answered)


@pytest.mark.parametrize(
    ("numbers", "forms"),
    [
        ([2] * 4, "write A or B, the choice's own text, or a number from 0 to 1 in every row"),
        ([4] * 4, "write A, B, C or D, the choice's own text, or a number from 0 to 3 in every row"),
        ([3, 10, 5, 3], "write A to J, the choice's own text, or a number from 0 to 9 in every row"),
    ],
)
def test_unreadable_predictions_are_refused_with_the_forms_of_these_questions(tmp_path, numbers, forms):
    with pytest.raises(UserError, match=forms):
        imported(tmp_path, with_choices(*numbers), ["?"] * len(numbers))
    last = LETTERS[max(numbers) - 1]
    with pytest.raises(UserError, match=f"write the letters A to {last} .* from 0 for A to {max(numbers) - 1} for {last}"):
        imported(tmp_path, with_choices(*numbers), ["1"] * len(numbers))


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
        (["virology,0,m,A,A"], "no prediction for anatomy: leave out the subject, or add its predictions"),
        ([*answers("ABCD"), "anatomy,4,m,A,A"], "anatomy has no question 4: these are predictions for other questions"),
        ([*answers("ABCD"), "anatomy,2,m,A,C"], "line 6: a second prediction of m for anatomy 2"),
        ([*answers("ABC"), "anatomy,3,m,D,A"], "the gold letter for anatomy/test/3 is 'A', but 'D' in this study"),
        (["anatomy,first,m,A,A"], "line 2: test_index is 'first'; it must be the question's number, counted from 0"),
        (["anatomy,-1,m,A,A"], "line 2: test_index is '-1'"),
        (["anatomy,0,m"], "line 2: its number of columns differs from the header's"),
        ([], "has no model 'm'; it has no row"),
    ],
)
def test_predictions_that_do_not_match_the_questions_are_refused(tmp_path, rows, message):
    with pytest.raises(UserError, match=message):
        predictions.records(predictions.read(table(tmp_path, *rows), "m"), QUESTIONS, "p.csv")


def test_questions_without_a_prediction_are_left_out_and_said(tmp_path):
    run = results.evaluation("ran", "anatomy", "ABCD")
    path = table(tmp_path, *(answers("ABCD")[index] for index in (0, 3)))
    answered = predictions.records(predictions.read(path, "m"), QUESTIONS, "p.csv")
    assert [record.index for record in answered] == [0, 3]
    line = "2 of 2 answers read, 2 as a letter; no prediction for 2 of 4 questions, such as anatomy/test/1: they are left out"
    assert predictions.how_read(answered, QUESTIONS) == line
    theirs = records.imported("m", "p.csv", files.file_sha256(path), "anatomy", answered)
    study = results.study(["ran", "m"], ["anatomy"])
    study = study.model_copy(update={"models": study.models | {"m": ImportedEntry(predictions=str(path))}})
    merged = results.merge([*results.write(tmp_path, study, [run, theirs]), f"--predictions=m={path}"])
    analysis = results.analysis(merged, merging.table(study, [run, theirs]), QUESTIONS)
    assert [(model.questions, model.unanswered) for model in analysis.models] == [(4, 0), (2, 2)] and analysis.questions == 2
    report = results.report(merged, merging.table(study, [run, theirs]), QUESTIONS)
    assert "- **m**: its predictions have no answer to 2 of the 4 questions. Its numbers are over the others" in report
    assert "\n| m | 2 | 2 | **100.0%** |" in report


@pytest.mark.parametrize("letters", [(3, 0), (0, 0), (0, 4)])
def test_imported_answers_to_other_questions_are_refused(tmp_path, letters):
    answered = predictions.records(predictions.read(table(tmp_path, *answers("ABCD")), "m"), QUESTIONS, "p")
    plain = [record.plain() for record in answered]
    changed = [plain[0] | {"index": index} for index in letters]
    with pytest.raises((UserError, ValidationError), match=r"is after question|but .*\.jsonl has \d questions"):
        theirs = records.imported("m", "p.csv", "0" * 64, "anatomy", [Record(**one) for one in changed])
        results.write(tmp_path, results.study(["m"], ["anatomy"]), [theirs])


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
    assert ran.calibration.error.ece > 0 and theirs.calibration is None
    assert "imported without letter probabilities, so its confidence is not known." in " ".join(theirs.warnings)
    assert (theirs.generated.unparsed, theirs.best_letter.correct) == (10, 22)
    assert analysis.hardest[0].predicted["ran"] == "A"


def test_unreadable_answers_are_no_wrong_letters(mixed):
    merged, rows, questions = mixed
    analysis = results.analysis(merged, rows, questions)
    theirs = analysis.models[1]
    best = theirs.best_letter
    assert (best.correct, best.wrong, best.unparsed, best.accuracy) == (22, 68, 10, 0.22)
    assert (best.readable.questions, best.readable.accuracy, best.readable.highest) == (90, 22 / 90, 0.32)
    assert theirs.generated.readable == best.readable
    assert theirs.read_by == {"letter": 90} and analysis.models[0].read_by == {}
    assert theirs.letters["B"].share == 1.0 and theirs.letters["A"].share == 0.0
    assert (theirs.letters["B"].recall, theirs.letters["B"].gold_share) == (1.0, 0.25)
    assert theirs.guessing.p == proportions.better_than_guessing(22, [1 / 4] * 90)
    assert theirs.constant_letter.letter == "C" and theirs.constant_letter.accuracy == 23 / 90


def test_models_are_compared_where_both_answers_could_be_read(mixed):
    merged, rows, questions = mixed
    analysis = results.analysis(merged, rows, questions)
    assert analysis.questions == 100
    for pair in analysis.pairs:
        assert (pair.questions, pair.unread) == (90, 10)
        unread_wrong = pair.mcnemar_unread_wrong
        if pair.models == ("theirs", "others"):
            assert (pair.both_wrong, pair.same_wrong, pair.same_wrong_rate, pair.capa) == (68, 68, 1.0, pytest.approx(1))
            assert (pair.mcnemar.p, unread_wrong.p) == (1.0, 1.0)
        else:
            # The model that was run answers A, which is right in 22 of the 90, and in 3 of the 10.
            assert (pair.mcnemar.only_first, pair.mcnemar.only_second) == (22, 22)
            assert (unread_wrong.only_first, unread_wrong.only_second) == (25, 22)
            assert unread_wrong.p == comparisons.mcnemar(25, 22) and unread_wrong.p_holm >= unread_wrong.p
    assert analysis.models_wrong is None  # each always chooses one letter where it chooses any
    assert all(None not in question.predicted.values() for question in analysis.hardest)
    assert "10 of the 100 questions that every model answered have an answer that could not be read" in " ".join(
        analysis.warnings
    )


def test_what_is_hard_is_tested_on_the_questions_with_a_letter_of_each_model(mixed):
    merged, rows, questions = mixed
    right = rows["index"].ge(60) & rows["predicted"].notna()
    rows["predicted"] = rows["predicted"].mask(right, rows["gold"])
    rows["correct"] = rows["predicted"] == rows["gold"]
    analysis = results.analysis(merged, rows, questions)
    assert (analysis.models_wrong.questions, sum(analysis.models_wrong.observed)) == (90, 90)
    assert analysis.models_wrong.p == 1 / 2000


def test_unreadable_answers_neither_hide_nor_make_a_difference():
    """One model is better where both can be read, and has as many unreadable answers as the other has more wrong ones."""
    gold, questions = numpy.zeros(1000, numpy.int64), pandas.DataFrame({"subject": ["anatomy"] * 1000, "choices": 4})
    better, worse = gold.copy(), gold.copy()
    better[:60], worse[60:120] = pairs.NO_LETTER, 1
    pair = pairs.compare_pair(("a", "b"), better, worse, gold, questions)
    assert (pair.questions, pair.unread) == (940, 60)
    assert (pair.mcnemar.only_first, pair.mcnemar.only_second) == (60, 0) and pair.mcnemar.p < 1e-17
    unread_wrong = pair.mcnemar_unread_wrong
    assert (unread_wrong.only_first, unread_wrong.only_second, unread_wrong.p) == (60, 60, 1.0)


def test_models_that_share_no_readable_answer_are_compared_in_pairs_only(mixed):
    merged, rows, questions = mixed
    unread = rows["model"].eq("others") & rows["index"].ge(10)
    letters = {"predicted": None, "parsed": None, "correct": False, "correct_generated": False}
    rows = rows.assign(**{name: rows[name].astype(object).mask(unread, value) for name, value in letters.items()})
    analysis = results.analysis(merged, rows, questions)
    assert [pair.models for pair in analysis.pairs] == [("ran", "theirs")]
    assert analysis.models[2].best_letter.readable is None and analysis.models[2].best_letter.unparsed == 100
    assert analysis.models[2].guessing.p == analysis.models[2].constant_letter.p == 1
    assert analysis.difficulty.order == [] and analysis.models_wrong is analysis.cochran_q is None
    assert "No answer of a model could be read on anatomy: not among the hard subjects." in analysis.warnings
    assert "ran and others; theirs and others: there is no question of which both answers could be read." in analysis.warnings
    report = results.report(merged, rows, questions)
    assert "| ran, theirs, both readable (90 questions) | 22 | 22 | 0.0 points |" in report
    assert "There is no question of which every model's answer could be read" in report
    assert "ran nearly always chooses A" in report and "needs two models that do not nearly always choose one letter" in report
    assert AnalysisFile.parse(analysis.model_dump_json(), "analysis.json") == analysis


def test_the_report_says_what_is_unknown_about_imported_answers(mixed):
    merged, rows, questions = mixed
    report = results.report(merged, rows, questions)
    assert "**theirs** was not run here: its answers were imported from another run's predictions (`p.csv`)" in report
    assert "Not known for theirs, others." in report and "/somewhere" not in report
    assert "The times of theirs, others are not known" in report
    assert "not known. 90 of its 100 answers were read by rule, 90 as a letter; 10 could not be read." in report
    assert (
        "- **theirs**: 10 of its 100 answers could not be read. The accuracy of 22.0% counts them as not right; if all of them "
        "were right, it would be 32.0%. Of the 90 that could be read, 24.4% are right (95% interval 16.7% to 34.2%).\n"
        in report
    )
    assert (
        "10 of its 100 answers could not be read: 22.0% are right if these count as wrong, 32.0% if they count as right"
        in report
    )
    assert "Both tests are on the 90 others." in report
    assert "| theirs | answer | 90 of 100 | 24.4% | 16.7% to 34.2% | 22.0% | 32.0% |" in report
    assert "| theirs, others, both readable (90 questions) | 0 | 0 | 0.0 points |" in report
    assert "| theirs, others, unreadable as wrong (100 questions) | 0 | 0 | 0.0 points |" in report
    assert "| anatomy | 25.0% | 25.0% | 22.0% (22 right of 90 read) | 22.0% (22 right of 90 read) |" in report
    row = next(line for line in report.splitlines() if line.startswith("| theirs | 22 | 100 |"))
    assert row.endswith("| — |")
    assert not re.search(r"\bnan\b|[|(] ?None", report)


def test_the_sentence_on_unreadable_answers_has_the_range_and_the_worst_subjects(mixed):
    merged, _, _ = mixed
    theirs = summaries.summarize(merged, "theirs", ["anatomy"])

    def counted(questions, correct, parsed):
        return replace(theirs, questions=questions, correct=correct, parsed=parsed)

    subjects = {"anatomy": counted(135, 120, 134), "high_school_mathematics": counted(270, 25, 29)}
    sentence = accuracy.unread(counted(14_014, 11_355, 13_270), subjects)
    assert sentence == (
        "**theirs**: 744 of its 14,014 answers could not be read. The accuracy of 81.0% counts them as not right; if all of "
        "them were right, it would be 86.3%. Of the 13,270 that could be read, 85.6% are right (95% interval 85.0% to 86.2%). "
        "The most unreadable answers are in high_school_mathematics (25 right of 29 readable, of 270)."
    )
    assert accuracy.unread(counted(100, 50, 100), {}) is None
    assert accuracy.unread(summaries.summarize(merged, "ran", ["anatomy"]), {}) is None


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
    axes = figures.overall_accuracy(models, by_subject).axes[0]
    unread = next(bars for bars in axes.containers if bars.get_label() == "could not be read")
    assert [(bar.get_x(), bar.get_width()) for bar in unread] == [(25.0, 0.0), (22.0, 10.0), (22.0, 10.0)]
    cells = [text.get_text() for text in figures.subject_heatmap(models, by_subject).axes[0].texts]
    assert cells[0] == "25%\n(18 to 34)" and cells[1] == cells[2] == "22%\n(15 to 31)\n10 unread"
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
    judged = results.claims(mixed[0])
    assert not [claim for claim in judged.claims if "theirs" in claim.run.evidence]


def test_imported_accuracies_match_the_files_own_column(real_data):
    """Unparsed answers count as wrong in the file too, so its column `correct` is the reference."""
    from mmlu_kit.inputs import questions

    path = real_data / "predictions/five_checkpoints_ten_subjects.csv.gz"
    for model, rows in pandas.read_csv(path).groupby("model"):
        answers = predictions.read(path, model)
        for subject, subject_rows in rows.groupby("subject"):
            tests = questions.read_csv(real_data / f"mmlu/test/{subject}_test.csv", subject, "test")
            answered = predictions.records(answers, tests, str(path))
            assert sum(record.correct for record in answered) == subject_rows["correct"].sum()
