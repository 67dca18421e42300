"""Made-up results: studies whose answers are given as text, 'ABCD' for four questions, '-' for unparsed."""

import argparse
import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas
from mmlu_kit import settings
from mmlu_kit.analysis import mistakes
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.claims import audit
from mmlu_kit.claims.document import ClaimsFile
from mmlu_kit.claims.reference import Published
from mmlu_kit.claims.reference_claims import Claims
from mmlu_kit.config import ModelEntry
from mmlu_kit.evaluation import answers, orders, records
from mmlu_kit.evaluation.answers import Record
from mmlu_kit.evaluation.continuations import Continuation
from mmlu_kit.evaluation.manner import Packing
from mmlu_kit.evaluation.records import Evaluation, NotRun, Timing
from mmlu_kit.files import sha256, write_text
from mmlu_kit.inputs import question_faults, questions
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.inputs.file_entries import FileEntry
from mmlu_kit.inputs.questions import Question
from mmlu_kit.provenance.documents import RunFile
from mmlu_kit.report import context
from mmlu_kit.results import merging, study_results
from mmlu_kit.results.merged import Merged
from mmlu_kit.settings import Effective, Orders, PromptSettings, Requested, WeightGroup
from mmlu_kit.study import Group, Study, StudyQuestions
from mmlu_kit.timing.machine import Machine
from mmlu_kit.timing.time_logs import Processes, ProcessTimes

LETTERS = "ABCD"
WORKFLOW = Path(__file__).parents[2] / "workflow"

GOLD = "ABCD" * 25
REQUESTED = Requested(tokens_per_batch=64)
MACHINE = Machine(
    host=None,
    system="s",
    processor="p",
    cores=2,
    cores_usable=2,
    cpu_capability="AVX2",
    instruction_sets=["AVX2"],
    memory_bytes=16 * 10**9,
    gpu=None,
    gpu_memory_bytes=None,
    cuda=None,
    driver=None,
    container=None,
    python="3.11",
    packages={"torch": "2", "transformers": "5"},
)


def question(subject: str, index: int, choices: int = 4) -> Question:
    """Return a made-up question."""
    gold = GOLD[index % len(GOLD)] if choices == 4 else settings.LETTERS[index % choices]
    texts = (f"{index} a", *settings.LETTERS[1:choices].lower())
    return Question(subject, "test", index, f"Question {index} on {subject}?", texts, gold)


def record(subject: str, index: int, predicted: str, generated: str, choices: int = 4) -> Record:
    """Return a record with best letter `predicted`; `generated` is a letter, or '-' for a text without one."""
    asked = question(subject, index, choices)
    parsed, gold = generated if generated in asked.letters else None, asked.answer
    logprobs = {letter: other_logprob(choices) for letter in asked.letters} | {predicted: -0.5}
    return Record(
        subject=subject,
        index=index,
        question_sha256=asked.sha256,
        choices=choices,
        prompt_sha256=sha256(f"prompt {subject} {index}"),
        prompt_tokens=40 + index,
        gold=gold,
        letter_logprobs=logprobs,
        letter_mass=answers.mass(logprobs.values()),
        examples=0,
        predicted=predicted,
        correct=predicted == gold,
        generated=f" {generated}" if parsed else " the",
        parsed=parsed,
        correct_generated=parsed == gold,
    )


def other_logprob(choices: int) -> float:
    """Return the log-probability of each letter but the best one, whose is -0.5."""
    return -2.5 if choices <= 4 else round(-2.5 - math.log(choices - 1), 6)


def cloze_record(subject: str, index: int, predicted: str, choices: int = 4) -> Record:
    """Return a record of a cloze preset with `predicted` as the best choice by every score."""
    asked = question(subject, index, choices)
    cloze = [
        Continuation(
            logprob=-0.5 * len(text) if letter == predicted else -4.0 * len(text),
            unconditional=-5.0 * len(text),
            tokens=1,
            characters=len(text),
            bytes=len(text.encode()),
        )
        for letter, text in zip(asked.letters, asked.choices, strict=True)
    ]
    unknown = dict.fromkeys(("letter_logprobs", "letter_mass", "generated", "parsed", "correct_generated"))
    return Record(**{**dict(record(subject, index, predicted, "-", choices)), **unknown, "cloze": cloze})


def orders_record(subject: str, index: int, predicted: str, generated: str, choices: int = 4) -> Record:
    """Return a record with `predicted` as the best choice in every order; `generated` is as in `record`."""
    given = record(subject, index, predicted, generated, choices)
    others = [
        {orders.shown(letter, order, choices): logprob for letter, logprob in given.letter_logprobs.items()}
        for order in range(1, choices)
    ]
    return Record(**{**dict(given), "other_orders": others})


