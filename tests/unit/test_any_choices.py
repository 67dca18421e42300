"""The analysis and the report of questions with any number of choices, and of models that generate no letter."""

import math

import pytest
from matplotlib import pyplot
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.report import captions, figures, mistake_figures
from mmlu_kit.report.explorer import explorer
from mmlu_kit.report.sentences import accuracy, difficulty
from mmlu_kit.results import merging, summaries
from mmlu_kit.settings import LETTERS
from mmlu_kit.subjects import SUBJECTS
from mmlu_kit.timing.time_logs import Processes

from tests.helpers import choices, results

MIXED = {"anatomy": choices.NUMBERS}
GUESSED = (1 / 3 + 1 / 4 + 1 / 5 + 1 / 10) / 4
LETTERED, CLOZE = {"m": choices.LETTERS}, {"c": choices.CLOZE}


def analysed(*arguments, **options) -> AnalysisFile:
    """Return the analysis of a made-up study, read back from JSON."""
    analysis = results.analysis(*choices.study(*arguments, **options))
    assert AnalysisFile.parse(analysis.model_dump_json(), "analysis.json") == analysis
    return analysis


def texts(draw, *data):
    """Return the texts of a figure, and check that it can be drawn."""
    figure = draw(*data)
    figure.canvas.draw()
    found = [text.get_text() for text in figure.findobj(figures.matplotlib.text.Text)]
    pyplot.close(figure)
    return found


def group(merged):
    """Return the data of the figures of a study's group."""
    (only,) = merged.study.groups
    return summaries.summarize_group(merged, only), summaries.by_subject(merged, only.models)


@pytest.mark.parametrize("number", [2, 3, 5, 10, 26])
def test_guessing_is_right_once_in_the_number_of_choices(number):
    (model,) = analysed(LETTERED, {"anatomy": [number]}, count=130, share=0).models
    assert model.guessing.accuracy == pytest.approx(1 / number) and model.choices == {number: 130}
    assert model.guessing.p > 0.01 and model.guessing.p_below > 0.01
    assert list(model.letters) == list(LETTERS[:number])
    assert sum(shares.share for shares in model.letters.values()) == pytest.approx(1)
    assert all(shares.expected_share == pytest.approx(1 / number) for shares in model.letters.values())


def test_guessing_is_the_mean_over_questions():
    (model,) = analysed(LETTERED, MIXED).models
    assert model.guessing.accuracy == pytest.approx(GUESSED)
    assert model.choices == dict.fromkeys(choices.NUMBERS, 10)
    assert model.letters["A"].expected_share == pytest.approx(GUESSED)
    assert model.letters["D"].expected_share == pytest.approx((1 / 4 + 1 / 5 + 1 / 10) / 4)
    assert model.letters["J"].expected_share == pytest.approx(1 / 40)


def test_a_model_without_a_preference_has_little_deviation_though_late_letters_are_rare():
    by_subject = {subject: [number] for subject, number in zip(SUBJECTS, choices.NUMBERS, strict=False)}
    (model,) = analysed(LETTERED, by_subject, count=1000, share=0).models
    assert model.letters["A"].share > 5 * model.letters["J"].share
    assert model.letter_spread.sd < 0.01 and model.recall_spread.sd < 0.05
    assert not [warning for warning in model.warnings if warning.startswith("It answered")]


@pytest.mark.parametrize(("number", "share", "warned"), [(2, 0.7, False), (2, 0.8, True), (10, 0.2, False), (10, 0.3, True)])
def test_a_preferred_letter_gives_a_warning_for_its_number_of_choices(number, share, warned):
    asked = choices.questions_on("anatomy", [number], 100)
    others = LETTERS[1:number]
    best = "".join("A" if index < 100 * share else others[index % len(others)] for index in range(100))
    made = results.evaluation("m", "anatomy", best, "-" * 100, choices=[number] * 100)
    study = results.study(["m"], ["anatomy"])
    merged = merging.merge(study, [made], [results.timing("m", "anatomy")], Processes({}))
    (model,) = results.analysis(merged, merging.table(study, [made]), asked).models
    assert any(warning.startswith("It answered A to") for warning in model.warnings) == warned


def test_models_that_guess_do_not_seem_to_fail_together_where_questions_have_more_choices():
    analysis = analysed({f"m{number}": choices.LETTERS for number in range(3)}, {"anatomy": [2, 10]}, count=1000, share=0)
    wrong = analysis.models_wrong
    assert wrong.p > 0.05 and sum(wrong.expected) == pytest.approx(1000)
    for pair in analysis.pairs:
        assert abs(pair.kappa) < 0.08 and pair.both_wrong == pytest.approx(pair.both_wrong_expected, rel=0.06)
    assert not [warning for warning in analysis.warnings if "letter bias" in warning]


