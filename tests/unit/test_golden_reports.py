"""Golden reports: the wording of whole reports on made-up studies. After a change of wording that is meant, run

    pytest tests/unit/test_golden_reports.py --update-golden

and read the difference in git before committing it. Which sentence follows from which numbers is tested elsewhere.
"""

import itertools
import random
from pathlib import Path

import pytest
from mmlu_kit.analysis import paired, precision
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.label_document import LabelAccuracies, LabelErrors
from mmlu_kit.analysis.values import Proportion
from mmlu_kit.claims.document import ClaimResult, ClaimsFile, ClaimVerdict, Judgement, NumberResult, NumberVerdict
from mmlu_kit.config import ImportedEntry, SubjectsOfModel
from mmlu_kit.evaluation import records
from mmlu_kit.evaluation.records import NotRun
from mmlu_kit.provenance.documents import Image, RunFile
from mmlu_kit.report import context
from mmlu_kit.results import merging, stability
from mmlu_kit.results.merged import Merged
from mmlu_kit.results.stability import RunSettings, StabilityFile
from mmlu_kit.settings import Device
from mmlu_kit.study import Group
from mmlu_kit.timing.time_logs import Processes

from tests.helpers import audits, chats, precisions, results
from tests.helpers import choices as any_choices

GOLDEN = Path(__file__).parents[1] / "golden"
SUBJECTS = ["anatomy", "astronomy", "virology"]


def answers(share: float, seed: int) -> str:
    """Return a hundred answers of which this share is right; the others are random wrong letters."""
    chance = random.Random(seed)
    wrong = [results.LETTERS.replace(gold, "") for gold in results.GOLD]
    return "".join(
        gold if chance.random() < share else chance.choice(letters) for gold, letters in zip(results.GOLD, wrong, strict=True)
    )


def claims(merged: Merged) -> ClaimsFile:
    """Return claims.json with a claim and numbers of each verdict."""
    holds = Judgement(verdict=ClaimVerdict.HOLDS, evidence="1 of 1")
    unknown = Judgement(verdict=ClaimVerdict.NOT_TESTABLE, evidence="no number of it")
    number = {"section": "4", "unit": "fraction", "published": 0.5}
    numbers = [
        NumberResult(
            id="a", what="accuracy of a", run=0.5, low=0.4, high=0.6, verdict=NumberVerdict.REPRODUCED, stage=None,
            reason=None, **number,
        ),
        NumberResult(
            id="b", what="accuracy of b", run=0.9, low=0.8, high=1.0, verdict=NumberVerdict.DIFFERS, stage="prompt",
            reason="another preset", **number,
        ),
        NumberResult(
            id="c", what="accuracy of c", run=None, low=None, high=None, verdict=NumberVerdict.NOT_RUN, stage=None,
            reason="c was not run", **number,
        ),
    ]  # fmt: skip
    claim = ClaimResult(id="a", section="4", text="A claim.", tested="all of it", published=unknown, run=holds)
    publication = audits.PUBLISHED.publication
    return ClaimsFile(study=merged.study.name, publication=publication, same_models=False, claims=[claim], numbers=numbers)


def compared() -> tuple[Merged, AnalysisFile, RunFile]:
    """Three models of increasing size on three subjects, one with unparsed answers; a baseline; git and a command."""
    study = results.study(
        ["small", "medium", "large"],
        SUBJECTS,
        notice="Only a test.",
        baseline=SubjectsOfModel(model="small", subjects=["anatomy"]),
    )
    shares = {"small": (0.25, 0.3, 0.35), "medium": (0.4, 0.5, 0.6), "large": (0.6, 0.8, 1.0)}
    sizes = {"small": 1_000, "medium": 2_000, "large": 600_000_000}
    evaluations = [
        results.evaluation(model, subject, text, "-" * 10 + text[10:] if model == "small" else text, sizes[model])
        for seed, model in enumerate(shares)
        for subject, share in zip(SUBJECTS, shares[model], strict=True)
        for text in [answers(share, seed)]
    ]
    timings = [results.timing(model, subject) for model in shares for subject in SUBJECTS]
    processes = Processes({f"{model}/{subject}.time": results.process() for model in shares for subject in SUBJECTS})
    merged = merging.merge(study, evaluations, timings, processes)
    run = results.run(study)
    code = run.code.model_copy(update={"commit": "c" * 40, "changed": ["a.py", "b.py"]})
    run = run.model_copy(update={"code": code, "command": "snakemake --cores 2", "snakemake": "9.1", "started": "2026-01-01"})
    return merged, results.analysis(merged, merging.table(study, evaluations)), run


