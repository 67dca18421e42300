"""A question that occurs more than once counts once in every number over questions, and the report says so."""

import pytest
from mmlu_kit.analysis import label_errors, mistakes
from mmlu_kit.claims import model_rows, ratio_rows
from mmlu_kit.claims.reference import Published
from mmlu_kit.config import SubjectsOfModel
from mmlu_kit.inputs import question_faults
from mmlu_kit.jobs import ending
from mmlu_kit.report.sections import evaluation
from mmlu_kit.results import merging, summaries
from mmlu_kit.statistics import intervals
from mmlu_kit.timing.time_logs import Processes
from scipy import stats

from tests.helpers import results
from tests.helpers.reports import tables

SUBJECTS = ["anatomy", "astronomy", "virology"]
RIGHT, WRONG = "ABCDABCD", "BABABABA"
# The questions that are the same: (subject, index) -> (subject, index) of the first copy.
COPIES = {("astronomy", 0): ("anatomy", 0), ("astronomy", 4): ("anatomy", 4), ("virology", 0): ("anatomy", 0)}


def asked():
    """Return 24 questions of which three are copies."""
    questions = {(subject, index): results.question(subject, index) for subject in SUBJECTS for index in range(8)}
    for (subject, index), first in COPIES.items():
        same = questions[first]
        questions[subject, index] = type(same)(subject, "test", index, same.question, same.choices, same.answer)
    return questions


def study_of(answers, subjects=SUBJECTS, generated=None, **changes):
    """Return merged.json and questions.csv of answers by model and subject; `generated` are texts as in results.evaluation."""
    questions, evaluations = asked(), []
    for model, by_subject in answers.items():
        for subject, letters in by_subject.items():
            made = results.evaluation(model, subject, letters, generated)
            digests = [questions[subject, record.index].sha256 for record in made.records]
            rows = [r.model_copy(update={"question_sha256": d}) for r, d in zip(made.records, digests, strict=True)]
            evaluations.append(made.model_copy(update={"records": rows}))
    study = results.study(list(answers), subjects, **changes)
    timings = [results.timing(one.model, one.subject) for one in evaluations]
    return merging.merge(study, evaluations, timings, Processes({})), merging.table(study, evaluations)


def analysis_of(merged, table, labels=None):
    questions = list(asked().values())
    return mistakes.analysis(merged, table, questions, labels, question_faults.faults(questions))


@pytest.mark.parametrize(
    ("subjects", "correct"),
    [
        (SUBJECTS, 8 + 0 + 0),  # the first of the study's subjects is right on all of its copies
        (SUBJECTS[::-1], 6 + 0 + 0),  # its copies count in virology and astronomy, where they are wrong
    ],
)
def test_the_copy_in_the_studys_first_subject_counts(subjects, correct):
    answers = {"a": {"virology": WRONG, "astronomy": WRONG, "anatomy": RIGHT}}
    # Of a baseline, other subjects come first in merged.json.
    merged, table = study_of(answers, subjects, baseline=SubjectsOfModel(model="a", subjects=["astronomy"]))
    summary = summaries.summarize(merged, "a", SUBJECTS)
    assert (summary.questions, summary.correct, summary.every_copy.questions, summary.every_copy.correct) == (
        21,
        correct,
        24,
        8,
    )
    assert (summary.accuracy_low, summary.accuracy_high) == intervals.wilson(correct, 21)
    model = analysis_of(merged, table).models[0]
    assert (model.questions, model.best_letter.correct, model.generated.correct) == (21, correct, correct)
    assert sum(bin.count for bin in model.calibration.bins) == 21
    (row,) = [line for line in ending.table(merged) if line.startswith("a ")]
    assert row.split()[1:3] == ["21", f"{100 * correct / 21:.1f}%"]


def test_a_subjects_own_accuracy_and_the_times_have_every_copy():
    merged, table = study_of({"a": {"anatomy": RIGHT, "astronomy": WRONG, "virology": RIGHT}})
    rows = summaries.by_subject(merged, ["a"])
    assert [(row.questions, row.mean) for row in rows] == [(8, 1.0), (8, 0.0), (8, 1.0)]
    analysis = analysis_of(merged, table)
    assert analysis.models[0].macro_accuracy == pytest.approx(2 / 3)
    assert analysis.difficulty.order == ["astronomy", "anatomy", "virology"]
    assert evaluation.section(merged, ["a"], analysis.models).subjects[-1] == ["**all 3**", "**21**"]
    report = results.report(merged, table, list(asked().values()))
    (times,) = tables(report, "### Execution Time Comparison")
    assert times[1][3] == "4"  # 24 questions in 6 s
    (accuracies,) = tables(report, "### Overall Accuracy")
    assert accuracies[1][1:4] == ["15", "21", "71.4%"]


def test_of_a_model_without_the_first_subject_the_next_copy_counts():
    merged, table = study_of({"a": {"anatomy": RIGHT, "astronomy": WRONG}, "b": {"astronomy": RIGHT, "virology": RIGHT}})
    assert [summaries.summarize(merged, model, SUBJECTS).questions for model in "ab"] == [14, 15]
    analysis = analysis_of(merged, table)
    assert [model.questions for model in analysis.models] == [14, 15]
    assert analysis.questions == 8  # both answered astronomy, where no question occurs twice