def evaluation(
    model: str,
    subject: str,
    answers: str,
    generated: str | None = None,
    parameters: int = 1000,
    choices: Sequence[int] | None = None,
    requested: Requested = REQUESTED,
) -> Evaluation:
    """Return an evaluation file with these answers, to questions with four choices or these numbers of `choices`."""
    made: list[Record] = []
    numbers = choices or [4] * len(answers)
    for index, (predicted, text, number) in enumerate(zip(answers, generated or answers, numbers, strict=True)):
        if requested.preset.is_cloze:
            made.append(cloze_record(subject, index, predicted, number))
        elif requested.orders == Orders.CYCLIC:
            made.append(orders_record(subject, index, predicted, text, number))
        else:
            made.append(record(subject, index, predicted, text, number))
    files = {"x": FileEntry(bytes=1, sha256=sha256(model))}
    about = {"folder": "p", "repository": None, "commit": None, "checkpoint_bytes": 1}
    manifest = Manifest(**about, files=files, parameters=parameters)
    ran_as = effective(bytes=4 * parameters)
    return records.evaluation(model, manifest, requested, ran_as, None, subject, made, packing(made))


def asked(**prompt: object) -> Requested:
    """Return what `evaluation` requests, with these settings of the prompt."""
    return Requested(**{**dict(REQUESTED), **prompt})


def entry(requested: Requested = REQUESTED) -> ModelEntry:
    """Return the entry of config by which a model is asked as requested."""
    prompt = PromptSettings(**{name: getattr(requested, name) for name in PromptSettings.model_fields})
    return ModelEntry(path="p", tokens_per_batch=requested.tokens_per_batch, prompt=prompt)


def packing(answered: Sequence[Record]) -> Packing:
    """Return that all these answers were packed."""
    return Packing(packed=len(answered), alone=0, reason=None)


def effective(device: str = "cpu", quantization: str = "none", **changes: object) -> Effective:
    """Return an effective configuration in float32 with one kind of weights; `changes` apply to these."""
    quant_type = {"4bit": "nf4", "none": None}.get(quantization, quantization)
    part = {"module": "Linear", "dtype": "float32", "quant_type": quant_type, "compute_dtype": None, "device": device}
    parts = [WeightGroup(**{**part, "tensors": 3, "bytes": 4000, **changes})]
    return Effective(device=device, dtype="float32", quantization=quantization, parts=parts)


def timing(model: str, subject: str, real_s: float = 2.0, **changes: object) -> Timing:
    """Return a timing file; CPU time is twice the real time."""
    values = {
        "model": model,
        "subject": subject,
        "questions_scored": 4,
        "resumed": False,
        "tokens_per_batch": 64,
        "process": f"{model}/{subject}.time",
        "threads": 2,
        "process_started": "2026-01-01T00:00:00+00:00",
        "started": "2026-01-01T00:00:01+00:00",
        "startup_s": 0.4,
        "load_s": 0.5,
        "tokenize_s": 0.1 * real_s,
        "forward_s": 0.6 * real_s,
        "parse_s": 0.1 * real_s,
        "write_s": 0.1 * real_s,
        "other_s": 0.1 * real_s,
        "real_s": real_s,
        "cpu_user_s": 1.5 * real_s,
        "cpu_system_s": 0.5 * real_s,
        "gpu_s": None,
        "gpu_energy_j": None,
        "peak_gpu_bytes": None,
        "reasons": dict.fromkeys(("gpu_s", "gpu_energy_j", "peak_gpu_bytes"), "the model runs on cpu"),
        "peak_rss_bytes": 10**9,
        "machine": MACHINE,
    }
    return Timing(**{**values, **changes})


def study(models: list[str], subjects: list[str], **changes: object) -> Study:
    """Return a resolved study with one group, `small`, and the writeup as its reference."""
    values = {
        "name": "made",
        "title": "Made study",
        "notice": "",
        "subjects": subjects,
        "questions": StudyQuestions(name="q", path="p"),
        "models": {name: ModelEntry(path=name, tokens_per_batch=REQUESTED.tokens_per_batch) for name in models},
        "reference": "workflow/reference",
        "baseline": None,
        "groups": [Group(name="small", title="Small models", models=models)],
        "timing_setups": None,
        "stability": None,
        "chat": None,
        "only": [],
    }
    return Study(**{**values, **changes})


def study_asked(asked: Mapping[str, Requested], subjects: list[str], **changes: object) -> Study:
    """Return a resolved study whose models are asked as requested."""
    return study(list(asked), subjects, **changes).model_copy(
        update={"models": {name: entry(how) for name, how in asked.items()}}
    )


def process(real_s: float = 3.0) -> ProcessTimes:
    """Return the content of a /usr/bin/time log."""
    return ProcessTimes(real_s=real_s, user_s=5.0, system_s=1.0, peak_rss_bytes=10**9, exit_status=0, killed=False)


def merged(
    study: Study, answers: dict[str, dict[str, str]], parameters: dict[str, int] | None = None
) -> tuple[Merged, pandas.DataFrame]:
    """Return merged.json and questions.csv of a study; `answers` are by model and subject, `parameters` by model."""
    pairs = [(model, subject) for model, by_subject in answers.items() for subject in by_subject]
    sizes = parameters or {}
    evaluations = [evaluation(m, s, answers[m][s], parameters=sizes.get(m, 1000)) for m, s in pairs]
    timings = [timing(model, subject) for model, subject in pairs]
    processes = Processes({f"{model}/{subject}.time": process() for model, subject in pairs})
    return merging.merge(study, evaluations, timings, processes), merging.table(study, evaluations)


