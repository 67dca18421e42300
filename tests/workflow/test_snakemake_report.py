"""`snakemake --report`: one file with the figures, their captions and the page, made without network."""

import base64
import json
import re

import pytest
from mmlu_kit.report import figures, mistake_figures

from tests.workflow.conftest import can_unshare


@pytest.fixture
def made(smoke_copy, snakemake):
    """The content of Snakemake's report on the smoke study, and its folder."""
    smoke = ["--cores", "1", "--config", "study=smoke"]
    process = snakemake(smoke_copy, *smoke, "--report", "out.html", without_network=can_unshare())
    assert process.returncode == 0, process.stdout + process.stderr
    return smoke_copy, (smoke_copy / "out.html").read_text(encoding="utf-8")


def test_snakemakes_report_has_every_figure_with_its_caption_and_category(made):
    folder, text = made
    found = json.loads(re.search(r"var results = ({.*});?\s*$", text, re.M)[1])
    names = [*(f"small_{name}" for name in figures.DRAW if name != "efficiency"), *mistake_figures.DRAW, "accuracy_by_size"]
    # Whether times differ enough to draw accuracy against them depends on the machine.
    for name in names:
        figure = found[f"results/smoke/figures/{name}.png"]
        drawn = (folder / f"results/smoke/figures/{name}.png").read_bytes()
        assert base64.b64decode(figure["data_uri"].split(";base64,")[1]) == drawn
        assert figure["labels"] == {"figure": name}
    captions = {plain(found[f"results/smoke/figures/{name}.png"]["caption"]) for name in names}
    assert len(captions) == len(names) and min(map(len, captions)) > 40, "a figure has no words of its own"
    for name in ("report.html", "merged.json"):
        assert len(plain(found[f"results/smoke/{name}"]["caption"])) > 40
    categories = json.loads(re.search(r"var categories = ({.*});?\s*$", text, re.M)[1])
    assert set(categories) == {"Figures", "Report", "Results"}


def plain(text):
    """Return a text without tags, literal marks and line breaks."""
    return " ".join(re.sub(r"<[^>]+>|``", "", text).split())
