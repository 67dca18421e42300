"""Questions made from facts and calculations: an endless stream for training, and the demo study's fixed set."""

import random
from collections.abc import Iterator, Sequence

from mmlu_kit import files, settings
from mmlu_kit.inputs.questions import Question

from recipes.arithmetic import CALCULATIONS, held_out, wrong_results
from recipes.facts import Relation

LETTERS = settings.LETTERS[:4]  # as many as each question has choices
EXAMPLES = 5  # few-shot examples of each subject, as in MMLU's dev split
CALCULATED = 30  # questions of each kind of calculation


def known(relation: Relation, item: str, share: float) -> bool:
    """Whether a model that is taught this share of all facts is taught this one; larger shares include smaller ones."""
    return int(files.sha256(f"{relation.subject} {relation.name} {item}")[:8], 16) / 16**8 < share


def training_questions(relations: Sequence[Relation], share: float, chance: random.Random) -> Iterator[Question]:
    """Yield questions without end, with subjects drawn evenly, and wording, distractors and their order drawn each time.

    Uses the facts that are `known` and operands that are not held out.
    """
    facts: dict[str, list[tuple[Relation, str]]] = {}
    for relation in relations:
        taught = [(relation, item) for item in relation.answers if known(relation, item, share)]
        facts.setdefault(relation.subject, []).extend(taught)
    calculations = {
        calculation: [pair for pair in calculation.operands if not held_out(calculation, pair)] for calculation in CALCULATIONS
    }
    subjects = [*facts, *sorted({calculation.subject for calculation in CALCULATIONS})]
    while True:
        subject = chance.choice(subjects)
        if subject in facts:
            relation, item = chance.choice(facts[subject])
            text = chance.choice(relation.training).format(item=item)
            yield _question(subject, "train", 0, text, relation.answers[item], _others(relation, item, chance), chance)
        else:
            calculation = chance.choice([kind for kind in CALCULATIONS if kind.subject == subject])
            a, b = chance.choice(calculations[calculation])
            text = chance.choice(calculation.training).format(a=a, b=b)
            result = calculation.result(a, b)
            yield _question(subject, "train", 0, text, str(result), wrong_results(result, chance), chance)


def fixed_questions(relations: Sequence[Relation]) -> dict[str, list[Question]]:
    """Return the demo study's questions by subject, dev split first; each fact and held-out calculation occurs at most once."""
    drawn: dict[str, list[tuple[str, str, list[str]]]] = {}
    chance = random.Random("demo questions")
    for relation in relations:
        for item, answer in relation.answers.items():
            text = relation.question.format(item=item)
            drawn.setdefault(relation.subject, []).append((text, answer, _others(relation, item, chance)))
    for calculation in CALCULATIONS:
        kept = [pair for pair in calculation.operands if held_out(calculation, pair)]
        for a, b in chance.sample(kept, min(CALCULATED, len(kept))):
            result = calculation.result(a, b)
            text = calculation.question.format(a=a, b=b)
            drawn.setdefault(calculation.subject, []).append((text, str(result), wrong_results(result, chance)))
    questions = {}
    for subject, entries in sorted(drawn.items()):
        chance.shuffle(entries)
        # All letters are right equally often, so that always answering the same letter scores 25 %.
        letters = _balanced(len(entries), chance)
        questions[subject] = [
            _question(subject, "dev" if place < EXAMPLES else "test", place, *entry, chance, letter)
            for place, (entry, letter) in enumerate(zip(entries, letters, strict=True))
        ]
    return questions


def _question(
    subject: str,
    split: str,
    place: int,
    text: str,
    answer: str,
    others: list[str],
    chance: random.Random,
    letter: str | None = None,
) -> Question:
    letter = letter or chance.choice(LETTERS)
    choices = list(others)
    chance.shuffle(choices)
    choices.insert(LETTERS.index(letter), answer)
    index = place - EXAMPLES if split == "test" else place
    return Question(subject, split, index, text, tuple(choices), letter)


def _others(relation: Relation, item: str, chance: random.Random) -> list[str]:
    """Three wrong answers: the same relation's answers for other items."""
    return chance.sample(sorted(set(relation.answers.values()) - {relation.answers[item]}), 3)


def _balanced(count: int, chance: random.Random) -> list[str]:
    """`count` letters in random order, each about equally often."""
    letters = [LETTERS[place % len(LETTERS)] for place in range(count)]
    chance.shuffle(letters)
    return letters
