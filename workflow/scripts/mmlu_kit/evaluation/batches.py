"""Batches of questions: whose rows are scored together, and the logits that are wanted of a batch.

Questions are computed together in the first way (see ways.py) that is exact for the model. Where none is, their rows are scored
one at a time. One batch is scored first, and one of its rows, read after all others, is scored alone as well: it would show
what leaks from them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch

from mmlu_kit.evaluation import packability, packing, ways
from mmlu_kit.evaluation.manner import Packing
from mmlu_kit.evaluation.packability import Limit
from mmlu_kit.evaluation.packing import NotPackable
from mmlu_kit.evaluation.rows import Rows, shared_prefix
from mmlu_kit.evaluation.ways import Groups, Scorer, Way
from mmlu_kit.models import batch_size, positions
from mmlu_kit.user_errors import UserError


class ModelFails(UserError):
    """The code of the model's class raised an exception."""


@dataclass(frozen=True)
class Batches:
    """A plan for `questions`: `groups` are positions in them, and `scorer` scores those that are computed together in a `way`.

    `limit` says which rows may be. `reason` is why questions are not packed, None if they are. `logits` are those of groups
    that are scored already, by the group's number.
    """

    model: torch.nn.Module
    questions: Sequence[Rows]
    groups: Groups
    limit: Limit
    reason: str | None
    way: Way | None = None
    scorer: Scorer | None = None
    logits: dict[int, torch.Tensor] = field(default_factory=dict)

    def score(self, number: int) -> list[torch.Tensor]:
        """The next-token logits wanted of each question of a group, float32, shape (outputs, vocabulary)."""
        ready = self.logits.pop(number, None)
        group = self._group(number)
        logits = self._score(group) if ready is None else ready
        return list(logits.split([question.outputs for question in group]))

    def check(self, number: int, checked: tuple[int, int], dtype: torch.dtype) -> str | None:
        """Score a group, last the row that the scorer was made with; say why the way is not exact, None if it is.

        `checked` is that row: its question's position, and its place among the question's rows.
        """
        assert self.scorer is not None and self.way is not None
        tail, (position, place) = len(self.scorer.reference), checked
        others = [other for other in self.groups[number] if other != position]
        question = self.questions[position].with_last(place)
        logits = self._score([*(self.questions[other] for other in others), question], tail)
        if not packability.agree(self.scorer.reference, logits[-tail:], dtype):
            return f"{self.way.name} scores differ from its own"
        wanted = question.rows[-1].outputs
        logits = torch.cat([logits[: -max(tail, wanted)], logits[-wanted:]])
        rows = [(other, row) for other in others for row in range(len(self.questions[other].rows))]
        rows += [(position, row) for row in range(len(question.rows)) if row != place] + [checked]
        parts = logits.split([self.questions[one].rows[row].outputs for one, row in rows])
        scored = dict(zip(rows, parts, strict=True))
        in_order = sorted(rows, key=lambda row: (self.groups[number].index(row[0]), row[1]))
        self.logits[number] = torch.cat([scored[row] for row in in_order])
        return None

    def packing(self) -> Packing:
        """How many questions are computed in which way, and why not all are packed."""
        together = sum(map(self._together, self.questions))
        alone = len(self.questions) - together
        reasons = dict.fromkeys(filter(None, (self.reason, self.limit.reason if alone else None)))
        counts = {self.way.name: together} if self.way else {}
        return Packing(**counts, alone=alone, reason="; ".join(reasons) or None)

    def order(self) -> list[int]:
        """The groups' numbers, those that are scored already first."""
        return sorted(range(len(self.groups)), key=lambda number: number not in self.logits)

    def _group(self, number: int) -> list[Rows]:
        return [self.questions[position] for position in self.groups[number]]

    def _together(self, question: Rows) -> bool:
        return self.scorer is not None and self.limit.allows(question.longest)

    def _score(self, questions: Sequence[Rows], tail: int = 0) -> torch.Tensor:
        """Score questions that are computed together, or each row of the others; what does not fit memory is halved.

        With `tail`, the last row of the last question has at least this many outputs.
        """
        try:
            if self.scorer is not None and self._together(questions[0]):
                return self.scorer(questions, tail)
            return torch.cat([packing.score_unpacked(self.model, row) for question in questions for row in question.rows])
        except NotPackable:
            raise
        except Exception as error:
            if not _out_of_memory(error):
                problem = f"the model's own code fails ({type(error).__name__}: {str(error).strip()[:200]})"
                advice = "use another dtype, quantization, device or model"
                raise ModelFails(f"{questions[0].name}: {problem}: {advice}") from error
            if len(questions) == len(questions[0].rows) == 1:
                raise _does_not_fit(questions[0], self.model) from None
        # Outside the handler, since the traceback would keep the failed batch's memory alive.
        torch.cuda.empty_cache()
        first, second = _halves(questions)
        return torch.cat([self._score(first), self._score(second, tail)])


