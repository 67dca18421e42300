"""The command mmlu-kit as a whole: its help, the examples in it, completion, and the start of a study."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from mmlu_kit.cli import main
from mmlu_kit.cli.main import SUBCOMMANDS
from mmlu_kit.user_errors import UserError


def test_help_lists_every_subcommand_under_a_heading_and_says_how_to_complete(kit):
    text = kit("--help").stdout
    lines = text.splitlines()
    for name, description in SUBCOMMANDS.items():
        assert f"  {name:16}{description}" in lines
    headings = [line for line in lines if line.endswith(":") and not line.startswith(" ")]
    assert headings == ["Run:", "Look:", "Share:", "Maintain:", "options:", "Examples:", "Completion by the Tab key:"]
    for shell in ("bash", "zsh", "fish"):
        assert f"mmlu-kit completion {shell}" in text


def test_help_and_completion_do_not_wait_for_large_libraries(root):
    names = sorted(SUBCOMMANDS.keys() - {"schemas"})  # which imports the models of all files
    program = (
        f"import sys; from mmlu_kit.cli import main; [main.every_subcommand(name) for name in {names}]; print(*sys.modules)"
    )
    command = [sys.executable, "-c", program]
    process = subprocess.run(command, capture_output=True, text=True, cwd=root / "workflow/scripts", check=True)
    assert not {"torch", "transformers", "scipy", "pandas", "numpy"} & set(process.stdout.split())


@pytest.mark.parametrize("name", SUBCOMMANDS)
def test_the_example_of_a_subcommand_is_a_valid_command(name):
    module = main._module(name)
    words = shlex.split(module.EXAMPLE.removeprefix('eval "$(').removesuffix(')"'))
    assert words[:2] == ["mmlu-kit", name]
    args = main.every_subcommand(name).parse_args(words[1:])
    assert args and len(module.EXAMPLE) <= 110


def test_a_mistyped_command_is_one_line(monkeypatch):
    for words, message in ((["mmlu-kit"], "no subcommand is named"), (["mmlu-kit", "evalute"], "did you mean 'evaluate'")):
        monkeypatch.setattr(sys, "argv", words)
        with pytest.raises(UserError, match=message):
            main.run()


@pytest.fixture
def complete(root, tmp_path):
    """Return what a shell would show for a command line after Tab, in a folder with a config of its own."""
    (tmp_path / "config.yaml").write_text("models: {mine-tiny: {path: p}}\nstudies: {my-study: {}}\n")
    (tmp_path / "folder-of-model").mkdir()

    def call(line):
        env = {**os.environ, "PYTHONPATH": str(root / "workflow/scripts"), "_ARGCOMPLETE": "1", "_ARGCOMPLETE_IFS": "\n"}
        env |= {"COMP_LINE": line, "COMP_POINT": str(len(line)), "_ARGCOMPLETE_STDOUT_FILENAME": str(tmp_path / "out")}
        env.pop("_ARGCOMPLETE_COMP_WORDBREAKS", None)
        process = subprocess.run([sys.executable, "-m", "mmlu_kit"], cwd=tmp_path, env=env, capture_output=True, text=True)
        assert process.returncode == 0 and not process.stdout, process.stderr
        return {word.strip() for word in (tmp_path / "out").read_text().splitlines()}

    return call


@pytest.mark.parametrize(
    ("line", "words", "others"),
    [
        ("mmlu-kit ch", {"chat", "check", "check-results"}, set()),
        ("mmlu-kit status --", {"--study", "--only", "--configfile"}, {"--model"}),
        ("mmlu-kit status --study ", {"demo", "writeup", "my-study"}, {"demo-small"}),
        ("mmlu-kit report my", {"my-study"}, {"demo"}),
        ("mmlu-kit evaluate --model mi", {"mine-tiny"}, {"demo-small"}),
        ("mmlu-kit chat --model fol", {"folder-of-model/"}, {"demo-small"}),
        ("mmlu-kit compare demo-s", {"demo-small"}, {"mine-tiny"}),
        ("mmlu-kit chat --device ", {"cpu", "cuda", "mps"}, {"demo-small"}),
        ("mmlu-kit completion ", {"bash", "zsh", "fish"}, set()),
    ],
)
def test_tab_completes_subcommands_options_studies_and_models(complete, line, words, others):
    completions = complete(line)
    assert words <= completions and not others & completions


def test_a_damaged_config_completes_what_is_left(complete, tmp_path):
    (tmp_path / "config.yaml").write_text("models: [\n")
    assert "demo-small" in complete("mmlu-kit chat --model demo-")


@pytest.mark.parametrize("shell", ("bash", "zsh", "fish"))
def test_a_shell_gets_its_own_script(kit, shell):
    process = kit("completion", shell)
    assert process.returncode == 0 and "mmlu-kit" in process.stdout and "_ARGCOMPLETE" in process.stdout
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=process.stdout, text=True, check=True)


def test_bash_completes_with_the_script(root, tmp_path):
    program = tmp_path / "mmlu-kit"
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m mmlu_kit "$@"\n')
    program.chmod(0o755)
    env = {**os.environ, "PYTHONPATH": str(root / "workflow/scripts"), "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    line = "mmlu-kit compare --study smo"
    text = f"""eval "$(mmlu-kit completion bash)"
        COMP_LINE={line!r} COMP_POINT={len(line)} COMP_TYPE=9 _python_argcomplete mmlu-kit smo --study
        echo "${{COMPREPLY[@]}}" """
    process = subprocess.run(["bash", "-c", text], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert process.stdout.split() == ["smoke"], process.stderr


STUDY = "{title: Mine, questions: demo, subjects: [astronomy], groups: {all: {title: All, models: [demo-small]}}}"


@pytest.fixture
def report(kit, root, tmp_path):
    """Run mmlu-kit report in a folder; Snakemake's place is taken by a program that prints how it was called."""
    (tmp_path / "snakemake.py").write_text(
        "import os, sys\nprint(*sys.argv[1:], os.environ['PATH'].split(':')[0])\nsys.exit(7)\n"
    )
    (tmp_path / "my own.yaml").write_text(f"studies: {{mine: {STUDY}}}\n")
    paths = os.pathsep.join([str(tmp_path), str(root / "workflow/scripts")])
    return lambda *arguments: kit("report", *arguments, cwd=tmp_path, env={"PYTHONPATH": paths})


def test_report_runs_snakemake_with_the_study_and_keeps_its_exit_status(report, root, tmp_path):
    process = report("mine", "--config", "my own.yaml", "--cores", "3")
    snakefile, folder = os.path.relpath(root / "Snakefile", tmp_path), Path(sys.executable).parent
    expected = f"--snakefile {snakefile} --cores 3 --configfile my own.yaml --config study=mine {folder}\n"
    assert (process.returncode, process.stdout) == (7, expected), process.stderr


def test_mistakes_are_one_line_before_snakemake_starts(report, one_line, tmp_path):
    one_line(report("smok"), "there is no study 'smok'", "did you mean 'smoke'?")
    one_line(report("mine", "--config", "missing.yaml"), "missing.yaml does not exist")
    (tmp_path / "my own.yaml").write_text(f"studies: {{mine: {STUDY.replace('demo-small', 'demo-smal')}}}\n")
    one_line(report("mine", "--config", "my own.yaml"), "demo-smal", "did you mean 'demo-small'?")
