"""The demo models are reproducible: the smallest, retrained with the committed program, is as good."""

import pytest
from mmlu_kit.evaluation.records import Evaluation


@pytest.fixture(scope="module")
def trained(run, tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    process = run("../demo/train_models.py", "--models", "demo-small", "--output", folder)
    assert process.returncode == 0, process.stderr
    return folder / "demo-small"


@pytest.fixture(scope="module")
def answers(kit, trained, root, tmp_path_factory):
    """Records of the retrained and the committed small model over all subjects, by name."""
    subjects = [path.name.removesuffix("_test.csv") for path in (root / "workflow/demo/questions/test").iterdir()]
    records = {}
    for name, model in {"new": trained, "kept": root / "workflow/demo/models/demo-small"}.items():
        folder = tmp_path_factory.mktemp(name)
        process = kit("evaluate", "--model", model, "--questions", root / "workflow/demo/questions",
                      "--subjects", *subjects, "--evaluations", folder)  # fmt: skip
        assert process.returncode == 0, process.stderr
        records[name] = [record for path in folder.iterdir() for record in Evaluation.read(path).records]
    return records


def test_the_retrained_model_is_as_good_as_the_committed_one(answers):
    new, kept = (sum(record.correct for record in answers[name]) / len(answers[name]) for name in ("new", "kept"))
    # Seeds 1, 2 and 3 gave 0.39, 0.42 and 0.37: a band of 0.1 around them holds what another processor's rounding does.
    assert 0.32 < new < 0.50 and abs(new - kept) < 0.10
    guessing = 1 / 4  # each question has four choices
    assert new > guessing + 3 * (guessing * (1 - guessing) / len(answers["new"])) ** 0.5


def test_the_retrained_model_answers_with_a_letter(answers):
    assert sum(record.parsed is not None for record in answers["new"]) > 0.98 * len(answers["new"])


def test_the_retrained_tokenizer_equals_the_committed_one(trained, root):
    for name in ("tokenizer.json", "tokenizer_config.json", "chat_template.jinja"):
        assert (trained / name).read_text() == (root / "workflow/demo/models/demo-small" / name).read_text()
