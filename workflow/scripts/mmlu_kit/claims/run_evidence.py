"""Evidence from a run's results."""

import math
from collections.abc import Iterable, Mapping, Sequence

from mmlu_kit.analysis.model_answers import answers_by_model, records_once
from mmlu_kit.claims.answers import Answers
from mmlu_kit.claims.counterparts import counterparts
from mmlu_kit.claims.document import Reading
from mmlu_kit.claims.evidence import (
    ChatEvidence,
    Counts,
    Evidence,
    ModelEvidence,
    Refused,
    RunEvidence,
    RunGroup,
    SetupsEvidence,
    by_size,
    configuration,
    reach,
)
from mmlu_kit.claims.reference import BASELINE, Published
from mmlu_kit.config import ModelEntry
from mmlu_kit.evaluation.answers import Totals
from mmlu_kit.evaluation.records import Evaluation, NotRun
from mmlu_kit.recall.documents import ChatFile
from mmlu_kit.results import protocols, summaries, timing_setups
from mmlu_kit.results.merged import Merged, MergedModel, Result
from mmlu_kit.results.summaries import Summary
from mmlu_kit.results.timing_setups import Measured, Run, SetupsFile
from mmlu_kit.settings import GPUS, Device
from mmlu_kit.timing.machine import Machine


def readings(merged: Merged, published: Published, outcomes: Iterable[Evaluation | NotRun]) -> dict[Reading, Evidence]:
    """Return the evidence in each reading of the answers, the publication's first; only by the best letter if no model
    generates any. `outcomes` are what merged.json is of, or nothing if single answers are not at hand."""
    kept = list(outcomes)
    records = {model: records_once(answers) for model, answers in answers_by_model(merged, kept).items()} if kept else {}
    generates = any(result.totals.correct_generated is not None for result in merged.results)
    order = sorted(Reading, key=lambda reading: reading != published.reading) if generates else [Reading.BEST]
    evidence = {}
    for reading in order:
        answers = {model: Answers.read(rows, _read(merged, model, reading)) for model, rows in records.items()}
        evidence[reading] = run_evidence(merged, published, reading, answers)
    return evidence


def run_evidence(merged: Merged, published: Published, reading: Reading, answers: Mapping[str, Answers]) -> Evidence:
    """Return the evidence on the study's groups, timing setups and chat models in merged.json.

    `answers` are by model, in the same reading. A model that generates nothing is read by the best answer and named so. If
    the study has all subjects that the publication compares, no others count, as in the comparison of numbers.
    """
    compared = published.subjects if set(published.subjects) <= set(merged.study.subjects) else ()
    subjects = list(compared) or merged.study.subjects
    published_names = {model: name for name, model in counterparts(merged.study.models, published).items() if model}
    grouped = dict.fromkeys(model for group in merged.study.groups for model in group.models)
    # Imported models are left out, as their size and device are not known, and the baseline, as no claim on all models has it.
    baseline = {model for model, name in published_names.items() if published.models[name].group == BASELINE}
    run = [model for model in grouped if model in merged.models and not merged.imported(model) and model not in baseline]
    # Of weights asked in several ways, the way that was published counts, else the first.
    run = protocols.first_of_each(merged.study.models, sorted(run, key=lambda model: model not in published_names))
    models = [summary for model in run if (summary := summaries.summarize(merged, model, subjects))]
    results = [
        [result for result in merged.results if result.model == summary.model and result.subject in subjects]
        for summary in models
    ]
    on_subjects = {model: each.on(subjects) for model, each in answers.items()}
    chat = _chat(merged.chat, published_names)
    return Evidence(
        publication=published.publication.name,
        reading=reading,
        same_models=any(model in published_names for model in [*merged.models, *(model.model for model in chat.models)]),
        other_questions=other_questions((result for of_model in results for result in of_model), published),
        models=by_size(
            _model(
                merged,
                summary,
                of_model,
                published_names.get(summary.model),
                published,
                reading,
                on_subjects.get(summary.model),
            )
            for summary, of_model in zip(models, results, strict=True)
        ),
        refused=tuple(
            Refused(missing.model, _published_size(published, published_names.get(missing.model)), missing.reason)
            for missing in merged.not_run
        ),
        setups=_setups(merged.setups, reading, published, published_names) if merged.setups else None,
        chat=chat,
        as_published=reading == published.reading,
        subjects=published.subjects,
    )


def _read(merged: Merged, model: str, reading: Reading) -> Reading:
    """Return the reading of a model's answers: the best answer if it generates none."""
    generates = all(result.totals.correct_generated is not None for result in merged.results if result.model == model)
    return reading if generates else Reading.BEST


def other_questions(results: Iterable[Result], published: Published) -> str | None:
    """Return why the questions of these results cannot be the publication's; None if as many with as many choices are."""
    for result in results:
        here, there = result.totals.questions, published.questions.get(result.subject)
        if there and here != there:
            return f"{result.subject} has {here} questions here and {there} in the publication, so these are other questions"
        if there and not math.isclose(result.totals.guessed, there / published.choices):
            return f"not all questions of {result.subject} have {published.choices} choices here, so these are other questions"
    return None


