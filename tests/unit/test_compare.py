"""mmlu-kit compare as people run it: its exit statuses, what it prints, and mistakes in one line."""

import argparse
import json

import pytest
from mmlu_kit.cli import compare
from mmlu_kit.config import ImportedEntry
from mmlu_kit.evaluation import records
from mmlu_kit.user_errors import UserError

from tests.helpers import precisions as made
from tests.helpers import results
from tests.hostile.records import edit

GOLD = results.GOLD * 6
FLIP = str.maketrans("ABCD", "BCDA")
QUARTERS = {"quantization": "4bit"}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A finished study: a model, the same within and beyond the margin, other weights, and imported answers."""
    folder = tmp_path_factory.mktemp("compare")
    worse = GOLD[:60].translate(FLIP) + GOLD[60:]
    imported = [
        record.model_copy(
            update={
                **dict.fromkeys(("prompt_sha256", "prompt_tokens", "examples", "letter_logprobs", "letter_mass")),
                **({"predicted": None, "correct": False} if record.index < 5 else {}),
            }
        )
        for record in made.sure(GOLD)
    ]
    evaluations = [
        made.evaluation("full", made.sure(GOLD)),
        made.evaluation("half", made.sure(GOLD, confidence=-0.51), dtype="bfloat16"),
        made.evaluation("quarter", made.sure(worse, confidence=-0.7), **QUARTERS),
        made.evaluation("cloudy", made.sure(GOLD[:3].translate(FLIP) + GOLD[3:]), dtype="float16"),
        made.evaluation("other", made.sure(GOLD), weights="other", examples=0, preset="writeup"),
        records.imported("imported", "p.csv", "0" * 64, "anatomy", imported),
    ]
    study = made.study(evaluations[:-1], name="mine")
    models = {**study.models, "imported": ImportedEntry(predictions="p.csv")}
    groups = [study.groups[0].model_copy(update={"models": list(models)})]
    results.write(folder, study.model_copy(update={"models": models, "groups": groups}), evaluations)
    return folder


@pytest.fixture
def printed(capsys):
    """Compare two models here: printed('a', 'b', …) gives the exit status and the lines."""

    def run(*arguments):
        parser = argparse.ArgumentParser()
        compare.add_arguments(parser)
        with pytest.raises(SystemExit) as exit_:
            compare.run(parser.parse_args([*map(str, arguments)]))
        return exit_.value.code, capsys.readouterr().out.splitlines()

    return run


@pytest.mark.parametrize(
    ("models", "status", "text"),
    [
        (
            ("full", "half"),
            0,
            "half is no worse than full by more than 1 point: half minus full is 0.0 points on 600 questions",
        ),
        (("full", "quarter"), 1, "quarter is worse than full: quarter minus full is -10.0 points on 600 questions"),
        (
            ("full", "cloudy"),
            2,
            "Whether cloudy is worse than full by more than 1 point cannot be told from these questions: ",
        ),
    ],
)
def test_the_exit_status_is_the_verdict(kit, folder, models, status, text):
    process = kit("compare", "--study", "mine", *models, cwd=folder)
    assert (process.returncode, process.stderr) == (status, "")
    assert text in process.stdout.splitlines()[-1]


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (("quarter", "full"), 0, "full is better than quarter: full minus quarter is 10.0 points"),
        (("full", "cloudy", "--margin", "2"), 0, "cloudy is no worse than full by more than 2 points: "),
        (("full", "quarter", "--margin", "20"), 0, "quarter is worse than full, but by no more than 20 points: "),
    ],
)
def test_the_order_and_the_margin_decide(printed, folder, arguments, status, text):
    code, lines = printed(*arguments, "--results", folder / "results/mine")
    assert code == status and text in lines[-1]


def test_the_first_line_the_table_and_the_sentence(printed, folder):
    _, lines = printed("full", "quarter", "--results", folder / "results/mine")
    assert lines[0] == "quarter against full, the reference: they differ only in precision (float32 4bit instead of float32)"
    table = dict(line.split("  ", 1) for line in lines[2:-2])
    assert {name: value.strip() for name, value in table.items() if name[:2] != "KL"} == {
        "questions": "600",
        "accuracy of full": "100.0% (600)",
        "accuracy of quarter": "90.0% (540)",
        "difference (95% interval)": "-10.0 points (-12.7 to -7.8 points)",
        "right to wrong": "60",
        "wrong to right": "0",
        "wrong to another wrong": "0",
        "same best answer": "90.0% (540)",
        "exact McNemar test": "p < 0.0001",
    }
    assert table["KL divergence (95% interval)"].endswith(" nats, by bootstrap over questions")


def test_the_comparison_as_json(printed, folder):
    code, lines = printed("full", "quarter", "--results", folder / "results/mine", "--json")
    compared = json.loads("\n".join(lines))
    assert code == 1 and (compared["reference"], compared["model"]) == ("full", "quarter")
    assert (compared["questions"], compared["right_to_wrong"], compared["verdict"]) == (600, 60, "worse")
    assert compared["divergence"]["low"] < compared["divergence"]["mean"] < compared["divergence"]["high"]


def test_models_that_differ_in_more_are_compared_and_in_what_is_told(printed, folder):
    code, lines = printed("half", "other", "--results", folder / "results/mine")
    assert code == 0 and lines[0] == (
        "other against half, the reference: they differ in more than precision: weights (other files), precision (float32 "
        "instead of bfloat16), protocol (letters, bare question instead of letters)"
    )


def test_imported_answers_have_no_divergence_and_unreadable_ones_are_left_out(printed, folder):
    code, lines = printed("full", "imported", "--results", folder / "results/mine")
    assert code == 0 and "the answers of imported were imported, so how they were made is not known" in lines[0]
    assert lines[2].endswith("595 (5 more have an unreadable answer)")
    assert lines[-3].endswith("none: the answers of imported were imported without probabilities")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("full", "qarter", "--study", "mine"), ["evaluates no model 'qarter'", "did you mean 'quarter'?"]),
        (("xyz", "full", "--study", "mine"), ["evaluates no model 'xyz'", "known: full, half, quarter, cloudy"]),
        (("full", "full", "--study", "mine"), ["'full' cannot be compared with itself"]),
        (("full", "half", "--study", "mien"), ["results/mien does not exist: did you mean 'mine'?"]),
        (("full", "half", "--study", "x", "--results", "results/mine"), ["is of the study 'mine'"]),
        (("full", "half", "--study", "mine", "--results", "elsewhere"), ["elsewhere does not exist"]),
        *(
            (("full", "half", "--study", "mine", "--margin", value), ["--margin is"])
            for value in ("0", "nan", "inf", "101", "-1", "1e-200")
        ),
    ],
)
def test_a_mistake_is_an_error(printed, folder, monkeypatch, arguments, words):
    monkeypatch.chdir(folder)
    with pytest.raises(UserError) as error:
        printed(*arguments)
    assert all(word in str(error.value) for word in words), error.value


def test_a_mistake_is_one_line(kit, folder, one_line):
    one_line(kit("compare", "full", "qarter", "--study", "mine", cwd=folder), "did you mean 'quarter'?")


def test_of_an_unfinished_study_the_questions_that_both_answered_are_compared(printed, tmp_path):
    """One model answered two subjects, the others one of them each."""
    evaluations = [
        *(made.evaluation("full", made.sure(GOLD, subject)) for subject in ("anatomy", "virology")),
        made.evaluation("half", made.sure(GOLD, "virology"), dtype="bfloat16"),
        made.evaluation("quarter", made.sure(GOLD), **QUARTERS),
    ]
    results_folder = ("--results", made.write(tmp_path, evaluations))
    code, lines = printed("full", "half", *results_folder)
    assert code == 0 and "on 600 questions" in lines[-1]
    with pytest.raises(UserError, match="half and quarter have no question with a readable answer of each"):
        printed("half", "quarter", *results_folder)
    (results_folder[1] / "evaluations/quarter/anatomy.json").unlink()
    with pytest.raises(UserError, match="has no answers of quarter yet"):
        printed("full", "quarter", *results_folder)


CONFIG = """
questions:
  mine: {path: questions.csv}
