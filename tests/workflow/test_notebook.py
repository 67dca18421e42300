"""The whole Colab notebook, run with the smoke study instead of the writeup's; its results can be unpacked at home."""

import os
import zipfile

import nbclient
import nbformat
import pytest

from tests.conftest import ROOT, TOKEN, as_installed, copy_of_the_workflow


@pytest.fixture(scope="module")
def executed(tmp_path_factory):
    """The executed notebook and its folder. Packages are those of the tests' environment."""
    folder = tmp_path_factory.mktemp("colab")
    kit = as_installed(copy_of_the_workflow(folder / "mmlu-kit"))
    notebook = nbformat.read(ROOT / "workflow/notebooks/colab.ipynb", as_version=4)
    (settings,) = [cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    settings.source = settings.source.replace('"writeup"', '"smoke"').replace('"medium"', '"small"')
    client = nbclient.NotebookClient(
        notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute(env={**os.environ, "HF_TOKEN": TOKEN})
    return notebook, kit


def printed(notebook):
    return "".join(output.get("text", "") for cell in notebook.cells for output in cell.get("outputs", []))


def test_the_notebook_is_committed_without_outputs_and_with_short_cells():
    notebook = nbformat.read(ROOT / "workflow/notebooks/colab.ipynb", as_version=4)
    nbformat.validate(notebook)
    for cell in notebook.cells:
        assert not cell.get("outputs") and len(cell.source.splitlines()) <= 6, cell.source


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
