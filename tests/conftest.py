"""Fixtures shared by several test files. Programs are run as users run them: as processes, with this Python."""

import compileall
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from filelock import FileLock

from tests.helpers import images, real_model

if "PYTEST_XDIST_WORKER" in os.environ:
    # Workers share the processor's cores: threads of torch that wait for each other must not spin meanwhile.
    os.environ.update(OMP_NUM_THREADS="1", OMP_WAIT_POLICY="passive")

# Programs that tests start find compiled modules as on users' machines, whatever this environment says.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False

ROOT = Path(__file__).parents[1]
TOKEN = "hf_aSecretThatNoFileMayHold"
USER, HOST = "secretname", "secrethost"
REAL_DATA = ROOT.parent / "shared" / "data"

if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    # Tests in the background of a shell ignore Ctrl-C, and so would the programs that they start.
    signal.signal(signal.SIGINT, signal.default_int_handler)


# What takes longest starts first, so that no worker is left alone with it at the end.
LONGEST = (
    "tests/peers/test_lm_eval.py",
    "tests/cluster",
    "tests/demo_study",
    "tests/containers",
    "tests/faults",
    "tests/real",
    "tests/workflow/test_demo_training.py",
    "tests/hostile/test_hostile_inputs.py",
    "tests/workflow",
)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write tests/golden anew instead of comparing with it")