def choose(
    model: torch.nn.Module, questions: Sequence[Rows], tokens_per_batch: int | None, groups: Groups | None = None
) -> Batches:
    """Plan the batches of `questions`, at most `tokens_per_batch` tokens each; None asks for one question at a time.

    With `groups`, which are those of longer rows of the same questions, they are the batches.
    """
    if tokens_per_batch is None:
        return _one_at_a_time(model, questions, groups, "one question at a time is requested")
    reason: str | None = None  # why they are not packed
    for way in ways.WAYS:
        batches = _tried(way, model, questions, tokens_per_batch, groups, None if way.name == "packed" else reason)
        if isinstance(batches, Batches):
            return batches
        reason = reason or batches
    return _one_at_a_time(model, questions, groups, reason)


def _tried(
    way: Way,
    model: torch.nn.Module,
    questions: Sequence[Rows],
    tokens_per_batch: int,
    groups: Groups | None,
    reason: str | None,
) -> Batches | str | None:
    """Plan the batches of one way, or say why it does not fit the model (None if its plan does not pay)."""
    limit = way.limit(model)
    allowed = [question for question in questions if limit.allows(question.longest)]
    if not allowed:
        return limit.reason
    start = shared_prefix(allowed) if way.has_prefix else 0
    sizes = [way.size(one, start) if limit.allows(one.longest) else None for one in questions]
    copied = way.tokens * batch_size.copied_prefix(model, start)
    planned = groups or ways.plan(sizes, way.tokens * tokens_per_batch, way.padding, copied)
    if not way.pays(sizes, planned, start):
        return None
    number, (position, place) = _most_telling(model, way, questions, planned, limit, start)
    checked = questions[position]
    row = checked.rows[place].ids
    try:
        scorer = way.scorer(model, row, start, min(packability.TAIL, checked.alone(place) or len(row) - start))
        batches = Batches(model, questions, planned, limit, reason, way, scorer)
        return batches.check(number, (position, place), model.dtype) or batches
    except NotPackable as error:
        return str(error)
    except ModelFails as error:
        return f"packing it raises {type(error.__cause__).__name__}"
    except UserError:  # the memory
        raise
    except Exception as error:  # whatever the code of a model's class raises
        if _out_of_memory(error):  # a prompt alone may fit
            return "the prefix that its questions share does not fit memory beside a prompt"
        return f"packing it raises {type(error).__name__}"


def _most_telling(
    model: torch.nn.Module, way: Way, questions: Sequence[Rows], groups: Groups, limit: Limit, start: int
) -> tuple[int, tuple[int, int]]:
    """Return the number of a group, and the row in it (see `Batches.check`) that shows best what the way gets wrong.

    It is longer than the model's attention window, which shorter rows do not show; it is in a group of several questions, and
    ends with many tokens that no other row of its question has. Of equal ones, it is the one with the most padding behind it,
    then the last. In padded batches it has several tokens behind the prefix: some models continue from a cache only with a
    single one.
    """
    best: tuple[int, tuple[int, int]] | None = None
    most = (False, False, False, False, -1, -1)
    window = positions.window(model) or 0
    for number in reversed(range(len(groups))):
        longest = max(questions[position].longest for position in groups[number]) if way.padding else 0
        for position in reversed(groups[number]):
            rows = questions[position].rows if limit.allows(questions[position].longest) else ()
            for place in reversed(range(len(rows))):
                row = len(rows[place].ids)
                padding = longest - row if way.padding else 0
                several, alone = len(groups[number]) > 1, min(packability.TAIL, questions[position].alone(place))
                long = not way.padding or row > start + 1
                tells = row > window, several and long, long, several, alone, padding
                if tells > most:
                    best, most = (number, (position, place)), tells
                if not way.padding and row > window and several and alone == packability.TAIL:
                    return number, (position, place)
    assert best is not None
    return best


def _halves(questions: Sequence[Rows]) -> tuple[Sequence[Rows], Sequence[Rows]]:
    """Halve a group, or the rows of a single question that has several."""
    if half := len(questions) // 2:
        return questions[:half], questions[half:]
    (question,) = questions
    half = len(question.rows) // 2
    return [replace(question, rows=question.rows[:half])], [replace(question, rows=question.rows[half:])]


def _out_of_memory(error: Exception) -> bool:
    """Whether memory ran out; CUDA has an error class for this, on a CPU only the message tells."""
    return isinstance(error, torch.OutOfMemoryError) or (isinstance(error, RuntimeError) and "allocate memory" in str(error))


def _does_not_fit(question: Rows, model: torch.nn.Module) -> UserError:
    tokens = f"{question.longest} tokens do not fit the memory of {model.device}"
    return UserError(f"{question.name}: {tokens}: use fewer examples")


def _one_at_a_time(model: torch.nn.Module, questions: Sequence[Rows], groups: Groups | None, reason: str | None) -> Batches:
    by_length = sorted(range(len(questions)), key=lambda position: questions[position].longest)
    return Batches(model, questions, groups or [[position] for position in by_length], Limit(0, reason), reason)
