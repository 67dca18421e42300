"""The study `first-real`, with the real model and real questions from files of this machine in place of the hub's."""

import json

import pytest
import yaml
from mmlu_kit.evaluation.records import Evaluation
from mmlu_kit.settings import Score

pytestmark = pytest.mark.real
SUBJECTS, QUESTIONS = ("astronomy", "anatomy"), 12
LETTERS, CHAT, CLOZE = (f"SmolLM2-135M-Instruct{way}" for way in ("", "-chat", "-cloze"))


@pytest.fixture(scope="module")
def results(root, snakemake, real_folder, real_data, tmp_path_factory):
    """The study's results on the first questions of two subjects."""
    folder = tmp_path_factory.mktemp("first-real")
    config = yaml.safe_load((root / "config.yaml").read_text())
    local = {"repository": None, "commit": None}
    study = config["studies"]["first-real"]
    models = [model for group in study["groups"].values() for model in group["models"]]
    mine = {
        "questions": {"mmlu": {**local, "path": str(real_data / "mmlu")}},
        "models": {model: {**local, "path": str(real_folder), "threads": 2, "load_once": True} for model in models},
        "studies": {"first-real": {"subjects": list(SUBJECTS), "limit": QUESTIONS}},
    }
    (folder / "mine.yaml").write_text(yaml.safe_dump(mine))
    options = ["--snakefile", root / "Snakefile", "--cores", 2, "--configfile", "mine.yaml", "--config", "study=first-real"]
    process = snakemake(folder, *options)
    assert process.returncode == 0, process.stdout + process.stderr
    return folder / "results/first-real"


def evaluations(results, model):
    return [Evaluation.read(results / f"evaluations/{model}/{subject}.json") for subject in SUBJECTS]


def test_it_is_asked_in_three_ways(results):
    presets = [evaluations(results, model)[0].requested.preset for model in (LETTERS, CHAT, CLOZE)]
    assert presets == ["lm_eval", "chat", "cloze"]


def test_the_choices_texts_tell_it_more_than_their_letters(results):
    """Of all 152 questions on astronomy it gets 27 by the letter and 59 by the choice's text."""
    by_letter, by_text = (sum(one.totals.correct for one in evaluations(results, model)) for model in (LETTERS, CLOZE))
    assert by_text > by_letter


def test_the_report_says_how_much_depends_on_how_it_is_asked(results):
    report = (results / "report.md").read_text()
    assert "How Much Depends on How It Is Asked" in report
    assert f"first {QUESTIONS} questions of each subject" in report
    (family,) = json.loads((results / "analysis.json").read_text())["protocols"]["families"]
    assert {accuracy["model"] for accuracy in family["accuracies"]} == {LETTERS, CHAT, CLOZE}
    cloze = [record for evaluation in evaluations(results, CLOZE) for record in evaluation.records]
    for score in Score:
        share = sum(record.predicted_by(score) == record.gold for record in cloze) / len(cloze)
        assert f"{100 * share:.1f}%" in report
