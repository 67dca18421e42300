"""The files a program runs are found from its imports: an edit reruns what depends on it, and no more."""

from pathlib import Path

import pytest
from mmlu_kit import sources


def names(root, program):
    return {Path(path).name for path in sources.sources(root / "workflow/scripts" / program)}


def test_scoring_belongs_to_the_evaluation_and_not_to_the_report(root):
    assert {"evaluate.py", "scoring.py", "prompts.py", "answers.py", "models.py"} <= names(root, "evaluate.py")
    assert not {"scoring.py", "models.py"} & names(root, "write_report.py")
    assert not {"figures.py", "reporting.py"} & names(root, "evaluate.py")


@pytest.mark.parametrize(
    "program", ["parse_times.py", "merge.py", "draw_figures.py", "write_report.py", "write_page.py", "fetch_model.py"]
)
def test_programs_that_need_no_model_do_not_import_torch(root, program):
    # Importing torch takes seconds, as long as scoring several questions.
    for path in sources.sources(root / "workflow/scripts" / program):
        text = Path(path).read_text()
        assert "import torch" not in text and "import transformers" not in text, path


def test_no_program_imports_snakemake(root):
    for path in (root / "workflow/scripts").rglob("*.py"):
        assert "import snakemake" not in path.read_text() and "from snakemake" not in path.read_text(), path


def test_what_is_imported_inside_a_function_counts(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("def main():\n    from mmlu_kit import hub\n")
    assert {Path(path).name for path in sources.sources(program)} == {
        *("program.py", "__init__.py", "hub.py", "checkpoints.py", "files.py", "problems.py")
    }
