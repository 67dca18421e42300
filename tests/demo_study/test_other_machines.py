"""A study with one model run on another machine and one imported: nothing is run here, and everything is reported."""

import shutil
from pathlib import Path

import pandas
import pytest
import yaml
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.evaluation.answers import Totals, mass
from mmlu_kit.evaluation.records import Evaluation
from mmlu_kit.results.merged import Merged

from tests.conftest import copy_of_the_workflow
from tests.helpers import reports

SUBJECTS = ["astronomy", "business_ethics"]


@pytest.fixture(scope="module")
def archive(demo, kit, tmp_path_factory):
    """One model's results, packed as on another machine that ran the study."""
    folder = tmp_path_factory.mktemp("archives")
    for kind in ("evaluations", "timings"):
        for subject in SUBJECTS:
            for path in (demo / f"results/demo/{kind}/demo-small").glob(f"{subject}.*"):
                copy = folder / f"joined/{kind}/demo-small" / path.name
                copy.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(path, copy)
    process = kit("pack", folder / "joined", "--output", folder / "colab.zip")
    assert process.returncode == 0, process.stderr
    assert "demo-small (2)" in process.stdout
    return folder / "colab.zip"


@pytest.fixture(scope="module")
def predictions(demo, tmp_path_factory):
    """demo-large's answers as a predictions file."""
    rows = pandas.read_csv(demo / "results/demo/questions.csv", keep_default_na=False)
    rows = rows[rows["model"] == "demo-large"].rename(columns={"index": "test_index", "predicted": "prediction"})
    path = tmp_path_factory.mktemp("predictions") / "theirs.csv"
    rows.assign(model="their model")[["subject", "test_index", "model", "prediction", "gold"]].to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def joined(archive, predictions, kit, snakemake, tmp_path_factory):
    """(folder, Snakemake's output) of a study with one model from the archive and one from the predictions."""
    folder = copy_of_the_workflow(tmp_path_factory.mktemp("joined") / "kit")
    group = {"title": "Small", "models": ["demo-small", "theirs"]}
    study = {"title": "Joined", "questions": "demo", "subjects": SUBJECTS, "groups": {"small": group}}
    changes = {"models": {"theirs": {"predictions": str(predictions)}}, "studies": {"joined": study}}
    (folder / "mine.yaml").write_text(yaml.safe_dump(changes))
    process = kit("unpack", archive, "--configfile", "mine.yaml", "--results", "results/joined", cwd=folder)
    assert process.returncode == 0 and process.stdout.endswith("demo-small (2)\n"), process.stderr
    process = snakemake(folder, *ARGUMENTS)
    assert process.returncode == 0, process.stdout + process.stderr
    return folder, process.stdout + process.stderr


ARGUMENTS = ("--cores", "1", "--configfile", "mine.yaml", "--config", "study=joined")


def test_results_of_other_machines_are_never_recomputed(joined, snakemake):
    folder, output = joined
    assert "] import_predictions theirs: done in " in output and "] evaluate " not in output
    assert not (folder / "results/joined/evaluations/demo-small").exists()
    assert reports.planned(snakemake, folder, *ARGUMENTS[2:]) == {}


def test_the_reported_numbers_are_the_other_machines(joined, demo):
    here = Merged.read(joined[0] / "results/joined/merged.json")
    there = Merged.read(demo / "results/demo/merged.json")
    correct = {(result.model, result.subject): result.totals.correct for result in there.results}
    for result in here.results:
        model = "demo-large" if result.model == "theirs" else result.model
        assert result.totals.correct == correct[model, result.subject]
    sources = {(result.model, result.source, result.machine) for result in here.results}
    assert sources == {("demo-small", "elsewhere/colab", 0), ("theirs", None, None)}
    assert set(here.processes) == {f"elsewhere/colab/demo-small/{subject}.time" for subject in SUBJECTS}


def test_the_file_reference_counts_files_of_other_machines(joined):
    folder = joined[0] / "results/joined"
    patterns = reports.listed_files((folder / "report.md").read_text())
    made = [path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()]
    for pattern in patterns:
        number = sum(map(pattern.matches, made))
        assert number == pattern.count, pattern
    for path in ("elsewhere/colab/timings/demo-small/astronomy.time", "logs/import_predictions/theirs.log"):
        assert path in made and sum(pattern.matches(path) for pattern in patterns) == 1


def test_the_analysis_compares_both(joined):
    analysis = AnalysisFile.read(joined[0] / "results/joined/analysis.json")
    assert [model.calibration is None for model in analysis.models] == [False, True]
    assert analysis.questions == 100 and list(analysis.pairs[0].models) == ["demo-small", "theirs"]


def changed(evaluation, place, **changes):
    """Return the evaluation with one changed record and recomputed totals."""
    records = [*evaluation.records]
    records[place] = records[place].model_copy(update=changes)
    return evaluation.model_copy(update={"records": records, "totals": Totals.over(records)})


def test_answers_to_other_questions_are_refused_with_the_files_name(joined, run, one_line, tmp_path):
    folder = Path(shutil.copytree(joined[0] / "results/joined", tmp_path / "joined"))
    path = folder / "elsewhere/colab/evaluations/demo-small/astronomy.json"
    changed(Evaluation.read(path), 7, question_sha256="0" * 64).write(path)
    study = Merged.read(folder / "merged.json").study.model_dump_json()
    outputs = ["--merged", tmp_path / "merged.json", "--table", tmp_path / "questions.csv"]
    process = run("merge.py", "--study", study, "--results", folder, "--resources", joined[0] / "resources", *outputs)
    one_line(process, "elsewhere/colab/evaluations/demo-small/astronomy.json: question 7 is not question 7 of")
    assert not (tmp_path / "merged.json").exists()


def test_contradicting_answers_of_two_machines_are_refused(joined, run, one_line, tmp_path):
    folder = Path(shutil.copytree(joined[0] / "results/joined", tmp_path / "joined"))
    here, unpacked = (folder / part / "evaluations/demo-small/astronomy.json" for part in ("", "elsewhere/colab"))
    evaluation = Evaluation.read(unpacked)
    record = evaluation.records[4]
    letter = {"A": "B", "B": "C", "C": "D", "D": "A"}[record.predicted]
    logprobs = {**dict.fromkeys("ABCD", -9.0), letter: -0.01}
    answer = {"letter_logprobs": logprobs, "predicted": letter, "correct": letter == record.gold}
    answer["letter_mass"] = mass(logprobs.values())
    changed(evaluation, 4, **answer).write(here)
    study = Merged.read(folder / "merged.json").study.model_dump_json()
    outputs = ["--merged", tmp_path / "merged.json", "--table", tmp_path / "questions.csv"]
    process = run("merge.py", "--study", study, "--results", folder, "--resources", joined[0] / "resources", *outputs)
    one_line(process, str(here), str(unpacked), "contradict each other: 1 different answer, the first to question 4")


def test_one_command_shows_a_studys_status(joined, kit):
    process = kit("status", "--study", "joined", "--configfile", "mine.yaml", cwd=joined[0])
    assert process.returncode == 0, process.stderr
    assert process.stdout.splitlines()[-1] == "4 of 4 evaluations are done"
    assert process.stdout.splitlines()[1] == "theirs      2 of 2 subjects, 100 of 100 questions"
