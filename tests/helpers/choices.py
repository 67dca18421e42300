"""Made-up studies whose questions have several numbers of choices, asked with letters, in every order, or as cloze prompts."""

import random
from collections.abc import Mapping, Sequence

from mmlu_kit.inputs.questions import Question
from mmlu_kit.results import merging
from mmlu_kit.settings import Requested
from mmlu_kit.timing.time_logs import Processes

from tests.helpers import results
from tests.helpers.analyses import StudyInputs

NUMBERS = (3, 4, 5, 10)
LETTERS, ORDERS, CLOZE = results.asked(), results.asked(orders="cyclic"), results.asked(preset="cloze")
OLMES = results.asked(preset="olmes", score="pmi")


def questions_on(subject: str, numbers: Sequence[int], count: int = 40) -> list[Question]:
    """Return made-up questions with these numbers of choices in turn; their right letters are as common as each other."""
    return [results.question(subject, index, numbers[index % len(numbers)]) for index in range(count)]


def answers(questions: Sequence[Question], share: float, seed: int) -> str:
    """Return the answers of a model that knows this share and otherwise chooses every choice equally often."""
    chance = random.Random(seed)
    return "".join(question.answer if chance.random() < share else chance.choice(question.letters) for question in questions)


def study(
    asked: Mapping[str, Requested],
    by_subject: Mapping[str, Sequence[int]],
    count: int = 40,
    share: float = 0.4,
    without: Sequence[tuple[str, str]] = (),
) -> StudyInputs:
    """Return merged.json, questions.csv and the questions of a study.

    `by_subject` has the numbers of choices that questions of a subject have in turn; models know a `share` of the answers, each
    another one. Pairs in `without` have no result. A generated letter is the best one, and unparsed beyond D.
    """
    questions = {subject: questions_on(subject, numbers, count) for subject, numbers in by_subject.items()}
    evaluations = []
    for seed, (model, requested) in enumerate(asked.items()):
        for subject, asked_there in questions.items():
            if (model, subject) not in without:
                best = answers(asked_there, share, seed)
                generated = "".join(letter if letter in "ABCD" else "-" for letter in best)
                numbers = [len(question.choices) for question in asked_there]
                evaluations.append(results.evaluation(model, subject, best, generated, choices=numbers, requested=requested))
    made = results.study_asked(asked, list(by_subject))
    # Each has weights of its own, so that all are compared.
    made = made.model_copy(
        update={"models": {name: entry.model_copy(update={"path": name}) for name, entry in made.models.items()}}
    )
    timings = [results.timing(one.model, one.subject) for one in evaluations]
    merged = merging.merge(made, evaluations, timings, Processes({}))
    return merged, merging.table(made, evaluations), [one for there in questions.values() for one in there]
