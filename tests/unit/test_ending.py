"""What a successful run prints at its end."""

import subprocess
import sys
from types import SimpleNamespace

import pytest
from mmlu_kit.jobs import ending
from mmlu_kit.results import merging
from mmlu_kit.results.merged import Missing, NotRunHere
from mmlu_kit.settings import Device, Orders, Preset, Score
from mmlu_kit.timing.time_logs import Processes

from tests.helpers import results

SUBJECTS = ["anatomy", "virology"]
ANSWERS = {"small": {"anatomy": "ABCD", "virology": "ABAAA"}, "large": {"anatomy": "ABCD"}}


def written(folder, merged, *targets):
    """Write report.html, and return the ending of a run that was meant to reach `targets`, for this merged.json."""
    (folder / "report.html").touch()
    return ending.text(merged, folder, [str(folder / name) for name in targets])


def test_accuracies_stand_beside_guessing_with_how_models_ran_and_what_is_missing(tmp_path):
    study = results.study(["small", "large", "huge", "later"], SUBJECTS, only=["small"])
    merged, _ = results.merged(study, ANSWERS)
    large = merged.models["large"].model_copy(
        update={"requested": results.REQUESTED.model_copy(update={"device": Device.CUDA}), "reason": "this machine has no cuda"}
    )
    skipped = [NotRunHere(model="huge", subject=subject, reason="no GPU") for subject in SUBJECTS]
    missing = [Missing(model="large", subject="virology"), *(Missing(model="later", subject=subject) for subject in SUBJECTS)]
    changes = {"models": {**merged.models, "large": large}, "not_run": skipped, "missing": missing}
    assert written(tmp_path, merged.model_copy(update=changes), "merged.json", "report.html") == [
        "",
        "Accuracy by the best letter, study made, only small:",
        "",
        "Model       Questions  Accuracy     95% interval",
        "small               9     77.8%   45.3% to 93.7%",
        "large               4    100.0%  51.0% to 100.0%  ran as cpu, float32 (this machine has no cuda); 1 subject missing",
        "huge                                              not run: no GPU",
        "later                                             2 subjects missing",
        "(guessing)                25.0%",
        "",
        f"The report: {tmp_path}/report.html",
        f"Every answer: {tmp_path}/questions.csv",
        "To run what was skipped, on a machine that can: make retry STUDY=made",
        "3 of 8 evaluations are missing: make report STUDY=made runs them",
    ]


WAYS = {
    "letters": results.REQUESTED,
    "in all orders": results.asked(orders=Orders.CYCLIC),
    "by texts": results.asked(preset=Preset.CLOZE, score=Score.BYTE, examples=5),
}


def mixed(ways, choices):
    """Return merged.json of models asked in these ways, each on a subject with questions of its own numbers of choices."""
    study = results.study_asked(ways, SUBJECTS)
    evaluations = [
        results.evaluation(model, subject, "A" * len(numbers), choices=numbers, requested=how)
        for (model, how), (subject, numbers) in zip(ways.items(), choices, strict=True)
    ]
    timings = [results.timing(one.model, one.subject) for one in evaluations]
    return merging.merge(study, evaluations, timings, Processes({}))


def test_models_that_are_asked_in_several_ways_are_told_apart(tmp_path):
    merged = mixed(WAYS, [("anatomy", [2, 4, 5, 10])] * 3)
    lines = written(tmp_path, merged, "merged.json")
    assert lines[1] == "Accuracy by the best answer, study made:"
    assert lines[3:8] == [
        "Model          Questions  Accuracy   95% interval  Asked for",
        "letters                4     25.0%  4.6% to 69.9%  letters                  1 subject missing",
        "in all orders          4     25.0%  4.6% to 69.9%  letters over all orders  1 subject missing",
        "by texts               4     25.0%  4.6% to 69.9%  cloze, per byte, 5-shot  1 subject missing",
        "(guessing)                   26.2%",
    ]


def test_guessing_is_a_range_where_models_answered_other_questions(tmp_path):
    ways = {"a": results.REQUESTED, "b": results.REQUESTED}
    lines = written(tmp_path, mixed(ways, [("anatomy", [4, 4]), ("virology", [10, 10])]), "merged.json")
    assert lines[1] == "Accuracy by the best letter, study made:" and "Asked for" not in lines[3]
    assert "(guessing)             10.0% to 25.0%" in lines


def test_without_a_result_there_is_no_guessing(tmp_path):
    study = results.study(["huge"], ["anatomy"])
    merged, _ = results.merged(study, {})
    skipped = [NotRunHere(model="huge", subject="anatomy", reason="no GPU")]
    lines = written(tmp_path, merged.model_copy(update={"not_run": skipped, "missing": []}), "merged.json")
    assert not any(line.startswith("(guessing)") for line in lines)


def test_a_large_study_shows_models_and_not_subjects(tmp_path):
    subjects = [f"s{number}" for number in range(57)]
    answers = {f"m{number}": dict.fromkeys(subjects, "A") for number in range(5)}
    merged, _ = results.merged(results.study(list(answers), subjects), answers)
    assert len(written(tmp_path, merged, "merged.json")) == 4 + 5 + 3


def test_nothing_is_said_of_results_that_the_run_was_not_meant_to_reach(tmp_path):
    merged, _ = results.merged(results.study(list(ANSWERS), SUBJECTS), ANSWERS)
    assert not ending.lines(tmp_path, [f"{tmp_path}/evaluations/small/anatomy.json"])
    assert not any(line.startswith("The report") for line in written(tmp_path, merged, "merged.json", "claims.json"))


@pytest.mark.parametrize(("quiet", "silent"), [(None, False), ("RULES PROGRESS", False), ("ALL", True)])
def test_only_quiet_all_is_silent(tmp_path, capsys, quiet, silent):
    results.write(tmp_path, results.study(["m"], ["anatomy"]), [results.evaluation("m", "anatomy", "ABCD")])
    folder = tmp_path / "results/made"
    job = SimpleNamespace(input=[folder / "merged.json"], output=[])
    names = [SimpleNamespace(name=name) for name in quiet.split()] if quiet else None
    settings = SimpleNamespace(quiet=names)
    ending.show(SimpleNamespace(output_settings=settings, dag=SimpleNamespace(targetjobs=[job])), folder)
    assert ("(guessing)" not in capsys.readouterr().out) == silent


def test_merged_json_that_cannot_be_read_is_one_line(tmp_path):
    (tmp_path / "merged.json").write_text("{}")
    (line,) = ending.lines(tmp_path, [str(tmp_path / "merged.json")])
    assert "merged.json" in line


def test_the_snakefile_does_not_wait_for_large_libraries(root):
    program = "import sys; import mmlu_kit.jobs.run_log, mmlu_kit.jobs.ending; print(*sys.modules)"
    command = [sys.executable, "-c", program]
    process = subprocess.run(command, capture_output=True, text=True, cwd=root / "workflow/scripts")
    assert not {"torch", "pandas", "scipy", "numpy"} & set(process.stdout.split()), process.stderr
