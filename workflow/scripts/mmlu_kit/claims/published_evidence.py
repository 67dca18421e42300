"""Evidence from published numbers."""

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
from mmlu_kit.claims.reference import BASELINE, Published, PublishedModel, PublishedRun, PublishedTimingRuns


def published_evidence(published: Published) -> Evidence:
    """Return the evidence on models and timing runs in published.yaml."""
    return Evidence(
        publication=published.publication.name,
        reading=published.reading,
        same_models=True,
        other_questions=None,
        models=by_size(_model(published, name, model) for name, model in published.models.items() if model.group != BASELINE),
        refused=(),
        setups=_setups(published, published.timing_runs) if published.timing_runs else None,
        chat=None,
        subjects=published.subjects,
    )


def _setups(published: Published, timed: PublishedTimingRuns) -> SetupsEvidence:
    ran = {run.setup for run in timed.runs}
    return SetupsEvidence(
        groups=(RunGroup(tuple(_run(published, timed, run) for run in timed.runs), answers_not_shared=None),),
        not_run={number: "no run of it is published" for number in timed.setups if number not in ran},
    )


def _model(published: Published, name: str, model: PublishedModel) -> ModelEvidence:
    return ModelEvidence(
        name=name,
        published_name=name,
        short=published.short(name),
        weights=None,
        parameters=model.parameters,
        weight_bytes=None,
        requested=Configuration(model.device, model.quantization),
        effective=None,
        reason=None,
        total=_counts(published, model.right, model.total),
        subjects={
            name: _counts(published, subject.correct, published.questions[name]) for name, subject in model.subjects.items()
        },
        parsed=None,
        not_parsed="the number of parsed answers is not published",
        machine=None,
        hardware=tuple(published.machines.get(model.device, [])),
        reach=None,
        real_s=model.real_s,
        cpu_s=model.cpu_s,
        gpu_s=model.gpu_s,
        forward_s=None,
        peak_gpu_bytes=None,
        timed=None,
    )


def _counts(published: Published, correct: int, questions: int) -> Counts:
    return Counts(correct, questions, questions / published.choices)


def _run(published: Published, timed: PublishedTimingRuns, run: PublishedRun) -> RunEvidence:
    return RunEvidence(
        setup=run.setup,
        requested=None,
        effective=None,
        reason=None,
        counts=_counts(published, run.correct, timed.questions),
        questions_sha256=None,
        real_s=run.real_s,
        user_s=run.user_s,
        system_s=run.system_s,
        forward_s=None,
        start_s=None,
        threads=None,
        cores=None,
        peak_rss_bytes=None,
        peak_gpu_bytes=None,
    )
