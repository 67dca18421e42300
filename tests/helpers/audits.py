"""Made-up runs for tests of the claims audit: the writeup's models, with the published counts or others."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

import numpy
from mmlu_kit import study as studies
from mmlu_kit.claims import audit
from mmlu_kit.claims.answers import Answers
from mmlu_kit.claims.document import Judgement, Reading
from mmlu_kit.claims.evidence import Counts, Evidence
from mmlu_kit.claims.reference import Published
from mmlu_kit.claims.reference_claims import Claims
from mmlu_kit.claims.run_evidence import run_evidence
from mmlu_kit.config import ModelEntry
from mmlu_kit.evaluation.answers import Totals
from mmlu_kit.evaluation.records import NotRun
from mmlu_kit.results import merging, timing_setups
from mmlu_kit.results.merged import Merged, Result
from mmlu_kit.results.timing_setups import Run
from mmlu_kit.settings import Device, DType, LoadSettings, OnUnavailable, Preset, PromptSettings, Quantization, Requested
from mmlu_kit.timing.time_logs import Processes

from tests.helpers import results

REFERENCE = Path(__file__).parents[2] / "workflow/reference"
PUBLISHED = Published.read_yaml(REFERENCE / "published.yaml")
CLAIMS = {claim.id: claim for claim in Claims.read_yaml(REFERENCE / "claims.yaml").claims}
NAMES = {
    "Llama": "Llama-3.2-1B-Instruct",
    "0.5B": "Qwen2.5-0.5B-Instruct",
    "1.5B": "Qwen2.5-1.5B-Instruct",
    "3B": "Qwen2.5-3B-Instruct",
    "7B": "Qwen2.5-7B-Instruct (4-bit)",
    "14B": "Qwen2.5-14B-Instruct (4-bit)",
}
SETUPS = [
    studies.Setup(
        name=studies.setup_name(number, device, quantization),
        number=number,
        device=device,
        dtype=DType.FLOAT32,
        quantization=quantization,
        on_unavailable=OnUnavailable.SKIP,
    )
    for number, device, quantization in (
        (1, Device.CUDA, Quantization.NONE),
        (2, Device.CUDA, Quantization.FOUR_BIT),
        (3, Device.CUDA, Quantization.EIGHT_BIT),
        (4, Device.CPU, Quantization.NONE),
        (5, Device.CPU, Quantization.FOUR_BIT),
    )
]


def run(
    *shorts: str,
    preset: str = "writeup",
    totals: Mapping[str, Mapping[str, int]] | None = None,
    real_s: float | None = None,
    **effective: str,
) -> Merged:
    """merged.json of a run of these models of the writeup, each subject with the counts that were published.

    `totals` changes some: {subject: {correct, …}}; `real_s` is a model's whole real time instead of the published one;
    `effective` changes what ran.
    """
    subjects = list(PUBLISHED.models[NAMES["0.5B"]].subjects)
    models = {model_name(short): PUBLISHED.models[NAMES[short]] for short in shorts}
    entries, evaluations, timings = {}, [], []
    for name, model in models.items():
        load = {"device": model.device, "quantization": model.quantization}
        prompt, tokens = PromptSettings(preset=preset), results.REQUESTED.tokens_per_batch
        entries[name] = ModelEntry(path=name, tokens_per_batch=tokens, prompt=prompt, **load)
        requested = Requested(**load, preset=preset, tokens_per_batch=tokens)
        ran = results.effective(**load).model_copy(update=effective)
        seconds = (real_s or model.real_s or model.gpu_s or 300) / len(model.subjects)
        waits = {**dict.fromkeys(("tokenize_s", "parse_s", "write_s", "other_s"), 0.0), "forward_s": seconds}
        gpu_s = min(seconds, (model.gpu_s or 0) / len(model.subjects))
        on_gpu = {"gpu_s": gpu_s, "peak_gpu_bytes": 10**9, **waits} if model.gpu_s else {}
        for subject in model.subjects:
            evaluation = results.evaluation(name, subject, "ABCD", parameters=int(model.parameters))
            evaluations.append(evaluation.model_copy(update={"requested": requested, "effective": ran}))
            timings.append(results.timing(name, subject, seconds, **on_gpu))
    asked = results.study(list(models), subjects).model_copy(update={"models": entries})
    merged = merging.merge(asked, evaluations, timings, Processes({}))

    def counts(result: Result) -> dict[str, int | None]:
        correct, questions = models[result.model].subjects[result.subject].correct, PUBLISHED.questions[result.subject]
        published = {"questions": questions, "correct": correct}
        generated = {"correct_generated": correct, "parsed": questions}
        published |= dict.fromkeys(generated) if Preset(preset).is_cloze else generated
        return {**published, **(totals or {}).get(result.subject, {})}

    return with_counts(merged, counts)


def with_results(merged: Merged, change: Callable[[Result], Mapping[str, object]]) -> Merged:
    """Return a copy with `change(result)` applied to each result."""
    return merged.model_copy(update={"results": [result.model_copy(update=change(result)) for result in merged.results]})


def with_counts(merged: Merged, counts: Callable[[Result], Mapping[str, int]]) -> Merged:
    """Return a copy in which each result has these counts, of questions with four choices if `guessed` is not among them."""

    def totals(result: Result) -> Totals:
        values = {**dict(result.totals), **counts(result)}
        return Totals(**{**values, "guessed": counts(result).get("guessed", values["questions"] / 4)})

    return with_results(merged, lambda result: {"totals": totals(result)})


def with_model(merged: Merged, short: str, **changes: object) -> Merged:
    """Return a copy in which one of the writeup's models differs."""
    name = model_name(short)
    return merged.model_copy(update={"models": {**merged.models, name: merged.models[name].model_copy(update=changes)}})