def write(folder: Path, study: Study, outcomes: Sequence[Evaluation | NotRun], **times: object) -> list[str | Path]:
    """Write a study's results, merged, and the questions and manifests that they were made from to a folder.

    Returns the options of programs that read them; `times` change every timing. Subjects have as many questions as
    the largest evaluation has records.
    """
    made, resources = folder / "results" / study.name, folder / "resources"
    evaluations = [outcome for outcome in outcomes if isinstance(outcome, Evaluation)]
    by_size = sorted(evaluations, key=lambda outcome: len(outcome.records))
    choices = dict.fromkeys(study.subjects, [4] * 4)
    choices |= {outcome.subject: [record.choices for record in outcome.records] for outcome in by_size}
    for subject, numbers in choices.items():
        path = resources / "subjects" / study.subjects_folder / f"{subject}.jsonl"
        questions.write_jsonl(path, [question(subject, index, number) for index, number in enumerate(numbers)])
    for outcome in outcomes:
        outcome.write(made / f"evaluations/{outcome.model}/{outcome.subject}.json")
        if outcome.requested:
            scored = len(choices[outcome.subject])
            timed = timing(outcome.model, outcome.subject, **{"questions_scored": scored, **times})
            result = timed if isinstance(outcome, Evaluation) else outcome
            result.write(made / f"timings/{outcome.model}/{outcome.subject}.json")
    for outcome in evaluations:
        if outcome.requested:
            manifest(outcome).write(resources / "models" / study.manifest(outcome.model))
    processes = Processes({f"{each.model}/{each.subject}.time": process() for each in evaluations if each.requested})
    processes.write(made / "timings/processes.json")
    options = ["--study", json.dumps(study.plain()), "--results", made, "--resources", resources]
    merge(options)
    return options


def manifest(evaluation: Evaluation) -> Manifest:
    """Return the manifest of the model that made an evaluation."""
    files = {name: FileEntry(bytes=1, sha256=sha256) for name, sha256 in evaluation.model_files.items()}
    about = {"folder": "p", "checkpoint_bytes": 1, "parameters": evaluation.parameters}
    return Manifest(**about, repository=evaluation.repository, commit=evaluation.commit, files=files)


def merge(options: Sequence[str | Path]) -> Merged:
    """Write merged.json and questions.csv of the results that these options name."""
    parser = argparse.ArgumentParser()
    study_results.add_options(parser)
    args = parser.parse_args(list(map(str, options)))
    made = study_results.from_options(args)
    made.merged.write(args.results / "merged.json")
    write_text(args.results / "questions.csv", study_results.csv(made.table()))
    return made.merged


def analysis(merged: Merged, table: pandas.DataFrame, questions: list[Question] | None = None) -> AnalysisFile:
    """Return analysis.json of a made-up study; `questions` replace those made by `question`."""
    places = table[["subject", "index"]].drop_duplicates().itertuples(index=False)
    questions = questions or [question(subject, index) for subject, index in places]
    return mistakes.analysis(merged, table, questions, None, question_faults.faults(questions))


def analysis_of(options: Sequence[str | Path]) -> AnalysisFile:
    """Return analysis.json of the results that these options name."""
    parser = argparse.ArgumentParser()
    study_results.add_options(parser)
    made = study_results.from_options(parser.parse_args(list(map(str, options))))
    return analysis(made.merged, made.table())


def claims(merged: Merged, outcomes: Sequence[Evaluation | NotRun] = ()) -> ClaimsFile:
    """Return claims.json of a made-up study, from the project's reference files; `outcomes` are the study's, if at hand."""
    reference = WORKFLOW / "reference"
    published, listed = Published.read_yaml(reference / "published.yaml"), Claims.read_yaml(reference / "claims.yaml")
    return audit.audit(merged, published, listed, outcomes)


def run(study: Study) -> RunFile:
    """Return run.json of a made-up study, without git."""
    digest = sha256("x")
    source = {"repository": None, "commit": None, "sha256": digest, "files": {"x": digest}}
    return RunFile(
        study=study.name,
        title=study.title,
        command=None,
        snakemake=None,
        started=None,
        code={"commit": None, "changed": None, "sha256": digest, "files": {"Snakefile": digest}},
        locks={"cpu.lock": digest},
        images={},
        questions={"name": "q", **source},
        models=dict.fromkeys(study.models, source),
        machines=[],
    )


def report(merged: Merged, table: pandas.DataFrame, questions: list[Question] | None = None, **changes: object) -> str:
    """Return report.md of a made-up study, with claims if it has a reference; `changes` apply to the analysis."""
    analysed = analysis(merged, table, questions).model_copy(update=changes)
    audited = claims(merged) if merged.study.reference else None
    return context.render(merged, analysed, audited, run(merged.study), WORKFLOW / "report")
