"""The results of all jobs merged: merged.json, and questions.csv with every answer."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from mmlu_kit import settings
from mmlu_kit.config import ModelEntry
from mmlu_kit.evaluation import records
from mmlu_kit.evaluation.answers import Record
from mmlu_kit.evaluation.manner import Packing
from mmlu_kit.evaluation.records import Evaluation, NotRun, Timing
from mmlu_kit.recall.documents import ChatFile
from mmlu_kit.results import compatibility, protocols, repeats
from mmlu_kit.results.collection import Pair
from mmlu_kit.results.merged import Merged, MergedModel, Missing, NotRunHere, Result
from mmlu_kit.results.stability import StabilityFile
from mmlu_kit.results.timing_setups import SetupsFile
from mmlu_kit.settings import LETTERS, DType, Requested
from mmlu_kit.study import Study
from mmlu_kit.timing import phase_timer
from mmlu_kit.timing.machine import Machine
from mmlu_kit.timing.time_logs import Processes
from mmlu_kit.user_errors import UserError

if TYPE_CHECKING:
    import pandas

_TIMES = (
    *(f"{phase}_s" for phase in phase_timer.PHASES),
    *("real_s", "cpu_user_s", "cpu_system_s", "gpu_s", "gpu_energy_j"),
)
_PEAKS = ("peak_rss_bytes", "peak_gpu_bytes")
_GENERATED = ("correct_generated", "parsed")
# Fields that must be equal in all evaluations of one model.
_SAME = ("repository", "commit", "adapter", "parameters", "requested", "effective", "conversation", "model_files")
# The columns of questions.csv: a record's fields, with one column for each choice's log-probability.
_FIELDS = tuple(
    name for name in Record.model_fields if name not in ("subject", "index", "letter_logprobs", "other_orders", "cloze")
)


def merge(
    study: Study,
    outcomes: Sequence[Evaluation | NotRun],
    timings: Iterable[Timing | NotRun],
    processes: Processes,
    setups: SetupsFile | None = None,
    stability: StabilityFile | None = None,
    chat: ChatFile | None = None,
    sources: Mapping[Pair, str] | None = None,
) -> Merged:
    """Return the content of merged.json. Raises UserError if evaluations contradict each other or the study.

    `sources` maps each (model, subject) that another machine ran to its folder below the results.
    """
    sources = sources or {}
    not_run = {(outcome.model, outcome.subject): outcome for outcome in outcomes if isinstance(outcome, NotRun)}
    evaluations = {(outcome.model, outcome.subject): outcome for outcome in outcomes if isinstance(outcome, Evaluation)}
    times = {(timing.model, timing.subject): timing for timing in timings if isinstance(timing, Timing)}
    wanted, imported = study.pairs(), study.imported
    pairs = [pair for pair in wanted if pair in evaluations and (pair in times or pair[0] in imported)]
    machines: list[Machine] = []
    machine_indices = {pair: _index(machines, times[pair].machine) for pair in pairs if pair in times}
    repeated = repeats.repeated_questions(evaluations[pair] for pair in pairs)
    resumed = {_process(times[pair], sources.get(pair)) for pair in pairs if pair in times and times[pair].resumed}
    return Merged(
        study=study,
        models=_models(study, {pair: evaluations[pair] for pair in pairs}, times, sources),
        machines=machines,
        results=[
            Result(
                model=pair[0],
                subject=pair[1],
                totals=evaluations[pair].totals,
                repeated=repeats.repeated_answers(evaluations[pair].records, repeated),
                questions_sha256=records.questions_sha256(evaluations[pair].records),
                source=sources.get(pair),
                machine=machine_indices.get(pair),
                **_times(times.get(pair), sources.get(pair), evaluations[pair].requested),
            )
            for pair in pairs
        ],
        processes={name: process for name, process in processes.root.items() if name not in resumed},
        not_run=[NotRunHere(model=pair[0], subject=pair[1], reason=not_run[pair].reason) for pair in wanted if pair in not_run],
        missing=[Missing(model=pair[0], subject=pair[1]) for pair in wanted if pair not in {*pairs, *not_run}],
        setups=setups.without_answers() if setups else None,
        stability=stability.without_answers() if stability else None,
        chat=chat,
    )


def _models(
    study: Study, evaluations: Mapping[Pair, Evaluation], times: Mapping[Pair, Timing], sources: Mapping[Pair, str]
) -> dict[str, MergedModel]:
    """Return what each model is and how it ran. Raises UserError if this differs between its subjects."""
    models: dict[str, MergedModel] = {}
    first: dict[str, Evaluation] = {}
    packings: dict[str, list[Packing]] = {}
    for pair, evaluation in evaluations.items():
        entry, where = study.models[pair[0]], _name(pair, sources)
        if isinstance(entry, ModelEntry):
            advice = "unpack results that were made with it" if pair in sources else "delete it and run again"
            compatibility.check_as_requested(entry, evaluation, where, advice)
        known = first.setdefault(pair[0], evaluation)
        for key in _SAME:
            if getattr(known, key) != getattr(evaluation, key):
                raise _differ(key, known, evaluation, where)
        if evaluation.packing:
            packings.setdefault(pair[0], []).append(evaluation.packing)
        if pair[0] not in models:
            # The first subject's reason: the free memory it mentions may differ between subjects, what ran may not.
            models[pair[0]] = MergedModel(
                repository=evaluation.repository,
                commit=evaluation.commit,
                adapter=evaluation.adapter,
                parameters=evaluation.parameters,
                requested=evaluation.requested,
                effective=evaluation.effective,
                reason=evaluation.reason,
                conversation=evaluation.conversation,
                packing=None,
                machine=times[pair].machine if pair in times else None,
            )
    for name, parts in packings.items():
        models[name] = models[name].model_copy(update={"packing": Packing.over(parts)})
    return models


def _differ(key: str, known: Evaluation, evaluation: Evaluation, where: str) -> UserError:
    """Return the error for a field that differs between two subjects of a model."""
    ran, advice = "", f"delete {where.rpartition('/')[0]} and run again"
    before, after = known.effective, evaluation.effective
    if key == "effective" and evaluation.requested and before and after:
        words = settings.differences(before, after)
        ran = f" ({', '.join(words)})" if words else ""
        if evaluation.requested.dtype == DType.AUTO and before.device == after.device and before.dtype != after.dtype:
            advice = (
                "dtype auto depends on the device, so run all subjects on one kind of device, or set another dtype in config"
            )
    return UserError(f"{where}: its {key} differs from that of the model's other subjects{ran}: {advice}")


def _times(timing: Timing | None, source: str | None, requested: Requested | None) -> dict[str, Any]:
    """Return a result's times, and why values are null; times of a resumed evaluation are left out, as they do not compare."""
    if timing is None:
        reasons = dict.fromkeys(("gpu_s", "gpu_energy_j", "peak_gpu_bytes"), "the answers were imported")
        return {**dict.fromkeys((*_TIMES, *_PEAKS, "process")), "reasons": reasons, "resumed": False}
    seconds = {key: None if timing.resumed else getattr(timing, key) for key in _TIMES}
    kept = {key: getattr(timing, key) for key in (*_PEAKS, "resumed")}
    nothing = protocols.not_generated(requested) if requested else None
    generated = dict.fromkeys(_GENERATED, nothing) if nothing else {}
    return {**seconds, **kept, "reasons": {**timing.reasons, **generated}, "process": _process(timing, source)}


