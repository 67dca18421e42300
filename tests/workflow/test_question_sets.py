"""The question sets of config.yaml, fetched with the real client from small tables of their real form on a loopback hub."""

import json
import os

import pytest
import yaml
from mmlu_kit.inputs import questions
from mmlu_kit.source_entries import QuestionSet

from tests.conftest import ROOT
from tests.helpers import question_tables
from tests.helpers.hub_server import Repository, serving

ENTRIES = yaml.safe_load((ROOT / "config.yaml").read_text())["questions"]


@pytest.fixture
def fetch(run, tmp_path):
    """Fetch a subject of a set in config.yaml, with changes, from a hub that serves these tables by their names."""

    def call(name, tables, chosen, /, *arguments, **changes):
        entry = {key: value for key, value in (ENTRIES[name] | changes).items() if value is not None}
        for path, rows in tables.items():
            question_tables.save(tmp_path / "served" / path, rows)
        with serving() as hub:
            hub.repositories[f"datasets/{entry['repository']}"] = Repository(tmp_path / "served", entry["commit"])
            env = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
            env |= {"HF_ENDPOINT": hub.address, "HF_HUB_CACHE": str(tmp_path / "cache"), "HF_HOME": str(tmp_path / "home")}
            options = ["--source", json.dumps(entry), "--subject", chosen, "--output", tmp_path / f"{chosen}.jsonl"]
            return run("fetch_questions.py", *options, *arguments, env=env)

    call.read = lambda subject: questions.read_jsonl(tmp_path / f"{subject}.jsonl")
    return call


def pro(number, category, options, answer, **changes):
    """A row of MMLU-Pro."""
    return {
        "question_id": number, "question": f"Question {number}?", "options": options, "answer": answer,
        "answer_index": "ABCDEFGHIJ".index(answer), "cot_content": "", "category": category, "src": "ori_mmlu-x", **changes,
    }  # fmt: skip


PRO = {
    "data/test-00000-of-00001.parquet": [
        pro(70, "computer science", list("0123456789"), "J"),
        pro(71, "math", ["I", "II", "III", "IV", "V", "VI", "VII", "VIII", "I and II"], "I"),  # also the text of a choice
        pro(72, "computer science", ["a", "b", "c"], "B"),
    ],
    "data/validation-00000-of-00001.parquet": [
        pro(0, "math", list("0123456789"), "A"),
        *(pro(number, "computer science", ["x", "y"], "B") for number in range(1, 6)),
    ],
}


def test_mmlu_pro_has_up_to_ten_choices_and_examples_by_category(fetch):
    process = fetch("mmlu_pro", PRO, "computer_science")
    assert process.stdout == "computer_science: 2 questions and 5 few-shot examples\n", process.stderr
    *examples, ten, three = fetch.read("computer_science")
    assert [len(one.choices) for one in (ten, three)] == [10, 3] and (ten.answer, three.answer) == ("J", "B")
    assert (ten.id, ten.index, three.index) == ("70", 0, 1) and ten.subject_title == "computer science"
    assert [one.id for one in examples] == list("12345")
    assert fetch("mmlu_pro", PRO, "math").returncode == 0
    assert fetch.read("math")[-1].answer == "I"


def test_the_first_questions_of_a_set_keep_its_examples(fetch):
    process = fetch("mmlu_pro", PRO, "computer_science", "--limit", 1)
    assert process.stdout == "computer_science: 1 questions and 5 few-shot examples\n"


def arc(name, texts, labels, key):
    """A row of ARC."""
    return {"id": name, "question": f"{name}?", "choices": {"text": texts, "label": labels}, "answerKey": key}


@pytest.mark.parametrize(("name", "folder"), [("arc_challenge", "ARC-Challenge"), ("arc_easy", "ARC-Easy")])
def test_arc_has_three_to_five_choices_with_letters_or_numbers(fetch, name, folder):
    rows = [
        arc("Mercury_1", ["a", "b", "c", "d"], list("ABCD"), "C"),
        arc("MDSA_2", ["4", "3", "2", "1"], list("1234"), "4"),
        arc("NYSED_3", ["a", "b", "c"], list("ABC"), "B"),
        arc("VASoL_4", ["a", "b", "c", "d", "e"], list("ABCDE"), "E"),
    ]
    parts = ("train", "validation", "test")
    tables = {f"{folder}/{split}-00000-of-00001.parquet": rows if split == "test" else rows[:2] for split in parts}
    process = fetch(name, tables, "science")
    assert process.stdout == "science: 4 questions and 2 few-shot examples\n", process.stderr
    tests = questions.split(fetch.read("science"), "test")
    assert [one.answer for one in tests] == ["C", "D", "B", "E"] and [one.letters[-1] for one in tests] == ["D", "D", "C", "E"]
    assert tests[1].id == "MDSA_2"


def redux(number, error_type="ok"):
    """A row of MMLU-Redux 2.0."""
    return {
        "question": f"Question {number}?", "choices": ["0", "1", "2", "3"], "answer": number % 4, "error_type": error_type,
        "source": None, "correct_answer": None if error_type == "ok" else "B", "potential_reason": None,
    }  # fmt: skip


def test_mmlu_redux_is_asked_without_the_questions_that_it_found_wrong(fetch):
    types = ["ok", "wrong_groundtruth", "ok", "expert", "bad_question_clarity"]
    rows = [redux(number, error_type) for number, error_type in enumerate(types)]
    process = fetch("mmlu_redux", {"astronomy/data-00000-of-00001.arrow": rows}, "astronomy")
    assert process.stdout == "astronomy: 2 questions and 0 few-shot examples\n", process.stderr
    assert [(one.question, one.answer) for one in fetch.read("astronomy")] == [("Question 0?", "A"), ("Question 2?", "C")]
    assert fetch("mmlu_redux", {}, "astronomy", where=None).stdout.startswith("astronomy: 5 questions")


def test_files_that_are_not_there_are_named(fetch, one_line):
    rows = [{"question": "Q?", "choices": ["x", "y"], "answer": 1}]
    process = fetch("mmlu", {"t.parquet": rows}, "one", files={"test": "t.parquet", "dev": "d*.parquet"}, subject="one")
    one_line(process, "has no dev questions for 'one': no file is named d*.parquet")


def test_every_set_in_config_is_pinned_and_names_its_subjects():
    sets = {name: QuestionSet(**entry) for name, entry in ENTRIES.items() if "repository" in entry}
    assert {name: len(one.titles) for name, one in sets.items()} == {
        "mmlu": 57, "mmlu_pro": 14, "mmlu_redux": 57, "arc_challenge": 1, "arc_easy": 1,
    }  # fmt: skip
    assert sets["mmlu_pro"].titles["computer_science"] == "computer science"
    assert all(len(one.commit) == 40 for one in sets.values())