def test_confidence_is_among_the_letters_of_each_question():
    analysis = analysed({"m": choices.LETTERS, "o": choices.ORDERS}, MIXED)
    best = math.exp(-0.5)
    others = {number: (number - 1) * math.exp(results.other_logprob(number)) for number in choices.NUMBERS}
    for model in analysis.models:  # every order gives the same probabilities here
        bins = model.calibration.bins
        assert sum(bin.count for bin in bins) == 40
        mean = sum(bin.count * bin.confidence for bin in bins) / 40
        assert model.calibration.confidence == pytest.approx(mean)
        assert mean == pytest.approx(sum(best / (best + other) for other in others.values()) / 4)


def test_a_cloze_model_has_no_generated_letter_and_no_confidence():
    cloze, lettered = analysed({**CLOZE, **LETTERED}, MIXED).models
    assert cloze.generated is cloze.calibration is None and lettered.generated and lettered.calibration
    assert "Its choices are scored without letters, so its confidence is not known." in cloze.warnings
    assert cloze.best_letter.unparsed == 0 and cloze.best_letter.correct + cloze.best_letter.wrong == 40
    assert cloze.guessing.accuracy == lettered.guessing.accuracy


def test_a_place_that_a_cloze_model_prefers_is_called_a_choice():
    merged, table = results.merged(results.study(["m"], ["anatomy"]), {"m": {"anatomy": "A" * 40}})
    [lettered] = results.analysis(merged, table).models
    assert accuracy.always(lettered).startswith("**m** answered A to 100.0% of the questions: its accuracy is the share of A")
    cloze = lettered.model_copy(update={"generated": None})
    assert accuracy.always(cloze).startswith("**m** chose choice A for 100.0% of the questions: its accuracy is the share of A")
    assert not [warning for warning in lettered.warnings if "answered A to" in warning]  # as the report begins with it


def test_the_report_of_cloze_models_has_nothing_generated():
    merged, table, asked = choices.study({**CLOZE, "o": choices.OLMES}, MIXED)
    report = results.report(merged, table, asked)
    assert "Nothing" not in report and report.count("nothing is generated") == 1
    assert "c: cloze, per character; o: cloze (olmes), PMI" in report
    assert "enerated letter" not in report and "answer_outcomes" not in report and "est letter" not in report
    assert "Do Models Prefer a Place?" in report and "always choosing choice" in report
    assert "wrong letter" not in report and "letter bias" not in report and "| Same wrong answer |" in report
    assert "there A is the first choice, B the second and so on" in report
    assert "guessing reaches 22.1%" in report and "guessing, which reaches 22.1% (exact Poisson-binomial test" in report
    analysis = results.analysis(merged, table, asked)
    assert not {"answer_outcomes", "reliability"} & set(captions.drawable(analysis))


def test_the_report_of_letters_and_cloze_says_so_once():
    merged, table, asked = choices.study({**LETTERED, **CLOZE, "o": choices.ORDERS}, MIXED)
    report = results.report(merged, table, asked)
    assert report.count("nothing is generated (c: cloze, per character)") == 1
    assert "the one of A to J, as many as the question has choices (3 to 10 choices), that is most probable" in report
    assert "Of o it is the letter of the choice that is most probable on average over every rotation" in report
    assert "All numbers are by the best answer, unless the generated letter is named." in report
    assert "m calibration error" in report and "c calibration error" not in report
    assert "Not known for c." in report
    assert "probability among the letters, of o on average over every order of the choices." in report
    assert "o saw every choice under every letter" in report
    assert "| letters over all orders, 0-shot |" in report and "| cloze, per character, 0-shot |" in report


@pytest.mark.parametrize(
    ("number", "reaches", "letters"),
    [(2, "50%", "A, B"), (3, "33.3%", "A, B, C"), (5, "20%", "A, B, C, D, E"), (10, "10%", "A to J"), (26, "3.8%", "A to Z")],
)
def test_the_report_says_what_guessing_reaches(number, reaches, letters):
    report = results.report(*choices.study(LETTERED, {"anatomy": [number]}))
    assert f"is the one of {letters} that is most probable" in report
    assert f"guessing reaches {reaches};" in report or f"guessing reaches {reaches}." in report
    assert f"guessing, which reaches {reaches} (exact binomial test" in report and "25%" not in results_and_mistakes(report)


def results_and_mistakes(report):
    """Return the parts of a report on accuracy and mistakes."""
    return report[report.index("### Overall Accuracy") : report.index("### Hardest Questions")]


