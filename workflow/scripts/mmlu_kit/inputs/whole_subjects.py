"""The subjects of a study that local files have: those that it names, or with `subjects: all` those that are whole.

A subject is used with all of its questions or not at all, as its accuracy would not be that of the subject without some.
"""

from pathlib import Path

from mmlu_kit.formatting import plural
from mmlu_kit.inputs import question_sources, questions
from mmlu_kit.inputs.question_sources import MmluFolder, QuestionSource
from mmlu_kit.settings import Split
from mmlu_kit.study import Study, check_parts
from mmlu_kit.subjects import SUBJECTS
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import suggestion


def only(study: Study) -> Study:
    """Return a study with `subjects: all` with the subjects that its files have whole, and why others are left out.

    Studies with questions of the hub are returned as they are. Raises UserError if the files lack a subject that the study
    names, if no subject is whole, or if one that a part of the study names is not.
    """
    if study.questions.path is None:
        return study
    where = f"config: questions.{study.questions.name}"
    path = Path(study.questions.path)
    try:
        source = question_sources.of_entry(study.questions)
        subjects = source.subjects()
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    if not subjects:
        raise UserError(f"{where}: {path} has no question file: {question_sources.EXPECTED}")
    if study.left_out is None:
        _check_known(f"config: studies.{study.name}.subjects", study.subjects, subjects)
        check_parts(study)
        return study
    expected = list(SUBJECTS) if isinstance(source, MmluFolder) and set(subjects) <= set(SUBJECTS) else subjects
    examples = max((model.prompt.examples for model in study.run.values()), default=0)
    left_out = {subject: why for subject in expected if (why := _problem(source, path, subject, examples))}
    whole = [subject for subject in expected if subject not in left_out]
    if not whole:
        first = next(subject for subject in left_out if subject in subjects)
        raise UserError(f"{where}: {path} has no whole subject: correct its files, or the path; {first}: {left_out[first]}")
    for part in ("baseline", "timing_setups", "stability"):
        chosen = getattr(getattr(study, part), "subjects", [])
        _check_known(f"config: studies.{study.name}.{part}.subjects", chosen, expected)
        for subject in chosen:
            if subject in left_out:
                raise UserError(f"config: studies.{study.name}.{part}: {subject} cannot be asked: {left_out[subject]}")
    return study.model_copy(update={"subjects": whole, "left_out": left_out})


def _check_known(where: str, names: list[str], subjects: list[str]) -> None:
    for name in names:
        if name not in subjects:
            raise UserError(f"{where}: '{name}' is not known; {suggestion(name, subjects)}")


def _problem(source: QuestionSource, path: Path, subject: str, examples: int) -> str | None:
    """Return why a subject cannot be used, without the folder's name; None if it can."""
    if subject not in source.subjects():
        return "there is no test file"
    try:
        number = len(questions.split(source.read(subject), Split.DEV))
    except UserError as error:
        return str(error).replace(f"{path}/", "")
    if number < examples:
        return f"{plural(examples, 'few-shot example')} are requested, but the dev split has {number}"
    return None
