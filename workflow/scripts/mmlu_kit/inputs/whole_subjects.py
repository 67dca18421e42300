"""The subjects of a study with `subjects: all`: those that its folder of questions has whole.

A subject is used with all of its questions or not at all, as its accuracy would not be that of the subject without some.
"""

from pathlib import Path

from mmlu_kit.formatting import plural
from mmlu_kit.inputs import questions
from mmlu_kit.settings import Split
from mmlu_kit.study import Study
from mmlu_kit.subjects import SUBJECTS
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError


def only(study: Study) -> Study:
    """Return a study with `subjects: all` with the subjects that its folder has whole, and why others are left out.

    Other studies, and those with questions of the hub, are returned as they are. Raises UserError if no subject is whole, or if
    one that a part of the study names is not.
    """
    if study.left_out is None or study.questions.path is None:
        return study
    folder = Path(study.questions.path)
    examples = [study.run[model].prompt.examples for model, _ in study.pairs() if model in study.run]
    left_out = {subject: why for subject in study.subjects if (why := _problem(folder, subject, max(examples, default=0)))}
    subjects = [subject for subject in study.subjects if subject not in left_out]
    if not subjects:
        raise UserError(
            f"config: questions.{study.questions.name}: {folder} has none of MMLU's subjects: correct the path; "
            f"{study.subjects[0]}: {left_out[study.subjects[0]]}"
        )
    for part in ("baseline", "timing_setups", "stability"):
        for subject in getattr(getattr(study, part), "subjects", []):
            if subject in left_out:
                raise UserError(f"config: studies.{study.name}.{part}: {subject} cannot be asked: {left_out[subject]}")
    return study.model_copy(update={"subjects": subjects, "left_out": left_out | _unknown(folder)})


def _problem(folder: Path, subject: str, examples: int) -> str | None:
    """Return why a subject cannot be used, without the folder's name; None if it can."""
    if not (folder / f"test/{subject}_test.csv").exists():
        return "there is no test file"
    try:
        subject_questions = questions.read_folder(folder, subject)
    except UserError as error:
        return str(error).replace(f"{folder}/", "")
    number = len(questions.split(subject_questions, Split.DEV))
    if number < examples:
        return f"{plural(examples, 'few-shot example')} are requested, but the dev split has {number}"
    return None


def _unknown(folder: Path) -> dict[str, str]:
    """Return the subjects of test files that are none of MMLU's."""
    names = sorted(path.name.removesuffix("_test.csv") for path in folder.glob("test/*_test.csv"))
    return {printable(name): "none of MMLU's 57 subjects has this name" for name in names if name not in SUBJECTS}