def test_models_are_compared_on_each_question_once():
    merged, table = study_of({"a": dict.fromkeys(SUBJECTS, RIGHT), "b": dict.fromkeys(SUBJECTS, WRONG)})
    analysis = analysis_of(merged, table)
    (pair,) = analysis.pairs
    assert analysis.questions == pair.questions == pair.mcnemar.only_first == 21
    assert sum(analysis.models_wrong.observed) == 21
    nobody, table = study_of({"a": dict.fromkeys(SUBJECTS, WRONG), "b": dict.fromkeys(SUBJECTS, WRONG)})
    assert len(analysis_of(nobody, table).hardest) == 21


def test_subjects_are_ranked_by_the_accuracies_that_the_report_shows():
    """Without the copies of astronomy and virology, model b would rank them the other way round."""
    answers = {
        "a": {"anatomy": RIGHT, "astronomy": "ABCDABBA", "virology": "ABCDBABA"},
        "b": {"anatomy": "ABCDABBA", "astronomy": "ABABABBA", "virology": "BBCDBABA"},
    }
    analysis = analysis_of(*study_of(answers))
    ranked = stats.rankdata([[8, 6, 4], [6, 4, 3]], axis=1)
    friedman = stats.friedmanchisquare(*ranked.T).statistic
    assert analysis.difficulty.order == ["virology", "astronomy", "anatomy"]
    assert analysis.difficulty.kendall_w.w == pytest.approx(friedman / (2 * 2)) == 1


def test_a_repeated_question_of_one_subject_counts_once_there_too(monkeypatch):
    monkeypatch.setitem(COPIES, ("anatomy", 5), ("anatomy", 1))
    merged, table = study_of({"a": {"anatomy": "ABCDAACD"}})  # the first copy is right, the second wrong
    summary = summaries.summarize(merged, "a", ["anatomy"])
    assert (summary.correct, summary.questions, summary.every_copy.questions) == (7, 7, 8)
    analysis = analysis_of(merged, table)
    assert analysis.models[0].macro_accuracy == 1.0 and analysis.models[0].questions == 7


def test_label_checks_of_copies_are_one_check():
    types = {("anatomy", 0): "ok", ("astronomy", 0): "wrong groundtruth", ("virology", 1): "ok"}
    labels = label_errors.LabelChecks(types, 0)
    errors = analysis_of(*study_of({"a": dict.fromkeys(SUBJECTS, RIGHT)}), labels).label_errors
    assert (errors.checked, errors.flagged, errors.models[0].flagged.questions) == (2, 1, 1)


def test_the_writeups_numbers_are_compared_with_every_copy(root):
    merged, _ = study_of({"a": {"anatomy": RIGHT, "astronomy": WRONG}})
    published = Published.read_yaml(root / "workflow/reference/published.yaml")
    name = next(iter(published.models))
    number = model_rows._accuracy(published, merged, name, "a", SUBJECTS[:2], 0.5)
    assert number.value == 8 / 16  # as the writeup counts
    assert number.low == number.high == 8 / 16  # of another number of questions
    assert number.reason.endswith("; 2 copies of repeated questions count here, as in the published number")


def test_a_ratio_of_the_writeup_is_compared_with_every_copy(root):
    by_model = {"a": dict.fromkeys(SUBJECTS, RIGHT), "b": {"anatomy": RIGHT, "astronomy": RIGHT, "virology": WRONG}}
    merged, _ = study_of(by_model)
    a, b = (summaries.summarize(merged, model, SUBJECTS) for model in "ab")
    published = Published.read_yaml(root / "workflow/reference/published.yaml")
    number = ratio_rows._ratio_of_accuracies(published, a, b)
    assert number.value == pytest.approx(24 / 16)
    assert (number.low, number.high) == pytest.approx((23 / 17, 24 / 15))  # one answer more or less of each, as far as can be


def test_the_report_says_which_questions_count_once():
    merged, table = study_of({"a": dict.fromkeys(SUBJECTS, RIGHT)})
    report = results.report(merged, table, list(asked().values()))
    assert "- 1 question is in anatomy, astronomy and virology (`anatomy 0`): it counts once in totals" in report
    assert "- 1 question is in both anatomy and astronomy (`anatomy 4`): it counts once in totals" in report


def test_an_unreadable_answer_to_a_repeated_question_counts_once_on_the_terminal():
    merged, _ = study_of({"m": {"anatomy": RIGHT, "astronomy": RIGHT}}, ["anatomy", "astronomy"], generated="-BCD-BC-")
    imported = merged.model_copy(update={"models": {"m": merged.models["m"].model_copy(update={"effective": None})}})
    assert summaries.summarize(imported, "m", SUBJECTS).unread == 3 + 1
    assert ending.table(imported)[1].endswith("answers imported, 4 of them unreadable")