def devices() -> tuple[Merged, AnalysisFile, RunFile]:
    """A model on the CPU, on a GPU, fallen back, imported, skipped, and missing; label errors; an image."""
    names = ["on-cpu", "on-gpu", "fell-back", "imported", "skipped", "missing"]
    study = results.study(names, ["anatomy"])
    cuda = {name: study.models[name].model_copy(update={"device": Device.CUDA}) for name in ("on-gpu", "fell-back", "skipped")}
    models = {**study.models, **cuda, "imported": ImportedEntry(predictions="p.csv", description="Another run's answers.")}
    groups = [
        Group(name="small", title="Small models", models=["on-cpu", "fell-back", "imported"]),
        Group(name="medium", title="Medium models", models=["on-gpu", "skipped", "missing"]),
    ]
    study = study.model_copy(update={"models": models, "groups": groups})
    reason = "device 'cuda' was requested, but this machine has none"
    requested = results.REQUESTED.model_copy(update={"device": Device.CUDA})
    made = {name: results.evaluation(name, "anatomy", answers(0.5, seed)) for seed, name in enumerate(names[:4])}
    unknown = dict.fromkeys(("prompt_sha256", "prompt_tokens", "examples", "letter_logprobs", "letter_mass"))
    imported = [record.model_copy(update=unknown) for record in made["imported"].records]
    outcomes = [
        made["on-cpu"],
        made["on-gpu"].model_copy(update={"requested": requested, "effective": results.effective("cuda")}),
        made["fell-back"].model_copy(update={"requested": requested, "reason": reason}),
        records.imported("imported", "p.csv", made["on-cpu"].model_files["x"], "anatomy", imported),
        NotRun(model="skipped", requested=requested, reason=reason, subject="anatomy"),
    ]
    gpu = {"gpu": "T4", "gpu_memory_bytes": 16 * 10**9, "driver": "580", "cuda": "12.8"}
    on_gpu = {"machine": results.MACHINE.model_copy(update=gpu), "gpu_s": 0.3, "gpu_energy_j": 20.0, "peak_gpu_bytes": 10**9}
    timings = [
        results.timing("on-cpu", "anatomy", 6.0),
        results.timing("on-gpu", "anatomy", 0.5, reasons={}, **on_gpu),
        results.timing("fell-back", "anatomy", 6.0, resumed=True),
    ]
    merged = merging.merge(study, outcomes, timings, Processes({}))
    analysis = results.analysis(merged, merging.table(study, outcomes))
    flagged = LabelAccuracies(
        model="on-cpu",
        checked=Proportion(**paired.proportion([True, False] * 45)),
        clean=Proportion(**paired.proportion([True] * 44 + [False] * 36)),
        flagged=None,
        change=None,
        corrected=None,
        correction=None,
    )
    errors = LabelErrors(
        checked=90,
        flagged=10,
        corrected=4,
        unread_corrections=1,
        unmatched=2,
        by_type={"wrong groundtruth": 10},
        models=[flagged],
    )
    run = results.run(study).model_copy(update={"images": {"cpu": Image(name="images/cpu.sif", sha256="a" * 64)}})
    return merged, analysis.model_copy(update={"label_errors": errors}), run


def choices() -> tuple[Merged, AnalysisFile, RunFile]:
    """Questions with 3, 4, 5 and 10 choices, asked with letters, in every order of the choices and as cloze prompts."""
    asked = {"letters": any_choices.LETTERS, "orders": any_choices.ORDERS, "cloze": any_choices.CLOZE}
    by_subject = {"anatomy": any_choices.NUMBERS, "virology": [10], "astronomy": [3, 4]}
    merged, table, questions = any_choices.study(asked, by_subject)
    return merged, results.analysis(merged, table, questions), results.run(merged.study)