def _process(timing: Timing, source: str | None) -> str | None:
    """Return the name of the process's log in timings/processes.json."""
    return f"{source}/{timing.process}" if source and timing.process else timing.process


def _name(pair: Pair, sources: Mapping[Pair, str]) -> str:
    """Return the name of an evaluation file in messages."""
    return "/".join(filter(None, (sources.get(pair), f"evaluations/{pair[0]}/{pair[1]}.json")))


def _index(machines: list[Machine], machine: Machine) -> int:
    """Return the index of a machine in `machines`, adding it if it is new."""
    for index, known in enumerate(machines):
        if known.alike(machine):
            return index
    machines.append(machine)
    return len(machines) - 1


def table(study: Study, outcomes: Iterable[Evaluation | NotRun]) -> "pandas.DataFrame":
    """Return questions.csv: one row for each model and question, in the study's order; only a header if nothing was run."""
    import pandas  # takes half a second, and merged.json needs no table

    answered = {(outcome.model, outcome.subject): outcome.records for outcome in outcomes if isinstance(outcome, Evaluation)}
    pairs = [pair for pair in study.pairs() if pair in answered]
    rows = [record for pair in pairs for record in answered[pair]]
    logprobs = list(map(_logprobs, rows))
    most = max((record.choices for record in rows), default=0)
    # By columns: a dictionary for each row takes 165 MB more for 20 models on all of MMLU.
    columns: dict[str, list[Any]] = {
        "model": [pair[0] for pair in pairs for _ in answered[pair]],
        "subject": [pair[1] for pair in pairs for _ in answered[pair]],
        **{name: [getattr(record, name) for record in rows] for name in ("index", *_FIELDS)},
        **{
            name: [row[place] if place < len(row) else math.nan for row in logprobs]
            for place, name in enumerate(logprob_columns(most))
        },
    }
    return pandas.DataFrame(columns)


def logprob_columns(choices: int) -> list[str]:
    """Return the names of the columns with the log-probabilities of this many choices: logprob_A, logprob_B and so on."""
    return [f"logprob_{letter}" for letter in LETTERS[:choices]]


def _logprobs(record: Record) -> list[float | None]:
    """Return each choice's log-probability: of its letter, over all orders if several were asked, or of its text."""
    if record.cloze is not None:
        return [choice.logprob for choice in record.cloze]
    logprobs = record.choice_logprobs or {}
    return [logprobs.get(letter) for letter in record.letters]