def pytest_configure(config: pytest.Config) -> None:
    """Compile the kit once, before workers start: thousands of processes and all copies of the workflow use it."""
    if not hasattr(config, "workerinput"):
        compileall.compile_dir(ROOT / "workflow", quiet=1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Sort tests by file, the slowest files first."""

    def place(item: pytest.Item) -> int:
        return next((n for n, name in enumerate(LONGEST) if item.nodeid.startswith(name)), len(LONGEST))

    items.sort(key=place)


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's folder."""
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Real MMLU questions, a real tokenizer and model shapes, kept beside the project; skips if they are missing."""
    if not REAL_DATA.is_dir():
        pytest.skip(f"no real data at {REAL_DATA}")
    return REAL_DATA


@pytest.fixture(scope="session")
def real_gguf() -> Path:
    """The GGUF file of a real published model, SmolLM2-135M-Instruct; skips if it cannot be had."""
    return real_model.gguf_file()


@pytest.fixture(scope="session")
def made_once(tmp_path_factory, worker_id):
    """Make a folder once for all workers: made_once(name, make) gives it; the first that needs it calls make(folder)."""
    base = tmp_path_factory.getbasetemp()
    shared = base if worker_id == "master" else base.parent

    def once(name: str, make: Callable[[Path], object]) -> Path:
        with FileLock(shared / f"{name}.lock"):
            if not (shared / f"{name}.done").exists():
                shutil.rmtree(shared / name, ignore_errors=True)  # what another worker failed to make
                make(shared / name)
                (shared / f"{name}.done").touch()
        return shared / name

    return once


@pytest.fixture(scope="session")
def real_folder(real_gguf, made_once) -> Path:
    """The same model as a Hugging Face folder (540 MB)."""
    return made_once("SmolLM2-135M-Instruct", lambda folder: real_model.convert(real_gguf, folder))


@pytest.fixture(scope="session")
def run():
    """Run a program of workflow/scripts: run('evaluate.py', …) gives the completed process, its output as text."""

    def call(program: str, *arguments: object, **options) -> subprocess.CompletedProcess:
        command = [sys.executable, str(ROOT / "workflow/scripts" / program), *map(str, arguments)]
        return subprocess.run(command, capture_output=True, text=True, cwd=options.pop("cwd", ROOT), **options)

    return call


@pytest.fixture(scope="session")
def kit():
    """Run a subcommand of mmlu-kit: kit('status', …) gives the completed process, its output as text."""

    def call(subcommand: str, *arguments: object, **options) -> subprocess.CompletedProcess:
        command = [sys.executable, "-m", "mmlu_kit", subcommand, *map(str, arguments)]
        env = {**os.environ, "PYTHONPATH": str(ROOT / "workflow/scripts"), **options.pop("env", {})}
        return subprocess.run(command, capture_output=True, text=True, cwd=options.pop("cwd", ROOT), env=env, **options)

    return call


@pytest.fixture(scope="session")
def snakemake():
    """Run snakemake in a folder that holds a copy of the workflow: snakemake(folder, …); `before` is a shell command.

    With `without_network` or `before` it runs in namespaces of its own, where `before` may mount disks.
    """

    def call(
        folder: Path, *arguments: object, without_network: bool = False, before: str = "true", env: dict | None = None
    ) -> subprocess.CompletedProcess:
        command = [str(Path(sys.executable).with_name("snakemake")), *map(str, arguments)]
        if without_network or before != "true":
            spaces = ["unshare", "--map-root-user", "--mount", "--uts", *(["--net"] if without_network else [])]
            command = [*spaces, "sh", "-c", f'{before} && exec "$@"', "sh", *command]
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        settings = {**os.environ, "PATH": path, **(env or {})}
        return subprocess.run(command, capture_output=True, text=True, cwd=folder, env=settings)

    return call


def copy_of_the_workflow(folder: Path) -> Path:
    """The workflow without results, in `folder`, with its compiled modules: file dates are kept, so that they stay valid."""
    folder.mkdir()
    for name in ("Snakefile", "config.yaml"):
        shutil.copy2(ROOT / name, folder)
    for name in ("workflow", "profiles", "envs"):
        # A compiled module that another worker is writing has a temporary name.
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("*.pyc.*"))
    return folder


def as_installed(folder: Path) -> Path:
    """A copy of the project in which `make` finds everything installed: the tests' environment is its own."""
    for name in ("Makefile", "pyproject.toml"):
        shutil.copy2(ROOT / name, folder)
    (folder / ".venv").symlink_to(Path(sys.prefix), target_is_directory=True)
    for path in (folder / "Makefile", folder / "pyproject.toml", *(folder / "envs").iterdir()):
        os.utime(path, (0, 0))  # older than the marks of an installed environment
    return folder


def under_git(folder: Path) -> Path:
    """Make the folder a git repository with everything committed except ignored files."""
    if not (folder / ".gitignore").exists():
        shutil.copy2(ROOT / ".gitignore", folder)
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@example.org"]
    for command in (["init", "--quiet"], ["add", "."], ["commit", "--quiet", "--message", "all"]):
        subprocess.run([*git, *command], cwd=folder, check=True)
    return folder


def no_file_holds(secret: str, folder: Path) -> None:
    """Check that no file below `folder`, even a hidden one, contains the secret; linked images are left out."""
    files = [path for path in folder.rglob("*") if path.is_file() and path.suffix != ".sif"]
    assert files
    for path in files:
        assert secret.encode() not in path.read_bytes(), path


@pytest.fixture(scope="session")
def smoke(made_once, snakemake) -> Path:
    """A folder in which the whole smoke study has run; tests change copies of it only."""

    def make(folder: Path) -> None:
        process = snakemake(copy_of_the_workflow(folder), "--cores", "2", "--config", "study=smoke")
        assert process.returncode == 0, process.stdout + process.stderr

    return made_once("smoke", make)


@pytest.fixture
def smoke_copy(smoke, tmp_path) -> Path:
    """A copy of the smoke study's folder, with file dates kept, to change and rerun."""
    return Path(shutil.copytree(smoke, tmp_path / "smoke", symlinks=True))


@pytest.fixture
def workflow_copy(tmp_path) -> Path:
    """A fresh copy of the workflow."""
    return copy_of_the_workflow(tmp_path / "kit")


@pytest.fixture(scope="session")
def cpu_image() -> Path:
    """images/cpu.sif as `make image-cpu` builds it from this project's files; an up-to-date one is reused."""
    image = ROOT / "images/cpu.sif"
    images.apptainer()
    image.parent.mkdir(exist_ok=True)
    with FileLock(image.with_suffix(".making")):  # another worker may be making it
        if not image.is_file() or images.labels(image).get("mmlu-kit.inputs.sha256") != images.inputs("cpu"):
            process = subprocess.run(["make", "image-cpu"], cwd=ROOT, capture_output=True, text=True)
            if "none of them works here" in process.stderr:
                pytest.skip("neither docker, podman nor buildah works on this machine")
            assert process.returncode == 0, process.stdout[-3000:] + process.stderr[-3000:]
    return image


@pytest.fixture
def one_line():
    """Check that a process ended as after a user's mistake: exit status 2, one line that contains `words`, no traceback."""

    def check(process: subprocess.CompletedProcess, *words: str) -> None:
        lines = process.stderr.strip().splitlines()
        assert process.returncode == 2, process.stderr
        assert len(lines) == 1 and lines[0].startswith("error: "), process.stderr
        for word in words:
            assert word in lines[0]

    return check