def test_subjects_with_other_numbers_of_choices_show_what_guessing_reaches():
    report = results.report(*choices.study(LETTERED, {"anatomy": [2], "virology": [10]}))
    assert "| Subject | Guessing | Mean accuracy | m |" in report
    assert "| anatomy | 50.0% |" in report and "| virology | 10.0% |" in report


def test_subjects_that_only_guessing_makes_easier_are_not_called_hard_or_easy():
    by_subject = {subject: [number] for subject, number in zip(SUBJECTS, (2, 3, 4, 5, 10, 26), strict=False)}
    asked = {f"m{number}": choices.LETTERS for number in range(4)}
    analysis = analysed(asked, by_subject, count=200, share=0)
    assert analysis.difficulty.kendall_w is None and analysis.difficulty.order[-1] == SUBJECTS[0]
    assert difficulty.subject_order(analysis.difficulty) == (
        "Whether models find the same subjects hard cannot be tested: each subject has its own number of choices."
    )


def test_many_letters_are_rows_of_their_table():
    report = results.report(*choices.study({**LETTERED, "n": choices.LETTERS}, {"anatomy": [10]}))
    assert "| Letter | Right | m | m, recall | n | n, recall |" in report
    assert len([line for line in report.splitlines() if line.startswith("| J |")]) == 1


def test_the_line_of_guessing_is_at_each_models_mean():
    merged, _, _ = choices.study(
        {**LETTERED, "n": choices.LETTERS}, {"anatomy": [2], "virology": [10]}, without=[("n", "anatomy")]
    )
    models, rows = group(merged)
    for draw in (figures.overall_accuracy, figures.efficiency):
        figure = draw(models, rows)
        axis = 0 if draw is figures.overall_accuracy else 1
        ends = [line.get_data()[axis] for line in figure.axes[0].lines if line.get_linestyle() == "--"]
        assert [list(end) for end in ends] == [pytest.approx([30, 30]), pytest.approx([10, 10])]
        assert [text.get_text() for text in figure.legends[0].get_texts()].count("guessing (10% to 30%)") == 1
        pyplot.close(figure)


def test_figures_of_any_number_of_choices_have_its_guessing():
    for number, label in ((3, "guessing (33.3%)"), (4, "guessing (25%)"), (26, "guessing (3.8%)")):
        merged, table, asked = choices.study(LETTERED, {"anatomy": [number]})
        assert label in texts(figures.overall_accuracy, *group(merged))
        assert label in texts(mistake_figures.reliability, results.analysis(merged, table, asked))


def test_a_figure_of_a_cloze_model_has_no_generated_letter():
    found = texts(figures.overall_accuracy, *group(choices.study(CLOZE, MIXED)[0]))
    assert "best answer" in found and "generated letter" not in found
    both = texts(figures.overall_accuracy, *group(choices.study({**CLOZE, **LETTERED}, MIXED)[0]))
    assert "best answer" in both and "generated letter" in both and "best letter" not in both


@pytest.mark.parametrize("number", [2, 5, 6, 7, 10, 26])
def test_each_letter_is_on_the_figure(number):
    analysis = analysed({**LETTERED, "n": choices.LETTERS}, {"anatomy": [number]}, count=130)
    found = texts(mistake_figures.letter_bias, analysis)
    assert set(LETTERS[:number]) <= {text[:1] for text in found if len(text) == 1}
    figures.render(mistake_figures.letter_bias, "png", analysis)


def test_the_explorer_has_each_questions_choices():
    merged, table, asked = choices.study({**LETTERED, **CLOZE, "o": choices.ORDERS}, MIXED, count=8)
    data = explorer(merged, table, asked)
    assert [len(texts) for texts in data.choices] == [3, 4, 5, 10] * 2 and data.choices[3] == list(asked[3].choices)
    lettered, cloze, orders = data.models
    assert len(lettered.probabilities) == len(cloze.logprobs) == 2 * sum(choices.NUMBERS)
    best = LETTERS.index(lettered.predicted[1])
    assert lettered.probabilities[3 + best] == round(10_000 * math.exp(-0.5))
    assert cloze.probabilities is cloze.parsed is cloze.generated is lettered.logprobs is None
    text = asked[1].choices[LETTERS.index(cloze.predicted[1])]
    assert cloze.logprobs[3 + LETTERS.index(cloze.predicted[1])] == -50 * len(text)
    assert orders.in_every_order and not lettered.in_every_order
    assert sum(orders.probabilities[:3]) == pytest.approx(10_000, abs=3)
