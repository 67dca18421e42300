"""The whole Colab notebook, run with the smoke study instead of the writeup's; its results can be unpacked at home."""

import os
import shutil
import zipfile

import nbclient
import nbformat
import pytest

from tests.conftest import ROOT, TOKEN, as_installed, copy_of_the_workflow, under_git

# Colab's own modules: Drive is a folder, and what is downloaded is noted.
COLAB = {
    "__init__.py": "",
    "drive.py": "import pathlib\ndef mount(path): pathlib.Path(path, 'MyDrive').mkdir(parents=True, exist_ok=True)",
    "files.py": "def download(path): print('downloaded', path)",
}


def read(**settings):
    """The notebook with the smoke study in its form, and `settings`."""
    notebook = nbformat.read(ROOT / "workflow/notebooks/colab.ipynb", as_version=4)
    (form,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    for name, value in {"STUDY": "smoke", "ONLY": "small", **settings}.items():
        form.source += f"\n{name} = {value!r}"
    return notebook


def execute(notebook, folder, path=""):
    """Run a notebook in `folder` until its end, or its first cell that fails."""
    client = nbclient.NotebookClient(
        notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env={**os.environ, "HF_TOKEN": TOKEN, "PYTHONPATH": str(path)})


def clone(folder):
    """The kit as the notebook clones it; its packages are those of the tests' environment."""
    return as_installed(copy_of_the_workflow(folder / "mmlu-kit"))


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The executed notebook and its kit."""
    folder = tmp_path_factory.mktemp("colab")
    kit, notebook = clone(folder), read()
    execute(notebook, folder)
    return notebook, kit


@pytest.fixture(scope="module")
def colab(tmp_path_factory):
    """A folder with stand-ins for Colab's modules."""
    folder = tmp_path_factory.mktemp("modules")
    (folder / "google/colab").mkdir(parents=True)
    for name, text in COLAB.items():
        (folder / "google/colab" / name).write_text(text)
    return folder


def printed(notebook):
    return "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))


def test_the_notebook_is_committed_without_outputs_and_with_short_cells():
    notebook = nbformat.read(ROOT / "workflow/notebooks/colab.ipynb", as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs") and len(cell.source.splitlines()) <= 6, cell.source


def failure(notebook):
    """What the first cell that fails shows, and how many cells ran before it."""
    for place, cell in enumerate(notebook.cells):
        for output in cell.get("outputs", []):
            if output.output_type == "error":
                assert not [later for later in notebook.cells[place + 1 :] if later.get("outputs")]
                return "\n".join(output.traceback)
    return None


def test_every_notebook_cell_runs(executed):
    notebook, kit = executed
    text = printed(notebook)
    assert "error: " not in text and "Traceback" not in text, text
    assert (kit / "results/smoke/report.html").is_file()
    assert "GPU        none that torch can use" in text or "GPU        " in text
    assert TOKEN not in nbformat.writes(notebook)


def test_the_notebook_shows_every_figure_and_the_machines(executed):
    notebook, kit = executed
    shown = [output for cell in notebook.cells for output in cell.get("outputs", []) if "image/png" in output.get("data", {})]
    assert len(shown) == len(list((kit / "results/smoke/figures").glob("*.png"))) >= 8
    (section,) = [
        output.data["text/markdown"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if "text/markdown" in output.get("data", {})
    ]
    assert section.startswith("## 7.") and "### Machines Compared" in section and "## 8." not in section


def test_the_notebooks_archive_can_be_unpacked_at_home(executed, kit, tmp_path):
    _, project = executed
    archive = project / "results/smoke.zip"
    with zipfile.ZipFile(archive) as packed:
        assert sum("evaluations/" in name for name in packed.namelist()) == 4
    home = tmp_path / "results/smoke"
    process = kit("unpack", archive, "--results", home)
    assert process.returncode == 0, process.stderr
    assert len(list(home.glob("elsewhere/*/evaluations/*/*.json"))) == 4


def test_the_notebook_stops_at_a_cell_that_fails_with_one_line(tmp_path):
    project = under_git(copy_of_the_workflow(tmp_path / "away"))
    (project / "Makefile").write_text(".venv/kit:\n\t@echo no network >&2; exit 1\n")
    shutil.rmtree(project / ".git")
    under_git(project)
    for number, (kit, line) in enumerate(
        {
            "https://github.com/OWNER/mmlu-kit": "KIT in the form has a placeholder: put in the kit's address",
            str(tmp_path / "nowhere"): f"no kit was cloned from {tmp_path}/nowhere: correct KIT in the form",
            str(project): "the locked packages were not installed: the lines above say why",
        }.items()
    ):
        notebook, folder = read(KIT=kit), tmp_path / f"colab {number}"
        folder.mkdir()
        with pytest.raises(nbclient.exceptions.CellExecutionError):
            execute(notebook, folder)
        assert failure(notebook) == f"error: {line}"
    # Outside Colab there is no Drive, and the kit that is there already is used, wherever a kernel that goes on stands.
    notebook = read(KEEP_ON_DRIVE=True)
    (folder := tmp_path / "here").mkdir()
    clone(folder)
    with pytest.raises(nbclient.exceptions.CellExecutionError):
        execute(notebook, folder)
    assert failure(notebook) == "error: KEEP_ON_DRIVE works on Google Colab alone: untick it in the form"


def until(notebook, words):
    """The notebook up to the first cell with these words."""
    (place, *_) = [place for place, cell in enumerate(notebook.cells) if words in cell.source]
    return nbformat.v4.new_notebook(cells=notebook.cells[: place + 1], metadata=notebook.metadata)


def test_a_results_folder_is_linked_to_drive_once_and_never_replaced(tmp_path, colab):
    kit = clone(tmp_path)
    for _ in range(2):
        execute(until(read(KEEP_ON_DRIVE=True), "MyDrive"), tmp_path, colab)
        for name in ("results/smoke", ".snakemake/metadata", ".snakemake/incomplete"):
            assert (kit / name).resolve() == (tmp_path / "drive/MyDrive/mmlu-kit/smoke" / name).resolve()
            assert (kit / name).is_dir() and not list((kit / name).iterdir())
    # Results that were made before the choice stay where they are.
    (kit / "results/smoke").unlink()
    (kit / "results/smoke").mkdir()
    notebook = until(read(KEEP_ON_DRIVE=True), "MyDrive")
    with pytest.raises(nbclient.exceptions.CellExecutionError):
        execute(notebook, tmp_path, colab)
    assert failure(notebook) == "error: results/smoke is not kept on Drive yet: start a new runtime and run all cells"
    assert not list((kit / "results/smoke").iterdir())


def test_with_results_on_drive_a_new_runtime_computes_no_evaluation_again(executed, tmp_path, colab):
    drive = tmp_path / "drive/MyDrive/mmlu-kit/smoke"
    for name in ("results/smoke", ".snakemake/metadata", ".snakemake/incomplete"):
        shutil.copytree(executed[1] / name, drive / name)  # with their dates
    kit = clone(tmp_path)
    for path in (kit / "workflow").rglob("*.py"):
        path.touch()  # a clone's files are as new as the clone
    evaluations = {path: path.stat().st_mtime_ns for path in drive.glob("results/smoke/evaluations/*/*.json")}
    notebook = read(KEEP_ON_DRIVE=True)
    execute(notebook, tmp_path, colab)
    assert len(evaluations) == 4 and evaluations == {path: path.stat().st_mtime_ns for path in evaluations}
    assert (kit / "results/smoke").resolve() == (drive / "results/smoke").resolve()
    assert "downloaded results/smoke.zip" in printed(notebook)
