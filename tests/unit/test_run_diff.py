"""mmlu-kit diff: what differs between two runs, what counts as a difference of results, and what cannot be compared."""

import json

import jsonschema
import pytest
from mmlu_kit.provenance import run_diff
from mmlu_kit.provenance.diff_document import AnswerChange, Change
from mmlu_kit.user_errors import UserError

from tests.helpers import results

GOLD = "ABCD" * 5
# Of the 20 questions, the first 8 are wrong.
WRONG = "BCDA" * 2 + "ABCD" * 3


@pytest.fixture
def run(tmp_path):
    """Write a run's results with one answer text for each model; return its folder."""

    def write(name, answers, subject="anatomy", limit=None, **times):
        study = results.study(list(answers), [subject], limit=limit)
        outcomes = [results.evaluation(model, subject, text) for model, text in answers.items()]
        results.write(tmp_path / name, study, outcomes, **times)
        results.run(study).write(tmp_path / name / "results/made/run.json")
        return tmp_path / name / "results/made"

    return write


def difference(a, b):
    return run_diff.diff(run_diff.read(a), run_diff.read(b))


def test_two_runs_with_the_same_answers_agree_whatever_machines_and_times(run, kit, root):
    machine = results.MACHINE.model_copy(update={"processor": "another", "packages": {"torch": "3", "transformers": "5"}})
    a, b = run("a", {"m": GOLD}), run("b", {"m": GOLD}, limit=20, real_s=1.0, machine=machine)
    process = kit("diff", a, b)
    assert process.returncode == 0, process.stderr
    assert "The results agree: all 20 answers of 1 model are the same." in process.stdout
    assert "the same: models, questions" in process.stdout
    assert "limit" in process.stdout and "20" in process.stdout
    lines = [line.split() for line in process.stdout.splitlines()]
    assert ["processor", "p", "→", "another"] in lines and ["packages.torch", "2", "→", "3"] in lines
    assert ["m", "2.00", "s", "1.00", "s", "not", "of", "machines", "that", "are", "alike"] in lines
    assert len(lines) <= 24  # a screen
    document = json.loads(kit("diff", a, b, "--json").stdout)
    jsonschema.validate(document, json.loads((root / "workflow/schemas/diff.json").read_text()))
    assert document["agree"] and document["settings"] == [{"name": "limit", "a": None, "b": "20"}]
    assert document["times"] == [{"model": "m", "a_s": 2.0, "b_s": 1.0, "alike": False}]


def test_flipped_answers_are_counted_and_tested(run, kit):
    a, b = run("a", {"m": GOLD, "n": GOLD}), run("b", {"m": WRONG, "n": f"{GOLD[:-1]}A"})
    made = difference(a, b)
    assert not made.agree and made.models == made.questions == made.settings == []
    m, n = made.answers
    # McNemar's exact p of 8 against 0 is 2 / 2^8, times two models; of 1 against 0 it is 1.
    assert (m.flipped, m.right_to_wrong, m.wrong_to_right, m.generated) == (8, 8, 0, 8)
    assert (m.a_right, m.b_right, m.difference) == (20, 12, -0.4) and m.low < -0.4 < m.high < 0
    assert m.p == pytest.approx(2 * 2 / 2**8) and m.logprob == 2.0
    assert (n.flipped, n.right_to_wrong, n.p) == (1, 1, 1.0)
    process = kit("diff", a, b)
    assert process.returncode == 1 and not process.stderr
    text = "The results differ: 9 of 40 best answers flipped; more than chance: m (p < 0.05, corrected)."
    assert text in process.stdout.splitlines()
    assert "100.0%" in process.stdout and "60.0%" in process.stdout and "p = 0.016" in process.stdout


def test_log_probabilities_alone_do_not_make_results_differ(run):
    a, b = run("a", {"m": GOLD}), run("b", {"m": GOLD})
    path = b / "evaluations/m/anatomy.json"
    evaluation = json.loads(path.read_text())
    record = evaluation["records"][0]
    record["letter_logprobs"]["B"] -= 0.25
    record["letter_mass"] = results.answers.mass(record["letter_logprobs"].values())
    path.write_text(json.dumps(evaluation))
    made = difference(a, b)
    assert made.agree and made.answers[0].logprob == pytest.approx(0.25)


def test_a_model_or_subject_of_one_run_alone_makes_results_differ(run, kit):
    a, b = run("a", {"m": GOLD, "n": GOLD}), run("b", {"m": GOLD})
    made = difference(a, b)
    assert not made.agree and [change.model for change in made.answers] == ["m"]
    assert made.models == [Change(name="n", a="evaluated", b=None)]
    process = kit("diff", a, b)
    assert process.returncode == 1 and "not the same models and questions" in process.stdout


def test_fewer_questions_make_results_differ_and_the_shared_ones_are_compared(run):
    made = difference(run("a", {"m": GOLD}), run("b", {"m": GOLD[:12]}, limit=12))
    assert not made.agree and made.answers[0].questions == 12 and made.answers[0].is_none
    (change,) = made.questions
    assert change.a.startswith("20 questions, ") and change.b.startswith("12 questions, ")


def test_other_weights_of_the_same_name_are_a_difference_of_models(run):
    a, b = run("a", {"m": GOLD}), run("b", {"m": GOLD})
    path = b / "evaluations/m/anatomy.json"
    path.write_text(path.read_text().replace(results.sha256("m"), results.sha256("other")))
    (change,) = difference(a, b).models
    assert (change.name, change.a, change.b) == ("m: SHA-256 of x", results.sha256("m"), results.sha256("other"))


def test_long_lists_are_cut_on_the_terminal_and_whole_in_json(run, kit):
    packages = {name: "1" for name in "abcdefghij"}
    a = run("a", {"m": GOLD})
    b = run("b", {"m": GOLD}, machine=results.MACHINE.model_copy(update={"packages": {**results.MACHINE.packages, **packages}}))
    assert "… and 4 more, which --json prints" in kit("diff", a, b).stdout
    assert len(json.loads(kit("diff", a, b, "--json").stdout)["machines"]) == 10


def test_what_cannot_be_compared_is_one_line(run, kit, one_line, tmp_path):
    a = run("a", {"m": GOLD})
    one_line(kit("diff", a, tmp_path / "nothing"), "nothing has no merged.json: name the results of a finished run")
    one_line(kit("diff", a, run("c", {"other": GOLD})), "have no model that answered the same question in both")
    one_line(kit("diff", a, run("d", {"m": GOLD}, subject="virology")), "compare runs of one study")
    b = run("b", {"m": GOLD})
    (b / "merged.json").write_text((b / "merged.json").read_text().replace('"correct": 20', '"correct": 19'))
    with pytest.raises(UserError, match=r"merged\.json was changed after it was made"):
        run_diff.read(b)


def test_the_document_refuses_counts_beyond_the_questions():
    values = dict.fromkeys(("a_right", "b_right", "flipped", "right_to_wrong", "wrong_to_right", "generated"), 3)
    values |= {"model": "m", "questions": 2, "difference": 0.0, "low": 0.0, "high": 0.0, "logprob": None, "p": None}
    with pytest.raises(ValueError, match="larger than questions"):
        AnswerChange(**values)
