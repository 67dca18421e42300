"""Names that look like numbers, dates, booleans or missing values are text from the results to the page."""

import json
import re

import pytest
from mmlu_kit import formatting
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.claims.document import ClaimsFile
from mmlu_kit.config import ImportedEntry
from mmlu_kit.evaluation import records
from mmlu_kit.evaluation.records import Evaluation
from mmlu_kit.report import captions, context, figures, mistake_figures, page
from mmlu_kit.report.explorer import explorer
from mmlu_kit.results import merging, predictions, summaries
from mmlu_kit.results.merged import Merged
from mmlu_kit.timing.time_logs import Processes

from tests.helpers import pages, results

MODELS = [
    "0.5",
    "1.5",
    "1e5",
    "007",
    "7",
    "nan",
    "None",
    "true",
    "inf",
    "1_000",
    "2026-01-01",
    "null",
    "-1",
    "1.0",
    "1",
    "NA",
    "0",
]
SUBJECTS = ["101", "nan", "1e2"]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """The files of a study: half of the models were run, the others are imported from one file of predictions."""
    folder = tmp_path_factory.mktemp("names")
    questions = [results.question(subject, index) for subject in SUBJECTS for index in range(12)]
    run, imported = MODELS[::2], MODELS[1::2]
    study = results.study(MODELS, SUBJECTS)
    entries = {name: ImportedEntry(predictions="p.csv", predictions_model=name) for name in imported}
    study = study.model_copy(update={"models": study.models | entries})
    pairs = [(model, subject) for model in run for subject in SUBJECTS]
    evaluations = [results.evaluation(*pair, "ABCA" * 2 + "ABAD") for pair in pairs]
    path = folder / "p.csv"
    rows = [
        f"{one.subject},{one.index},{name},{'ABCD'[(one.index + number) % 4]}"
        for number, name in enumerate(imported)
        for one in questions
    ]
    path.write_text("\n".join(["subject,test_index,model,prediction", *rows]) + "\n")
    for name in imported:
        answered = predictions.records(predictions.read(path, name), questions, "p.csv")
        for subject in SUBJECTS:
            of_subject = [record for record in answered if record.subject == subject]
            evaluations.append(records.imported(name, "p.csv", "0" * 64, subject, of_subject))
    for number, evaluation in enumerate(evaluations):
        evaluation.write(folder / f"{number}.json")
    evaluations = [Evaluation.read(folder / f"{number}.json") for number in range(len(evaluations))]
    processes = Processes({f"{model}/{subject}.time": results.process() for model, subject in pairs})
    merged = merging.merge(study, evaluations, [results.timing(*pair) for pair in pairs], processes)
    merged.write(folder / "merged.json")
    merged, table = Merged.read(folder / "merged.json"), merging.table(study, evaluations)
    analysis = results.analysis(merged, table, questions)
    analysis.write(folder / "analysis.json")
    results.claims(merged, evaluations).write(folder / "claims.json")
    return merged, table, questions, AnalysisFile.read(folder / "analysis.json"), ClaimsFile.read(folder / "claims.json")


def test_the_analysis_has_every_model_under_its_name(files):
    merged, table, _, analysis, _ = files
    assert merged.order() == list(dict.fromkeys(table["model"])) == [model.model for model in analysis.models] == MODELS
    assert analysis.questions == 36 and {model.questions for model in analysis.models} == {36}
    assert len(analysis.pairs) == len(MODELS) * (len(MODELS) - 1) / 2
    assert set(analysis.difficulty.order) == set(SUBJECTS)


def test_the_figures_label_every_model_with_its_name(files):
    merged, _, _, analysis, _ = files
    models = summaries.summarize_group(merged, merged.study.groups[0])
    assert [model.model for model in models] == MODELS
    by_subject = summaries.by_subject(merged, MODELS)
    axes = figures.DRAW["overall_accuracy"](models, by_subject).axes[0]
    labels = {label.get_text() for label in (*axes.get_xticklabels(), *axes.get_yticklabels())}
    assert set(MODELS) <= labels
    for name in ("subject_heatmap", "efficiency"):
        figures.render(figures.DRAW[name], "svg", models, by_subject)
    for name in captions.drawable(analysis):
        figures.render(mistake_figures.DRAW[name], "svg", analysis)


def test_the_report_and_the_page_have_every_model_and_subject(files):
    merged, table, questions, analysis, claims = files
    report = context.render(merged, analysis, claims, results.run(merged.study), results.WORKFLOW / "report")
    for name in MODELS:
        text = formatting.escaped(name)  # a minus begins a list
        assert f"\n| {text} | " in report, name
        assert f"**{text}** " in report, name
    for subject in SUBJECTS:
        assert f"\n| {subject} | 12 |" in report, subject
    html = page.render(report, {}, explorer(merged, table, questions), pages.TEMPLATES)
    data = json.loads(re.search(r'<script[^>]*id="data"[^>]*>(.*?)</script>', html, re.S)[1])
    assert [model["model"] for model in data["models"]] == [model["label"] for model in data["models"]] == MODELS
    assert data["subjects"] == SUBJECTS
    assert re.findall(r'name="model" value="\d+">([^<]*)</label>', html) == MODELS
    columns = re.search(r'<table id="questions".*?</table>', html, re.S)[0]
    assert set(MODELS) <= set(re.findall(r'<th scope="col">([^<]*)</th>', columns))