def model_name(short: str) -> str:
    """Return config.yaml's name for one of the writeup's models."""
    return NAMES[short].replace(" (4-bit)", "-4bit")


def timed(merged: Merged, *runs: tuple, model: str = NAMES["Llama"]) -> Merged:
    """The same with timing setups. A run is (number of its setup, what ran, real seconds, user seconds, changes), or
    (number,) where it was not run."""
    made = [_timing_run(*run) for run in runs]
    names = [run.setup for run in made]
    made = [run.model_copy(update={"repeat": names[: n + 1].count(run.setup)}) for n, run in enumerate(made)]
    setups = [setup for setup in SETUPS if any(run.setup == setup.name for run in made)]
    asked = studies.TimingSetups(
        model=model, subjects=["astronomy", "business_ethics"], repeats=max(2, *map(names.count, names)), setups=setups
    )
    models = {model: next(iter(merged.study.models.values())), **merged.study.models}
    study = merged.study.model_copy(update={"models": models, "timing_setups": asked})
    return merged.model_copy(update={"study": study, "setups": timing_setups.compare(asked, made).without_answers()})


def answers(
    merged: Merged, reading: Reading = Reading.GENERATED, shared: float = 1, always: Mapping[str, str] | None = None
) -> dict[str, Answers]:
    """Return made-up answers with as many right ones as merged.json counts on each subject, by model.

    Models find the same questions hard if `shared` is 1, and independent ones if it is 0. A wrong answer is the letter after
    the right one. Some models may `always` choose a letter, whatever merged.json counts.
    """
    common = numpy.random.default_rng(0)
    difficulty = {subject: common.normal(size=3000) for subject in merged.study.subjects}
    random = numpy.random.default_rng(1)
    by_model: dict[str, list[Answers]] = {}
    for result in merged.results:
        totals, number = result.totals, result.totals.questions
        generated = totals.correct_generated if reading == Reading.GENERATED else None
        right = totals.correct if generated is None else generated
        hard = shared * difficulty[result.subject][:number] + (1 - shared) * random.normal(size=number)
        gold = numpy.arange(number) % 4
        letters = numpy.where(hard.argsort().argsort() < right, gold, (gold + 1) % 4)
        if result.model in (always or {}):
            letters = numpy.full(number, "ABCD".index(always[result.model]))
        questions = tuple(f"{result.subject} {index}" for index in range(number))
        subjects = numpy.full(number, result.subject)
        made = Answers(questions, subjects, letters, gold, numpy.full(number, 4))
        by_model.setdefault(result.model, []).append(made)
    return {model: _joined(parts) for model, parts in by_model.items()}


