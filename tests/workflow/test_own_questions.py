"""A course's quiz with five choices, as a CSV file with a header, in place of the smoke study's questions."""

import re

import pytest
import yaml
from mmlu_kit.inputs import questions

QUIZ = """question,A,B,C,D,E,answer,split
Which part of a kernel chooses the next process?,scheduler,linker,loader,shell,editor,A,test
Which call makes a copy of a process?,open,fork,exec,wait,kill,fork,test
What maps virtual to physical addresses?,page table,inode,socket,,,A,test
Which of these is a lock?,mutex,page,,,,A,test
What is a thread?,"a stack, a program counter",a file,a disk,a user,a port,A,dev
"""


@pytest.fixture
def folder(workflow_copy):
    """The workflow with a quiz, and a config that makes it the smoke study's questions."""
    (workflow_copy / "operating_systems.csv").write_text(QUIZ)
    study = {"questions": "course", "subjects": "all", "baseline": None}
    config = {"questions": {"course": {"path": "operating_systems.csv"}}, "studies": {"smoke": study}}
    (workflow_copy / "mine.yaml").write_text(yaml.safe_dump(config))
    return workflow_copy


@pytest.fixture
def fetch(snakemake, folder):
    """Fetch the questions of the study with other settings; returns which subject files were made."""

    def call(*settings):
        options = ["--cores", "1", "--configfile", "mine.yaml", "--until", "fetch_questions", "--config", "study=smoke"]
        before = {path: path.stat().st_mtime_ns for path in folder.glob("resources/subjects/*/*.jsonl")}
        process = snakemake(folder, *options, *settings)
        assert process.returncode == 0, process.stdout + process.stderr
        after = {path: path.stat().st_mtime_ns for path in folder.glob("resources/subjects/*/*.jsonl")}
        return [str(path.relative_to(folder / "resources/subjects")) for path in after if after[path] != before.get(path)]

    return call


def test_a_quiz_is_fetched_and_again_when_its_file_changes(folder, fetch):
    assert fetch() == ["course@local/operating_systems.jsonl"]
    path = folder / "resources/subjects/course@local/operating_systems.jsonl"
    asked = questions.read_jsonl(path)
    assert [(one.name, len(one.choices), one.answer) for one in asked] == [
        ("operating_systems/dev/0", 5, "A"),
        ("operating_systems/test/0", 5, "A"),
        ("operating_systems/test/1", 5, "B"),
        ("operating_systems/test/2", 3, "A"),
        ("operating_systems/test/3", 2, "A"),
    ]
    assert fetch() == []
    # The first questions are in a folder of their own, so that they are never taken for all.
    assert fetch("limit=2") == ["course@local-first-2/operating_systems.jsonl"]
    few = questions.read_jsonl(folder / "resources/subjects/course@local-first-2/operating_systems.jsonl")
    assert few == asked[:3] and fetch() == []
    (folder / "operating_systems.csv").write_text(QUIZ.replace("loader", "debugger"))
    assert fetch() == ["course@local/operating_systems.jsonl"]
    assert "debugger" in questions.read_jsonl(path)[1].choices


def test_a_limit_that_is_none_is_refused(snakemake, folder):
    options = ["--cores", "1", "--configfile", "mine.yaml", "--config", "study=smoke"]
    for limit, words in {"0": "config: limit: needs at least 1, not 0", "few": "needs a whole number, not 'few'"}.items():
        process = snakemake(folder, *options, f"limit={limit}")
        assert process.returncode == 1 and words in process.stdout + process.stderr


@pytest.mark.parametrize(("options", "asked"), [([], 4), (["--limit", "3"], 3), (["--subjects", "operating_systems"], 4)])
def test_a_quiz_is_asked_without_snakemake(kit, folder, options, asked):
    process = kit("evaluate", "--model", "demo-small", "--questions", "operating_systems.csv", *options, cwd=folder)
    assert process.returncode == 0, process.stderr
    assert re.search(rf"Result: \d/{asked} correct", process.stdout), process.stdout


def test_several_sources_at_once_are_refused(kit, folder, one_line):
    process = kit("evaluate", "--model", "demo-small", "--questions", "operating_systems.csv", "mine.yaml", cwd=folder)
    one_line(process, "--questions takes one file or folder, or several files that fetch_questions.py wrote: name one")
