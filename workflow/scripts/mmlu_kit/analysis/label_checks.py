"""Checks of labels by MMLU-Redux: one row of its files, and all that belong to a study's questions, with their warnings."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self

from mmlu_kit import formatting
from mmlu_kit.inputs.questions import Question

GOOD, UNDECIDED = "ok", "expert"  # `expert`: left to a specialist, so neither good nor bad
ERRORS = ("bad question clarity", "bad options clarity", "no correct answer", "multiple correct answers", "wrong groundtruth")
# Errors for which a right answer is named: of several right ones, any is right.
WRONG, SEVERAL = "wrong groundtruth", "multiple correct answers"
CORRECTED = (WRONG, SEVERAL)
MOVED = "source"  # where a published file has its types by mistake, beside an empty column error_type
MOST_NAMED = 5
FALLBACKS = {"mac_roman": "Mac Roman", "cp1252": "Windows-1252"}

Place = tuple[str, int]  # subject, index
Key = tuple[str, tuple[str, ...]]  # subject, texts of question and choices


@dataclass(frozen=True)
class LabelCheck:
    """One row of MMLU-Redux: `key` identifies the question, `type` is GOOD, UNDECIDED or one of ERRORS.

    `fallbacks` are the keys by encoding if the row is not UTF-8; `column` is where the type was found; `correction` is the cell
    that names the right answer, if the type is one of CORRECTED.
    """

    key: Key
    type: str
    file: str
    column: str
    fallbacks: Mapping[str, Key]
    correction: bytes = b""


@dataclass(frozen=True)
class Correction:
    """The right choices of a question with a wrong label: what the check says, and their letters, none if it can't be read."""

    text: str
    letters: frozenset[str]


@dataclass(frozen=True)
class Unread:
    """A row or, if `line` is None, a whole file that cannot be read."""

    path: Path
    line: int | None
    problem: str

    def __str__(self) -> str:
        """Return where it is and what is wrong."""
        return f"{self.path}{f': line {self.line}' if self.line else ''}: {self.problem}"


@dataclass(frozen=True)
class LabelChecks:
    """The checks of a study's questions, and the number of checks of other questions.

    `unread` are the rows and files that cannot be read, `decoded` the numbers of checks by file and fallback encoding, `moved`
    the files that have their types in another column, `corrections` those of the questions whose type is one of CORRECTED.
    """

    types: Mapping[Place, str]
    unmatched: int
    unread: Sequence[Unread] = ()
    decoded: Mapping[tuple[str, str], int] = field(default_factory=dict)
    moved: Sequence[str] = ()
    corrections: Mapping[Place, Correction] = field(default_factory=dict)

    def once(self, questions: Iterable[Question]) -> Self:
        """Return the checks with those of a repeated question at its first copy among `questions`; an error wins."""
        first: dict[str, Place] = {}
        copies = {(one.subject, one.index): first.setdefault(one.sha256, (one.subject, one.index)) for one in questions}
        types: dict[Place, str] = {}
        corrections: dict[Place, Correction] = {}
        for place, kind in self.types.items():
            if types.get(copies[place]) not in ERRORS:
                types[copies[place]] = kind
                if place in self.corrections:
                    corrections[copies[place]] = self.corrections[place]
        return replace(self, types=types, corrections=corrections)

    @property
    def right_letters(self) -> dict[Place, frozenset[str]]:
        """The letters of the right choices of questions with a corrected label."""
        return {place: correction.letters for place, correction in self.corrections.items() if correction.letters}

    @property
    def warnings(self) -> list[str]:
        """Warnings about these checks, as sentences."""
        sentences = [*self._on_reading()]
        if self.unmatched:
            sentences.append(f"{formatting.plural(self.unmatched, 'label check')} of questions that are not in this study.")
        undecided = sum(kind == UNDECIDED for kind in self.types.values())
        if undecided:
            checks = formatting.plural(undecided, "label check")
            sentences.append(f"{checks} left to an expert: these questions count as neither good nor flagged.")
        sentences += self._on_corrections()
        if len(self.types) == undecided:
            sentences.append("No label was checked: no label check is conclusive for a question of this study.")
        return sentences

    def _on_corrections(self) -> list[str]:
        """Name the questions with a wrong label whose right answer cannot be read."""
        unread = [
            f"{subject} {index} ({repr(correction.text[:40]) if correction.text.strip() else 'empty'})"
            for (subject, index), correction in self.corrections.items()
            if not correction.letters
        ]
        if not unread:
            return []
        others = f" and {len(unread) - MOST_NAMED} more" if len(unread) > MOST_NAMED else ""
        return [
            f"{formatting.plural(len(unread), 'question')} with a wrong label left out of the corrected labels, as no choice "
            f"can be read from the check's correct_answer: {', '.join(unread[:MOST_NAMED])}{others}."
        ]

    def _on_reading(self) -> Iterator[str]:
        """Yield how files were read that are not as they should be, and what could not be read."""
        for (file, encoding), number in self.decoded.items():
            checks = formatting.plural(number, "label check")
            yield f"{file} is not UTF-8: {checks} read as {FALLBACKS[encoding]}, which gives the text of a question."
        for file in self.moved:
            yield f"{file} has its error types in the column {MOVED}: they were read from there, as error_type is empty."
        for path in dict.fromkeys(entry.path for entry in self.unread):
            entries = [entry for entry in self.unread if entry.path == path]
            first = f"{f'line {entries[0].line}: ' if entries[0].line else ''}{entries[0].problem}"
            rows = formatting.plural(len(entries), "row")
            what = f"{rows} of {path.name}" if entries[0].line else path.name
            yield f"{what} could not be read and {'is' if len(entries) == 1 else 'are'} left out: {first}."