def parts() -> tuple[Merged, AnalysisFile, RunFile]:
    """No evaluations: timing setups, chat models and the stability measurement."""
    only = ["timing_setups", "chat", "stability"]
    study = results.study(["m"], ["anatomy"], groups=[], only=only)
    merged, table = results.merged(study, {})
    answered = results.evaluation("m", "anatomy", "ABCD").records
    settings = itertools.product(stability.DTYPES, stability.Batching, stability.THREADS)
    runs = [
        stability.run(RunSettings(dtype=dtype, batching=batching, threads=threads), answered, results.packing(answered))
        for dtype, batching, threads in settings
    ]
    measured = StabilityFile(model="m", subjects=["anatomy"], questions=4, runs=runs, comparisons=stability.comparisons(runs))
    timed = audits.timed(
        audits.run("0.5B"),
        (1, "cpu none", 200, 300),
        (2,),
        (4, "cpu none", 240, 480),
        (5, "cpu 4bit", 300, 500, {"answers": "ABCC"}),
    )
    merged = merged.model_copy(update={"setups": timed.setups, "chat": chats.chat(), "stability": measured})
    return merged, results.analysis(merged, table), results.run(study)


def quiz() -> tuple[Merged, AnalysisFile, RunFile]:
    """A course quiz: three groups under names of their own, few questions of each subject, and nothing to compare with."""
    groups = {"first-year": ["tiny"], "second-year": ["base", "large"], "Exam_2026": ["tiny", "large"]}
    names = ["tiny", "base", "large"]
    study = results.study(
        names,
        ["lecture_1", "lecture_2"],
        name="quiz",
        title="Course quiz",
        notice="Questions of our own lectures.",
        reference=None,
        limit=20,
        groups=[Group(name=name, title=f"Models of the {name} course", models=models) for name, models in groups.items()],
    )
    answered = {
        name: {subject: answers(share, seed)[:20] for subject in study.subjects}
        for seed, (name, share) in enumerate(zip(names, (0.3, 0.5, 0.9), strict=True))
    }
    merged, table = results.merged(study, answered, {"tiny": 1_000, "base": 2_000, "large": 3_000})
    command = "snakemake --cores 4 --use-singularity --configfile quiz.yaml --config study=quiz"
    run = results.run(study).model_copy(update={"command": command, "snakemake": "9.1"})
    return merged, results.analysis(merged, table), run


def quantized() -> tuple[Merged, AnalysisFile, RunFile]:
    """One model's weights in three precisions on two subjects: one loses nothing that shows, one many answers."""
    chance = random.Random(7)
    changed = {"half": 0.002, "quarter": 0.2}
    full = {subject: answers(0.7, seed) * 5 for seed, subject in enumerate(SUBJECTS[:2])}
    evaluations = []
    for subject, text in full.items():
        lossy = {
            name: "".join(chance.choice("ABCD") if chance.random() < share else one for one in text)
            for name, share in changed.items()
        }
        evaluations += [
            precisions.evaluation("full", precisions.sure(text, subject)),
            precisions.evaluation("half", precisions.sure(lossy["half"], subject, -0.51), dtype="bfloat16"),
            precisions.evaluation("quarter", precisions.sure(lossy["quarter"], subject, -0.7), quantization="4bit"),
        ]  # fmt: skip
    merged = precisions.merged(evaluations, name="quantized", title="A quantized model")
    analysis = results.analysis(merged, merging.table(merged.study, evaluations))
    parts = {"precisions": precision.analyse_precisions(merged, evaluations)}
    return merged, analysis.model_copy(update=parts), results.run(merged.study)


@pytest.mark.parametrize("study", [compared, devices, choices, parts, quiz, quantized], ids=lambda study: study.__name__)
def test_the_report_equals_the_golden_one(study, request):
    merged, analysis, run = study()
    audited = claims(merged) if merged.study.reference else None
    report = context.render(merged, analysis, audited, run, results.WORKFLOW / "report")
    assert "\n\n\n" not in report
    path = GOLDEN / f"{study.__name__}.md"
    if request.config.getoption("update_golden"):
        path.write_text(report, encoding="utf-8")
    assert report == path.read_text(encoding="utf-8")
