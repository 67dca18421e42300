"""Batches of questions: whose rows are scored together, and the logits that are wanted of a batch.

Questions are packed (see packing.py) where that is exact for the model; where it is not, their rows are scored one at a time.
One batch is scored first, and one of its rows, read after all others, is scored alone as well: it would show what leaks from
them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import torch

from mmlu_kit.evaluation import packability, packing
from mmlu_kit.evaluation.manner import Packing
from mmlu_kit.evaluation.packability import Limit
from mmlu_kit.evaluation.packing import NotPackable, PackedScorer
from mmlu_kit.evaluation.rows import Rows, shared_prefix
from mmlu_kit.models import positions
from mmlu_kit.user_errors import UserError

MOST_OUTPUTS = 512  # in a batch: float32 logits over 150,000 tokens take 0.3 GB, and their logarithms as much


class ModelFails(UserError):
    """The code of the model's class raised an exception."""


@dataclass(frozen=True)
class Batches:
    """A plan for `questions`: `groups` are positions in them, and `scorer` scores those groups that are packed.

    `limit` says which rows may be packed. `logits` are those of groups that are scored already, by the group's number.
    """

    model: torch.nn.Module
    questions: Sequence[Rows]
    groups: list[list[int]]
    limit: Limit
    scorer: PackedScorer | None = None
    logits: dict[int, torch.Tensor] = field(default_factory=dict)

    def score(self, number: int) -> list[torch.Tensor]:
        """The next-token logits wanted of each question of a group, float32, shape (outputs, vocabulary)."""
        ready = self.logits.pop(number, None)
        group = self._group(number)
        logits = self._score(group) if ready is None else ready
        return list(logits.split([question.outputs for question in group]))

    def check(self, number: int, checked: tuple[int, int], dtype: torch.dtype) -> str | None:
        """Score a packed group, last the row that the scorer was made with; say why packing is not exact, None if it is.

        `checked` is that row: its question's position, and its place among the question's rows.
        """
        assert self.scorer is not None
        tail, (position, place) = len(self.scorer.reference), checked
        others = [other for other in self.groups[number] if other != position]
        question = self.questions[position].with_last(place)
        logits = self._score([*(self.questions[other] for other in others), question], tail)
        if not packability.agree(self.scorer.reference, logits[-tail:], dtype):
            return "packed scores differ from its own"
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
        """How many questions are packed, and why the others are not."""
        alone = sum(not self._packs(question) for question in self.questions)
        return Packing(packed=len(self.questions) - alone, alone=alone, reason=self.limit.reason if alone else None)

    def order(self) -> list[int]:
        """The groups' numbers, those that are scored already first."""
        return sorted(range(len(self.groups)), key=lambda number: number not in self.logits)

    def _group(self, number: int) -> list[Rows]:
        return [self.questions[position] for position in self.groups[number]]

    def _packs(self, question: Rows) -> bool:
        return self.scorer is not None and self.limit.allows(question.longest)

    def _score(self, questions: Sequence[Rows], tail: int = 0) -> torch.Tensor:
        """Score questions that are all packed, or each row of the others; a group that does not fit the memory is halved.

        With `tail`, the last row of the last question has at least this many outputs.
        """
        try:
            if self.scorer is not None and self._packs(questions[0]):
                return self.scorer(questions, tail)
            return torch.cat([packing.score_unpacked(self.model, row) for question in questions for row in question.rows])
        except NotPackable:
            raise
        except Exception as error:
            if not _out_of_memory(error):
                problem = f"the model's own code fails ({type(error).__name__}: {str(error).strip()[:200]})"
                advice = "use another dtype, quantization, device or model"
                raise ModelFails(f"{questions[0].name}: {problem}: {advice}") from error
            if len(questions) == 1:
                raise _does_not_fit(questions[0], self.model) from None
        # Outside the handler, since the traceback would keep the failed batch's memory alive.
        torch.cuda.empty_cache()
        half = len(questions) // 2
        return torch.cat([self._score(questions[:half]), self._score(questions[half:], tail)])