models:
  full: {path: model, tokens_per_batch: 64}
  half: {path: model, tokens_per_batch: 64, dtype: bfloat16}
studies:
  unfinished:
    title: Unfinished
    questions: mine
    subjects: [anatomy]
    groups: {small: {title: Small models, models: [full, half]}}
"""


def test_until_results_are_merged_the_study_is_the_one_in_config(printed, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "model").mkdir()
    (tmp_path / "mine.yaml").write_text(CONFIG)
    (tmp_path / "questions.csv").write_text("subject,question,A,B,answer\nanatomy,Which?,this,that,A\n")
    for evaluation in (made.evaluation("full", made.sure(GOLD)), made.evaluation("half", made.sure(GOLD), dtype="bfloat16")):
        evaluation.write(tmp_path / f"results/unfinished/evaluations/{evaluation.model}/anatomy.json")
        timing = results.timing(evaluation.model, "anatomy", questions_scored=len(GOLD))
        timing.write(tmp_path / f"results/unfinished/timings/{evaluation.model}/anatomy.json")
    code, lines = printed("full", "half", "--study", "unfinished", "--configfile", "mine.yaml")
    assert code == 0 and "on 600 questions" in lines[-1]
    with pytest.raises(UserError, match="unfinished"):
        printed("full", "half", "--study", "unfinished")


def forge(name, value):
    """Return a change of the first record of an evaluation."""

    def change(plain):
        plain["records"][0][name] = value

    return change


def forged(folder, change):
    """Write the results of a study of which one evaluation was changed, and return the folder of its results."""
    evaluations = [made.evaluation("full", made.sure("ABCD")), made.evaluation("half", made.sure("ABCD"), dtype="bfloat16")]
    written = made.write(folder, evaluations)
    edit(written / "evaluations/full/anatomy.json", change)
    return written


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (forge("letter_logprobs", {letter: -0.1 for letter in "ABCD"}), "letter_mass is not the sum"),
        (forge("letter_mass", 3.6), "letter_mass: needs at most 1.00001"),
        (forge("letter_logprobs", {letter: -0.5 for letter in "ABC"}), "the log-probabilities are not of 4 letters"),
        (forge("letter_logprobs", {"A": float("nan"), "B": -1.0, "C": -1.0, "D": -1.0}), "NaN"),
        (forge("letter_logprobs", {"A": 0.5, "B": -1.0, "C": -1.0, "D": -1.0}), "needs at most 0"),
        (forge("letter_logprobs", None), "letter_mass or other_orders without letter_logprobs"),
        (forge("predicted", "B"), "predicted"),
        (forge("gold", "B"), "correct contradicts predicted and gold"),
        (lambda plain: plain.update(effective=None), "null for imported answers, and only for them"),
        (lambda plain: plain.update(model="half"), "is the result of half on anatomy"),
    ],
)
def test_a_forged_evaluation_is_refused(printed, tmp_path, change, words):
    folder = forged(tmp_path, change)
    with pytest.raises(UserError) as error:
        printed("full", "half", "--results", folder, "--resources", tmp_path / "resources")
    assert "full/anatomy.json" in str(error.value) and words in str(error.value)


def test_a_forged_evaluation_is_one_line(kit, tmp_path, one_line):
    folder = forged(tmp_path, forge("letter_logprobs", {"A": float("nan"), "B": -1.0, "C": -1.0, "D": -1.0}))
    one_line(
        kit("compare", "full", "half", "--results", folder),
        "full/anatomy.json",
        "letter_logprobs.A: needs a finite number, not NaN",
    )