def _weights(model: MergedModel, entry: ModelEntry) -> str | None:
    """The repository of a model's weights at its commit, with its GGUF file and the adapter on them; None for local files."""
    file = f" {entry.file}" if entry.file else ""
    adapter = f" with {model.adapter.name}@{model.adapter.commit}" if model.adapter else ""
    return f"{model.repository}@{model.commit}{file}{adapter}" if model.repository else None


def _model(
    merged: Merged,
    summary: Summary,
    results: Sequence[Result],
    published_name: str | None,
    published: Published,
    reading: Reading,
    answers: Answers | None,
) -> ModelEvidence:
    model, entry = merged.models[summary.model], merged.study.run[summary.model]
    assert model.requested and model.effective and model.parameters is not None  # it was run
    machine = None if summary.machine is None else merged.machines[summary.machine]
    short = published.short(published_name) if published_name else summary.label
    return ModelEvidence(
        name=summary.model,
        published_name=published_name,
        short=short if _read(merged, summary.model, reading) == reading else f"{short} (by the best answer)",
        weights=_weights(model, entry),
        parameters=model.parameters,
        weight_bytes=model.effective.weight_bytes,
        requested=configuration(model.requested),
        effective=configuration(model.effective),
        reason=model.reason,
        total=_counts(merged.counted(results), reading),
        subjects={result.subject: _counts(merged.counted([result]), reading) for result in results},
        parsed=summary.parsed,
        not_parsed=summary.reasons.get("parsed"),
        machine=summary.machine,
        hardware=_hardware(machine, summary.device) if machine else (),
        reach=reach(entry.threads, machine.cores_usable) if machine else None,
        real_s=summary.real_s,
        cpu_s=summary.cpu_s,
        gpu_s=summary.gpu_s,
        forward_s=summary.forward_s,
        peak_gpu_bytes=summary.peak_gpu_bytes,
        timed=all(_is_timed(result, on_gpu=summary.device in GPUS) for result in results),
        answers=answers,
    )


def _hardware(machine: Machine, device: str | None) -> tuple[str, ...]:
    name = machine.gpu if device == Device.CUDA else machine.processor
    return (name,) if name else ()


def _published_size(published: Published, name: str | None) -> float | None:
    return published.models[name].parameters if name else None


def _counts(totals: Totals, reading: Reading) -> Counts:
    generated = totals.correct_generated if reading == Reading.GENERATED else None
    return Counts(totals.correct if generated is None else generated, totals.questions, totals.guessed)


def _is_timed(result: Result, on_gpu: bool) -> bool:
    times = [result.real_s, result.cpu_user_s, *([result.gpu_s] if on_gpu else [])]
    return None not in times


def _chat(chat: ChatFile | None, published_names: dict[str, str]) -> ChatEvidence:
    if chat is None:
        return ChatEvidence(models=(), transcripts=None)
    models = sorted(chat.models, key=lambda model: model.model not in published_names)
    return ChatEvidence(models=tuple(models), transcripts=chat.transcripts)


def _setups(setups: SetupsFile, reading: Reading, published: Published, published_names: Mapping[str, str]) -> SetupsEvidence:
    timed = published.timing_runs
    is_timed = timed is None or published_names.get(setups.model) == timed.model
    numbers = {setup.name: setup.number for setup in setups.setups}
    groups = []
    for group in setups.configurations:
        configuration_key = timing_setups.configuration_key(group.effective, group.machine, group.questions_sha256)
        runs = tuple(
            _run(run, run.measured, numbers[run.setup], reading)
            for run in setups.runs
            if run.measured and run.measured.real_s and _configuration_key(run.measured) == configuration_key
        )
        groups.append(RunGroup(runs, group.answers_not_shared))
    not_run = {setup.number: setup.reason or "no reason is given" for setup in setups.setups if not setup.effective}
    return SetupsEvidence(tuple(groups), not_run, None if is_timed else setups.model)


def _configuration_key(measured: Measured) -> tuple[object, ...]:
    return timing_setups.configuration_key(measured.effective, measured.machine, measured.questions_sha256)


def _run(run: Run, measured: Measured, setup: int, reading: Reading) -> RunEvidence:
    return RunEvidence(
        setup=setup,
        requested=configuration(run.requested),
        effective=configuration(measured.effective),
        reason=run.reason,
        counts=_counts(measured.totals, reading),
        questions_sha256=measured.questions_sha256,
        real_s=measured.real_s,
        user_s=measured.user_s,
        system_s=measured.system_s,
        forward_s=measured.phases.forward_s,
        start_s=measured.phases.startup_s + measured.phases.load_s,
        threads=measured.threads,
        cores=measured.machine.cores_usable,
        peak_rss_bytes=measured.peak_rss_bytes,
        peak_gpu_bytes=measured.peak_gpu_bytes,
        dtype=measured.effective.dtype,
    )
