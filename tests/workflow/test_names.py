"""Models and studies with names like numbers, planned by Snakemake from a config in YAML."""

import re

import pytest
import yaml

NAMES = ["0.5", "1.5", "1e5", "007", "7", "nan", "None", "true", "inf", "1_000", "2026-01-01", "null", "1.0"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a file of predictions and a config, in which a model for each name is imported."""
    folder = tmp_path_factory.mktemp("names")
    rows = [f"anatomy,{index},{name},A" for name in NAMES for index in range(45)]
    (folder / "p.csv").write_text("\n".join(["subject,test_index,model,prediction", *rows]) + "\n")
    groups = {"small": {"title": "Small", "models": NAMES}}
    config = {
        "models": {name: {"predictions": "p.csv", "predictions_model": name} for name in NAMES},
        "studies": {
            name: {"title": name, "questions": "demo", "subjects": ["anatomy"], "groups": groups}
            for name in ("1e5", "007", "nan")
        },
    }
    (folder / "mine.yaml").write_text(yaml.safe_dump(config))
    return folder


def test_models_and_studies_with_names_like_numbers_are_planned(root, snakemake, folder):
    options = ["--snakefile", root / "Snakefile", "--cores", "1", "--dry-run", "--configfile", "mine.yaml"]
    process = snakemake(folder, *options, "--config", "study=1e5")
    assert process.returncode == 0, process.stdout + process.stderr
    names = re.findall(r"^import_predictions (\S+): missing output files$", process.stdout, re.M)
    assert sorted(names) == sorted(NAMES), process.stdout


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("007", "config: models: YAML reads the key 7 as a number: write it in quotes"),
        ("2026-01-01", "config: models: the key 2026-01-01 is not text: write it in quotes"),
    ],
)
def test_a_name_that_yaml_takes_for_something_else_is_one_line(root, snakemake, folder, name, line):
    path = folder / f"{name}.yaml"
    path.write_text(f"models:\n  {name}: {{predictions: p.csv}}\n")
    process = snakemake(folder, "--snakefile", root / "Snakefile", "--cores", "1", "--dry-run", "--configfile", path.name)
    text = process.stdout + process.stderr
    assert process.returncode != 0 and line in text and "Traceback" not in text
