"""Ctrl-C and SIGTERM at any moment of a program: its status says so, and no traceback is shown."""

import ast
import os
import signal
import subprocess
import sys

import pytest

INTERRUPT = "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n"
PROGRAM = "from mmlu_kit import user_errors\n{}\ndef main():\n    {}\n\nif __name__ == '__main__':\n    user_errors.run(main)\n"


@pytest.fixture
def program(root, tmp_path):
    """Run a program with lines after its first import and a line in its main function; `library` is a module beside it."""

    def call(head: str = "", body: str = "pass", library: str = INTERRUPT, before: list[str] | None = None):
        (tmp_path / "library.py").write_text(library)
        (tmp_path / "program.py").write_text(PROGRAM.format(head, body))
        env = {**os.environ, "PYTHONPATH": str(root / "workflow/scripts")}
        command = [*(before or []), sys.executable, str(tmp_path / "program.py")]
        return subprocess.run(command, capture_output=True, text=True, env=env)

    return call


@pytest.mark.parametrize(
    ("head", "body", "library"),
    [
        ("import library", "pass", INTERRUPT),
        ("", "import library", INTERRUPT),
        ("", "os.kill(os.getpid(), signal.SIGINT)", INTERRUPT),
        # Libraries may turn the exception of a signal into another one, or ignore it.
        (
            "import library",
            "pass",
            f"try:\n    {INTERRUPT.replace(chr(10), chr(10) + '    ')}\nexcept BaseException:\n    pass\n",
        ),
    ],
)
def test_ctrl_c_ends_a_program_with_130(program, head, body, library):
    process = program(f"import os, signal\n{head}", body, library)
    assert (process.returncode, process.stdout, process.stderr) == (130, "", "")


def test_a_second_ctrl_c_during_the_end_of_the_first_changes_nothing(program):
    interrupt = "os.kill(os.getpid(), signal.SIGINT)"
    body = f"\n    try:\n        {interrupt}\n    finally:\n        {interrupt}"
    process = program("import os, signal", body)
    assert (process.returncode, process.stderr) == (130, "")


def test_sigterm_ends_a_program_at_once(program):
    process = program("import os, signal", "os.kill(os.getpid(), signal.SIGTERM)")
    assert (process.returncode, process.stderr) == (-signal.SIGTERM, "")


def test_a_background_job_that_ignores_ctrl_c_still_ignores_it(program):
    ignoring = ["sh", "-c", 'trap "" INT; exec "$@"', "sh"]
    process = program("import library", "print('done')", before=ignoring)
    assert (process.returncode, process.stdout, process.stderr) == (0, "done\n", "")


def test_a_process_that_is_no_program_of_the_kit_keeps_its_handler(root):
    code = "import signal\n(lambda: __import__('mmlu_kit'))()\nassert signal.getsignal(2) is signal.default_int_handler"
    env = {**os.environ, "PYTHONPATH": str(root / "workflow/scripts")}
    subprocess.run([sys.executable, "-c", code], check=True, env=env)


def test_every_program_imports_the_package_before_any_library(root):
    programs = [*root.glob("workflow/scripts/*.py"), *root.glob("workflow/demo/*.py"), *root.glob("benchmarks/*.py")]
    # llama.py runs in an environment without the kit.
    programs = [path for path in programs if "__main__" in path.read_text() and path.name != "llama.py"]
    assert len(programs) > 20
    for path in programs:
        tree = ast.parse(path.read_text())
        imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
        names = [node.module if isinstance(node, ast.ImportFrom) else node.names[0].name for node in imports]
        libraries = [name for name in names if name.partition(".")[0] not in sys.stdlib_module_names]
        beside = {"yaml", *(module.stem for module in path.parent.glob("*.py"))}  # these take no time worth telling
        first = next(name.partition(".")[0] for name in libraries if name not in beside)
        assert first == "mmlu_kit", path
        assert ast.unparse(tree.body[-1]).endswith("run(main)"), path
