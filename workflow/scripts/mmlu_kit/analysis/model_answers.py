"""Each model's answers by the question's place, and without later copies of the same question."""

from collections.abc import Iterable, Mapping, Sequence

from mmlu_kit.evaluation.answers import Record
from mmlu_kit.evaluation.records import Evaluation, NotRun
from mmlu_kit.results.merged import Merged

Place = tuple[str, int]  # subject and index
Answers = Mapping[Place, Record]


def answers_by_model(merged: Merged, outcomes: Iterable[Evaluation | NotRun]) -> dict[str, Answers]:
    """Return the answers of each model with results, subjects in the study's order; `outcomes` are what merged.json is of."""
    evaluations = {(each.model, each.subject): each for each in outcomes if isinstance(each, Evaluation)}
    answered = {(result.model, result.subject) for result in merged.results}
    return {
        model: {
            (subject, record.index): record
            for subject in merged.study.subjects
            if (model, subject) in answered
            for record in evaluations[model, subject].records
        }
        for model in merged.order()
    }


def once(answers: Answers, places: Iterable[Place] | None = None) -> list[Place]:
    """Return the places of these answers, by default of all, at which a question occurs for the first time (repeats.py)."""
    first: dict[str, Place] = {}
    for place in answers if places is None else places:
        first.setdefault(answers[place].question_sha256, place)
    return list(first.values())


def shared_once(first: Answers, second: Answers) -> list[Place]:
    """Return the places of the questions that both answered, each question once."""
    return once(first, [place for place in first if place in second])


def records_once(answers: Answers) -> Sequence[Record]:
    """Return a model's answers, each question once."""
    return [answers[place] for place in once(answers)]