def _joined(parts: Sequence[Answers]) -> Answers:
    arrays = [numpy.concatenate([getattr(part, name) for part in parts]) for name in ("subjects", "letters", "gold", "choices")]
    return Answers(tuple(question for part in parts for question in part.questions), *arrays)


def evidence(merged: Merged, reading: Reading = Reading.GENERATED, **made: object) -> Evidence:
    """Return a run's evidence in one reading; `made` is how `answers` are made."""
    return run_evidence(merged, PUBLISHED, reading, answers(merged, reading, **made))


def published_counts(merged: Merged) -> Evidence:
    """Return a run's evidence if no answers to single questions are known."""
    return run_evidence(merged, PUBLISHED, Reading.GENERATED, {})


def evidence_of_letters(merged: Merged, random: numpy.random.Generator, *guessing: str) -> Evidence:
    """Return a run's evidence with letters drawn at random, more of some than of others, whatever merged.json counts.

    If models are named as `guessing`, only their letters are.
    """
    drawn = {
        model: replace(made, letters=random.choice(4, len(made.letters), p=[0.4, 0.3, 0.2, 0.1]))
        if model in guessing or not guessing
        else made
        for model, made in answers(merged).items()
    }
    evidence = run_evidence(merged, PUBLISHED, Reading.GENERATED, drawn)
    models = tuple(
        replace(model, total=replace(model.total, correct=int(drawn[model.name].right.sum()))) for model in evidence.models
    )
    return replace(evidence, models=models)


def evidence_of_counts(merged: Merged, random: numpy.random.Generator, share: float) -> Evidence:
    """Return a run's evidence with this probability of a right answer on every subject, and without single answers."""
    evidence = published_counts(merged)

    def drawn(counts: Counts) -> Counts:
        return replace(counts, correct=int(random.binomial(counts.questions, share)))

    models = (
        replace(model, subjects={name: drawn(counts) for name, counts in model.subjects.items()}) for model in evidence.models
    )
    return replace(evidence, models=tuple(models))


def judge(claim: str, merged: Merged, **made: object) -> Judgement:
    """Return the verdict on one of the writeup's claims by a run, by the generated letter; `made` is as in `evidence`."""
    return audit.judge_claim(CLAIMS[claim], evidence(merged, **made))


def _timing_run(
    number: int,
    form: str | None = None,
    real_s: float = 240,
    user_s: float = 480,
    changes: Mapping[str, object] | None = None,
) -> Run:
    """Return a run of one setup; `form` is what ran, like 'cpu 4bit', or None if it was not run."""
    setup = next(setup for setup in SETUPS if setup.number == number)
    requested = Requested(device=setup.device, quantization=setup.quantization)
    if form is None:
        load = LoadSettings(device=setup.device, quantization=setup.quantization)
        outcome = NotRun(model="m", requested=load, reason="this machine has no cuda", subject="anatomy")
        return timing_setups.run(setup, 1, [outcome], [outcome], results.process())
    device, quantization = form.split()
    changes = dict(changes or {})
    evaluation = results.evaluation("m", "anatomy", changes.pop("answers", "ABCD")).model_copy(
        update={
            "requested": requested,
            "effective": results.effective(device, quantization),
            "reason": changes.pop("reason", None),
        }
    )
    machine = results.MACHINE.model_copy(update={"cores": 8})
    timing = results.timing("m", "anatomy", real_s / 2, **{"machine": machine, **changes})
    process = results.process(real_s).model_copy(update={"user_s": user_s, "system_s": 0.0})
    return timing_setups.run(setup, 1, [evaluation], [timing], process)
