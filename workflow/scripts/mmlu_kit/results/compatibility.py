"""Checks that results fit together.

Evaluations have the same questions, prompts and scoring and no contradicting answers, were made as the study requests, and have
timings that are theirs.
"""

from collections.abc import Mapping

from mmlu_kit.config import ModelEntry
from mmlu_kit.evaluation.records import Evaluation, NotRun, Timing
from mmlu_kit.formatting import plural
from mmlu_kit.model_sources import GGUF
from mmlu_kit.settings import Preset, in_words
from mmlu_kit.user_errors import UserError


def check(evaluations: Mapping[str, Evaluation]) -> None:
    """Raise UserError if two evaluations differ in questions, prompts or scoring; `evaluations` are by the names in messages.

    Models with the same preset and number of few-shot examples must have been given the same prompts, except for `chat`, whose
    prompts depend on the model's chat template. Imported answers may lack some questions; their prompts and scoring are
    unknown and not checked.
    """
    sizes: dict[str, tuple[str, int]] = {}
    questions: dict[tuple[str, int], tuple[str, tuple[str, int, str]]] = {}
    prompts: dict[tuple[str, int, Preset, int | None], tuple[str, str | None]] = {}
    scoring: tuple[str, int] | None = None
    for name, evaluation in evaluations.items():
        subject, requested = evaluation.subject, evaluation.requested
        number = len(evaluation.records)
        other, size = sizes.setdefault(subject, (name, number)) if requested else (name, number)
        if size != number:
            raise _differ(name, other, "data", f"{number} and {size} questions of {subject}")
        for record in evaluation.records:
            question = record.question_sha256, record.choices, record.gold
            other, expected = questions.setdefault((subject, record.index), (name, question))
            if expected != question:
                raise _differ(name, other, "data", f"question {record.index} of {subject} is not the same")
            if requested and requested.preset != Preset.CHAT:
                form = (subject, record.index, requested.preset, record.examples)
                other, prompt_sha256 = prompts.setdefault(form, (name, record.prompt_sha256))
                if prompt_sha256 != record.prompt_sha256:
                    raise _differ(name, other, "prompts", f"question {record.index} of {subject} has another prompt")
        if evaluation.scoring is not None:
            other, version = scoring = scoring or (name, evaluation.scoring)
            if version != evaluation.scoring:
                raise _differ(name, other, "scoring", f"versions {evaluation.scoring} and {version}")


def check_same_answers(name: str, outcome: Evaluation | NotRun, other: str, other_outcome: Evaluation | NotRun) -> None:
    """Raise UserError if two evaluations of one model and subject, named `name` and `other`, answer a question differently.

    An evaluation that was not run contradicts nothing.
    """
    if isinstance(outcome, NotRun) or isinstance(other_outcome, NotRun):
        return
    answers, other_answers = _answers(outcome), _answers(other_outcome)
    differing = [index for index in answers | other_answers if answers.get(index) != other_answers.get(index)]
    if differing:
        where = f"{plural(len(differing), 'different answer')}, the first to question {min(differing)}"
        where += _ran_as(outcome, other_outcome)
        raise UserError(f"{name} and {other} contradict each other: {where}; merge only one of them")


def check_as_requested(entry: ModelEntry, evaluation: Evaluation, where: str, advice: str) -> None:
    """Raise UserError if an evaluation was made with settings or weights that differ from the study's, as an old one may be."""
    requests = {**_source(entry, entry.gguf), **dict(entry.requested)}
    gguf = next((name for name in evaluation.model_files if name.endswith(GGUF)), None)
    made_with = {**_source(evaluation, gguf), **dict(evaluation.requested or ())}
    for name, value in requests.items():
        if made_with.get(name) != value:
            raise UserError(f"{where} was made with {name} {made_with.get(name)}, but the study requests {value}: {advice}")


def check_timing(timing: Timing, evaluation: Evaluation, where: str, advice: str) -> None:
    """Raise UserError if a timing, which messages call `where`, contradicts its evaluation."""
    number, scored = len(evaluation.records), timing.questions_scored
    if scored > number or timing.resumed != (scored < number):
        state = "resumed" if timing.resumed else "not resumed"
        raise UserError(f"{where}: {scored} of {number} questions scored by a process that was {state}; {advice}")
    if evaluation.effective and evaluation.effective.device == "cuda" and timing.machine.gpu is None:
        raise UserError(f"{where}: the model ran on a GPU, and the machine has none; {advice}")


def _source(model: ModelEntry | Evaluation, gguf: str | None) -> dict[str, str | None]:
    """Return where weights and adapter come from, by what messages call it; a local file may have another name elsewhere."""
    adapter = None
    if source := model.adapter:
        adapter = f"{source.repository} at {source.commit}" if source.repository else "of a folder"
    file = gguf if model.repository else None
    return {"repository": model.repository, "commit": model.commit, "file": file, "adapter": adapter}


def _ran_as(evaluation: Evaluation, other: Evaluation) -> str:
    """Return how two evaluations ran, if that differs, as on devices on which `dtype: auto` is not the same."""
    ran, other_ran = (in_words(each.effective) if each.effective else "" for each in (evaluation, other))
    return f" (they ran as {ran} and as {other_ran})" if ran and other_ran and ran != other_ran else ""


def _answers(evaluation: Evaluation) -> dict[int, tuple[str, str | None, str | None]]:
    """Return each question's hash and its two answers, by index."""
    return {record.index: (record.question_sha256, record.predicted, record.parsed) for record in evaluation.records}


def _differ(name: str, other: str, part: str, difference: str) -> UserError:
    return UserError(
        f"{name} and {other} differ in their {part} and are not merged: {difference}; run both with one version of the kit"
    )