def choose(
    model: torch.nn.Module,
    questions: Sequence[Rows],
    tokens_per_batch: int | None,
    groups: list[list[int]] | None = None,
) -> Batches:
    """Plan the batches of `questions`, at most `tokens_per_batch` tokens each; None asks for one question at a time.

    With `groups`, which are those of longer rows of the same questions, they are the batches.
    """
    if tokens_per_batch is None:
        return _one_at_a_time(model, questions, groups, "one question at a time is requested")
    limit = packability.limit(model)
    allowed = [question for question in questions if limit.allows(question.longest)]
    if not allowed:
        return _one_at_a_time(model, questions, groups, limit.reason)
    start = shared_prefix(allowed)
    sizes = [Size(one.tokens(start), one.outputs) if limit.allows(one.longest) else None for one in questions]
    planned = groups or plan(sizes, tokens_per_batch)
    number, (position, place) = _most_telling(questions, planned, limit, positions.window(model) or 0)
    checked = questions[position]
    row = checked.rows[place].ids
    try:
        scorer = PackedScorer(model, row, start, min(packability.TAIL, checked.alone(place) or len(row) - start))
        batches = Batches(model, questions, planned, limit, scorer)
        problem = batches.check(number, (position, place), model.dtype)
    except NotPackable as error:
        problem = str(error)
    except ModelFails as error:
        problem = f"packing it raises {type(error.__cause__).__name__}"
    except UserError:  # the memory
        raise
    except Exception as error:  # whatever the code of a model's class raises
        if _out_of_memory(error):
            raise _does_not_fit(checked, model) from None
        problem = f"packing it raises {type(error).__name__}"
    return _one_at_a_time(model, questions, groups, problem) if problem else batches


def _most_telling(
    questions: Sequence[Rows], groups: Sequence[Sequence[int]], limit: Limit, window: int
) -> tuple[int, tuple[int, int]]:
    """Return the number of a packed group, and the row in it (see `Batches.check`) that shows best what packing gets wrong.

    It is longer than an attention window of this many tokens, which shorter rows do not show; it is in a group of several
    questions, and ends with many tokens that no other row of its question has. Of equal ones, it is the last.
    """
    best: tuple[int, tuple[int, int]] | None = None
    most = (False, False, -1)
    for number in reversed(range(len(groups))):
        for position in reversed(groups[number]):
            rows = questions[position].rows if limit.allows(questions[position].longest) else ()
            for place in reversed(range(len(rows))):
                own = min(packability.TAIL, questions[position].alone(place))
                tells = len(rows[place].ids) > window, len(groups[number]) > 1, own
                if tells > most:
                    best, most = (number, (position, place)), tells
                if tells == (True, True, packability.TAIL):
                    return number, (position, place)
    assert best is not None
    return best


def _out_of_memory(error: Exception) -> bool:
    """Whether memory ran out; CUDA has an error class for this, on a CPU only the message tells."""
    return isinstance(error, torch.OutOfMemoryError) or (isinstance(error, RuntimeError) and "allocate memory" in str(error))


def _does_not_fit(question: Rows, model: torch.nn.Module) -> UserError:
    tokens = f"{question.longest} tokens do not fit the memory of {model.device}"
    return UserError(f"{question.name}: {tokens}: use fewer examples")


class Size(NamedTuple):
    """What a question adds to a batch: tokens to compute, and tokens after which logits are wanted."""

    tokens: int
    outputs: int


def plan(sizes: Sequence[Size | None], tokens_per_batch: int) -> list[list[int]]:
    """Group positions in `sizes` into batches of at most `tokens_per_batch` tokens and MOST_OUTPUTS (or of a single question).

    Questions are sorted by their tokens, the largest last; then those without a size, each on its own. The plan covers the
    whole list, so that a resumed run has the same batches.
    """
    groups: list[list[int]] = []
    tokens = outputs = 0  # that fit in the last group
    known = {position: size for position, size in enumerate(sizes) if size is not None}
    for position, size in sorted(known.items(), key=lambda item: (item[1].tokens, item[0])):
        if not groups or size.tokens > tokens or size.outputs > outputs:
            groups.append([])
            tokens, outputs = tokens_per_batch, MOST_OUTPUTS
        groups[-1].append(position)
        tokens, outputs = tokens - size.tokens, outputs - size.outputs
    return groups + [[position] for position, size in enumerate(sizes) if size is None]


def _one_at_a_time(
    model: torch.nn.Module, questions: Sequence[Rows], groups: list[list[int]] | None, reason: str | None
) -> Batches:
    by_length = sorted(range(len(questions)), key=lambda position: questions[position].longest)
    return Batches(model, questions, groups or [[position] for position in by_length], Limit(0, reason))
