"""A program's source files are found from its imports, so an edit reruns only what depends on it."""

import shutil
import subprocess
from pathlib import Path

import pytest
from mmlu_kit import sources


def names(root, program):
    return {Path(path).name for path in sources.sources(root / "workflow/scripts" / program)}


def test_an_edit_of_scoring_reruns_the_evaluation_and_not_the_report(root):
    evaluate, report = names(root, "evaluate.py"), names(root, "write_report.py")
    assert {"evaluate.py", "runner.py", "scoring.py", "prompts.py", "answer_parser.py", "transformers_model.py"} <= evaluate
    assert not {"scoring.py", "transformers_model.py"} & report
    assert "context.py" in report and not {"context.py", "merged.py"} & evaluate


@pytest.mark.parametrize(
    "program", ["parse_times.py", "merge.py", "draw_figures.py", "write_report.py", "write_page.py", "fetch_model.py"]
)
def test_programs_that_need_no_model_do_not_import_torch(root, program):
    # Importing torch takes seconds, as long as scoring several questions.
    for path in sources.sources(root / "workflow/scripts" / program):
        text = Path(path).read_text(encoding="utf-8")
        assert "import torch" not in text and "import transformers" not in text, path


def test_no_program_imports_snakemake(root):
    for path in (root / "workflow/scripts").rglob("*.py"):
        assert "import snakemake" not in path.read_text() and "from snakemake" not in path.read_text(), path


def test_imports_inside_functions_are_found(tmp_path):
    program = tmp_path / "program.py"
    program.write_text("def main():\n    from mmlu_kit.inputs import hub\n")
    found = {path.removeprefix(f"{sources.PACKAGE}/") for path in sources.sources(program)}
    assert found == {
        *(str(program), "__init__.py", "data.py", "files.py", "hub_address.py", "interrupts.py", "streams.py"),
        *("strict_yaml.py", "terminal_text.py", "user_errors.py", "validation_errors.py"),
        *("model_sources.py", "settings.py", "source_entries.py", "subjects.py", "template_arguments.py"),
        *("inputs/__init__.py", "inputs/hub.py", "inputs/adapters.py", "inputs/model_configs.py"),
        *("inputs/file_entries.py", "inputs/hub_client.py", "inputs/listings.py", "inputs/name_patterns.py"),
        "inputs/model_folders.py",
        *(f"inputs/gguf_{name}.py" for name in ("families", "files", "headers", "keys", "rotary", "tokens")),
        *("inputs/parameter_counts.py", "inputs/regular_files.py", "inputs/safetensors_headers.py"),
        *("inputs/tokenizer_files.py", "inputs/weight_files.py"),
    }


def test_a_checkout_with_windows_line_ends_keeps_those_of_scripts(root, tmp_path):
    for name in (".gitattributes", "workflow/scripts/timed.sh"):
        shutil.copy(root / name, tmp_path)
    git = ["git", "-C", tmp_path, "-c", "core.autocrlf=true"]
    for command in (["init"], ["add", "."]):
        subprocess.run([*git, *command], check=True, capture_output=True)
    (tmp_path / "timed.sh").unlink()
    subprocess.run([*git, "checkout", "--", "timed.sh"], check=True, capture_output=True)
    assert (tmp_path / "timed.sh").read_bytes() == (root / "workflow/scripts/timed.sh").read_bytes()
