"""MMLU as published on the hub (cais/mmlu): one Parquet file for each subject and split."""

import datasets

from mmlu_kit.inputs import hub, questions
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import LETTERS, Split
from mmlu_kit.user_errors import UserError


def fetch(repository: str, commit: str, subject: str) -> list[Question]:
    """Fetch the dev and test questions of a subject from `repository` at `commit`; an unexpected table raises UserError."""
    folder = hub.fetch_questions(repository, commit, [hub.tables(subject, split) for split in Split])
    fetched = []
    for split in Split:
        paths = sorted(str(path) for path in folder.glob(hub.tables(subject, split)))
        if not paths:
            raise UserError(f"data set {repository} at {commit[:12]} has no {split} questions for '{subject}'")
        try:
            # Read the files directly, without a loading script or a second cache beside the hub's.
            table = datasets.Dataset.from_parquet(paths, keep_in_memory=True)
            rows = [(row["question"], list(row["choices"]), row["answer"]) for row in table]
        except (KeyError, TypeError, datasets.exceptions.DatasetsError, OSError, ValueError) as error:
            raise UserError(f"{paths[0]} is not a table with question, choices and answer ({type(error).__name__})") from error
        for index, (text, choices, answer) in enumerate(rows):
            if not isinstance(answer, int) or isinstance(answer, bool) or not 0 <= answer < len(LETTERS):
                raise UserError(f"{paths[0]}: row {index + 1}: the answer is {answer!r}, not a number from 0 to 3")
            where = f"{paths[0]}: row {index + 1}"
            fetched.append(questions.from_cells(subject, split, index, [text, *choices, LETTERS[answer]], where))
    return fetched
