"""Evidence from the writeup's published numbers."""

from mmlu_kit.claims.evidence import (
    Configuration,
    Counts,
    Evidence,
    ModelEvidence,
    RunEvidence,
    RunGroup,
    SetupsEvidence,
    by_size,
)
from mmlu_kit.claims.reference import CHOICES, Published, PublishedModel, PublishedRun

SETUPS = range(1, 6)  # the setups that the writeup numbers


def published_evidence(published: Published) -> Evidence:
    """Return the evidence on models and timing runs in published.yaml."""
    timing_runs = published.timing_runs
    ran = {run.setup for run in timing_runs.runs}
    runs = tuple(_run(run, timing_runs.questions) for run in timing_runs.runs)
    return Evidence(
        same_models=True,
        other_questions=None,
        models=by_size(_model(published, name, model) for name, model in published.models.items() if model.group != "baseline"),
        refused=(),
        setups=SetupsEvidence(
            groups=(RunGroup(runs, answers_not_shared=None),),
            not_run={number: "no run of it is published" for number in SETUPS if number not in ran},
        ),
        pairs=None,
        chat=None,
    )


def _model(published: Published, name: str, model: PublishedModel) -> ModelEvidence:
    return ModelEvidence(
        name=name,
        writeup_name=name,
        short=model.short,
        weights=None,
        parameters=model.parameters,
        requested=Configuration(model.device, model.quantization),
        effective=None,
        reason=None,
        total=_counts(model.correct, model.total),
        subjects={name: _counts(subject.correct, published.questions[name]) for name, subject in model.subjects.items()},
        parsed=None,
        not_parsed="the number of parsed answers is not published",
        machine=None,
        real_s=model.real_s,
        cpu_s=model.cpu_s,
        gpu_s=model.gpu_s,
        forward_s=None,
        peak_gpu_bytes=None,
        timed=None,
    )


def _counts(correct: int, questions: int) -> Counts:
    return Counts(correct, questions, questions / CHOICES)


def _run(run: PublishedRun, questions: int) -> RunEvidence:
    return RunEvidence(
        setup=run.setup,
        requested=None,
        effective=None,
        reason=None,
        counts=_counts(run.correct, questions),
        questions_sha256=None,
        real_s=run.real_s,
        user_s=run.user_s,
        system_s=run.system_s,
        forward_s=None,
        cores=None,
        peak_rss_bytes=None,
        peak_gpu_bytes=None,
    )
