"""The demo study's questions: worded unlike the training questions, and correct by the project's facts."""

import json
import random
import re
from collections import Counter
from itertools import islice

import pytest
import yaml
from mmlu_kit.inputs import questions
from recipes import arithmetic, bank, facts, training


@pytest.fixture(scope="module")
def relations(root):
    return facts.read(root / "workflow/demo/facts")


@pytest.fixture(scope="module")
def asked(relations):
    return bank.fixed_questions(relations)


def test_there_are_ten_subjects_of_40_to_100_questions_and_five_examples(asked, root):
    assert len(asked) == 10
    for subject, found in asked.items():
        assert 40 <= len(questions.split(found, "test")) <= 100, subject
        assert len(questions.split(found, "dev")) == 5


def test_the_committed_files_are_what_the_program_writes(root, run, tmp_path):
    assert run("../demo/write_questions.py", "--output", tmp_path).returncode == 0
    written = {path.relative_to(tmp_path): path.read_text() for path in tmp_path.rglob("*.csv")}
    kept = root / "workflow/demo/questions"
    assert written == {path.relative_to(kept): path.read_text() for path in kept.rglob("*.csv")}


def test_no_question_has_the_wording_of_a_training_text(relations, asked):
    trained = {question.question for question in islice(bank.training_questions(relations, 1.0, random.Random(0)), 20000)}
    assert not trained & {question.question for found in asked.values() for question in found}
    for relation in relations:
        assert relation.question not in relation.training


def test_operands_in_questions_never_occur_in_training(relations, asked):
    meant = {
        wording.format(a=a, b=b): (calculation.name, a, b)
        for calculation in arithmetic.CALCULATIONS
        for wording in (*calculation.training, calculation.question)
        for a, b in calculation.operands
    }
    drawn = islice(bank.training_questions(relations, 1.0, random.Random(0)), 20000)
    trained = {meant[question.question] for question in drawn if question.question in meant}
    held = {meant[question.question] for found in asked.values() for question in found if question.question in meant}
    assert len(trained) > 500 and len(held) > 90
    assert not trained & held


def test_answers_are_right_and_choices_differ(relations, asked):
    stated = {
        (relation.subject, relation.question.format(item=item)): answer
        for relation in relations
        for item, answer in relation.answers.items()
    }
    for subject, found in asked.items():
        for question in found:
            right = question.choices["ABCD".index(question.answer)]
            assert len(set(question.choices)) == 4, question
            if (subject, question.question) in stated:
                assert right == stated[subject, question.question]
            else:
                assert int(right) == calculated(question.question)


def calculated(text):
    """Return the result of a calculation, computed from its text."""
    numbers = [int(number) for number in re.findall(r"(?<!\^)\b\d+", text.replace("Z_", "Z_ ").replace("x^2", " x"))]
    if text.startswith("Let f"):
        return 2 * numbers[0] * numbers[1]
    if "Z_" in text:
        first, second, modulus = numbers
        return (first * second if "*" in text else first + second) % modulus
    return sum(numbers)


def test_right_letters_are_balanced_and_questions_are_distinct(asked):
    for found in asked.values():
        tests = questions.split(found, "test")
        shares = Counter(question.answer for question in found)
        assert max(shares.values()) - min(shares.values()) <= 1
        assert len({question.question for question in found}) == len(found) and len(tests) == len(found) - 5


def test_a_larger_share_of_facts_includes_a_smaller_one(relations):
    every = [(relation, item) for relation in relations for item in relation.answers]
    shares = {share: {(r.name, i) for r, i in every if bank.known(r, i, share)} for share in (0.3, 0.6, 1.0)}
    assert shares[0.3] < shares[0.6] < shares[1.0] and len(shares[1.0]) == len(every)
    assert 0.25 < len(shares[0.3]) / len(every) < 0.35


def test_config_describes_each_demo_models_training(root):
    listed = yaml.safe_load((root / "config.yaml").read_text())["models"]
    for name, recipe in training.RECIPES.items():
        said = f"hidden size {recipe.hidden}, taught {100 * recipe.share:.0f}% of the demo's facts"
        assert listed[name]["description"] == said
        made = json.loads((root / f"workflow/demo/models/{name}/config.json").read_text())
        assert made["hidden_size"] == recipe.hidden
