"""Results that somebody changed between two runs of Snakemake, and changes that have a good reason."""

import shutil
from pathlib import Path

import pytest

SMOKE = ("--cores", "2", "--config", "study=smoke")
EVALUATION = Path("results/smoke/evaluations/demo-small/astronomy.json")


def forge(folder):
    """Change one answer of an evaluation."""
    path = folder / EVALUATION
    path.write_text(path.read_text().replace('"correct": false', '"correct": true', 1))


@pytest.mark.parametrize("arguments", [SMOKE, (*SMOKE, "--dry-run")])
def test_a_forged_evaluation_stops_a_run_before_it_is_used(smoke_copy, snakemake, arguments):
    forge(smoke_copy)
    process = snakemake(smoke_copy, *arguments)
    line = f"{EVALUATION} was changed after the run that made it: restore it, or delete it so that it is made again"
    output = process.stdout + process.stderr
    assert process.returncode == 1 and output.count(line) == 1 and "Traceback" not in output
    (smoke_copy / EVALUATION).unlink()
    process = snakemake(smoke_copy, *SMOKE, "--dry-run")
    assert process.returncode == 0 and "evaluate demo-small astronomy" in process.stdout, process.stderr


def test_a_run_that_was_not_finished_goes_on(smoke_copy, snakemake):
    """Times are measured anew, so that files differ from those of the last whole run."""
    timing = smoke_copy / "results/smoke/timings/demo-small/astronomy.json"
    before = timing.read_bytes()
    process = snakemake(smoke_copy, *SMOKE, "--until", "evaluate", "--forcerun", EVALUATION)
    assert process.returncode == 0 and timing.read_bytes() != before, process.stderr
    assert snakemake(smoke_copy, *SMOKE, "--dry-run").returncode == 0
    timing.write_text(timing.read_text().replace("1", "2", 1))
    assert "timings/demo-small/astronomy.json was changed" in snakemake(smoke_copy, *SMOKE, "--dry-run").stdout


def test_without_snakemakes_records_a_changed_file_is_named_too(smoke_copy, snakemake):
    forge(smoke_copy)
    shutil.rmtree(smoke_copy / ".snakemake")
    assert f"{EVALUATION} was changed" in snakemake(smoke_copy, *SMOKE, "--dry-run").stdout


def test_an_edited_report_stops_a_run_which_would_show_it_on_the_page(smoke_copy, snakemake):
    report = smoke_copy / "results/smoke/report.md"
    report.write_text(f"{report.read_text()}\nA remark.\n")
    assert "report.md was changed after the run that made it" in snakemake(smoke_copy, *SMOKE, "--dry-run").stdout
