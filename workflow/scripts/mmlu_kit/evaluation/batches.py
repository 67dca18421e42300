"""Batches of prompts: which are scored together, and the logits after each prompt of a batch.

Prompts are packed (see packing.py) where that is exact for the model, and scored one at a time where it is not. One batch is
scored first, and its longest prompt is scored alone as well: being the last in its row, it would show what leaks from others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from mmlu_kit.evaluation import packability, packing
from mmlu_kit.evaluation.encoding import Prompt
from mmlu_kit.evaluation.manner import Packing
from mmlu_kit.evaluation.packability import Limit
from mmlu_kit.evaluation.packing import NotPackable, PackedScorer
from mmlu_kit.user_errors import UserError


class ModelFails(UserError):
    """The code of the model's class raised an exception."""


@dataclass(frozen=True)
class Batches:
    """A plan for `prompts`: `groups` are positions in them, and `scorer` scores those groups that are packed.

    `limit` says which prompts may be packed. `logits` are those of groups that are scored already, by the group's number.
    """

    model: torch.nn.Module
    prompts: Sequence[Prompt]
    groups: list[list[int]]
    limit: Limit
    scorer: PackedScorer | None = None
    logits: dict[int, torch.Tensor] = field(default_factory=dict)

    def score(self, number: int) -> torch.Tensor:
        """Next-token logits after each prompt of a group, float32, shape (prompts, vocabulary)."""
        ready = self.logits.pop(number, None)
        return self._score(self._group(number)) if ready is None else ready

    def check(self, number: int, dtype: torch.dtype) -> str | None:
        """Score a packed group whose last prompt the scorer was made with; say why packing is not exact, None if it is."""
        assert self.scorer is not None
        tail = len(self.scorer.reference)
        logits = self._score(self._group(number), tail)
        if not packability.agree(self.scorer.reference, logits[-tail:], dtype):
            return "packed scores differ from its own"
        self.logits[number] = torch.cat([logits[:-tail], logits[-1:]])
        return None

    def packing(self) -> Packing:
        """How many prompts are packed, and why the others are not."""
        alone = sum(not self._packs(prompt) for prompt in self.prompts)
        return Packing(packed=len(self.prompts) - alone, alone=alone, reason=self.limit.reason if alone else None)

    def order(self) -> list[int]:
        """The groups' numbers, those that are scored already first."""
        return sorted(range(len(self.groups)), key=lambda number: number not in self.logits)

    def _group(self, number: int) -> list[Prompt]:
        return [self.prompts[position] for position in self.groups[number]]

    def _packs(self, prompt: Prompt) -> bool:
        return self.scorer is not None and self.limit.allows(len(prompt.ids))

    def _score(self, prompts: Sequence[Prompt], tail: int = 1) -> torch.Tensor:
        """Score prompts that are all packed, or a single one; a group that does not fit the memory is halved.

        Of the last prompt there are the logits after each of its last `tail` tokens.
        """
        try:
            if self.scorer is not None and self._packs(prompts[0]):
                return self.scorer([prompt.ids[self.scorer.start :] for prompt in prompts], tail)
            return packing.score_unpacked(self.model, prompts[0].ids)
        except NotPackable:
            raise
        except Exception as error:
            if not _out_of_memory(error):
                problem = f"the model's own code fails ({type(error).__name__}: {str(error).strip()[:200]})"
                advice = "use another dtype, quantization, device or model"
                raise ModelFails(f"{prompts[0].question.name}: {problem}: {advice}") from error
            if len(prompts) == 1:
                raise _does_not_fit(prompts[0], self.model) from None
        # Outside the handler, since the traceback would keep the failed batch's memory alive.
        torch.cuda.empty_cache()
        half = len(prompts) // 2
        return torch.cat([self._score(prompts[:half]), self._score(prompts[half:], tail)])


def choose(model: torch.nn.Module, prompts: Sequence[Prompt], tokens_per_batch: int | None) -> Batches:
    """Plan the batches of `prompts`, at most `tokens_per_batch` tokens each; None asks for one prompt at a time."""
    if tokens_per_batch is None:
        return _one_at_a_time(model, prompts, "one question at a time is requested")
    limit = packability.limit(model)
    rows = [prompt.ids for prompt in prompts if limit.allows(len(prompt.ids))]
    if not rows:
        return _one_at_a_time(model, prompts, limit.reason)
    start = shared_prefix(rows)
    groups = plan([len(prompt.ids) - start if limit.allows(len(prompt.ids)) else None for prompt in prompts], tokens_per_batch)
    packed = [number for number, group in enumerate(groups) if limit.allows(len(prompts[group[0]].ids))]
    number = next((number for number in reversed(packed) if len(groups[number]) > 1), packed[-1])
    checked = prompts[groups[number][-1]]
    try:
        scorer = PackedScorer(model, checked.ids, start, min(packability.TAIL, len(checked.ids) - start))
        batches = Batches(model, prompts, groups, limit, scorer)
        problem = batches.check(number, model.dtype)
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
    return _one_at_a_time(model, prompts, problem) if problem else batches


def _out_of_memory(error: Exception) -> bool:
    """Whether memory ran out; CUDA has an error class for this, on a CPU only the message tells."""
    return isinstance(error, torch.OutOfMemoryError) or (isinstance(error, RuntimeError) and "allocate memory" in str(error))


def _does_not_fit(prompt: Prompt, model: torch.nn.Module) -> UserError:
    tokens = f"{len(prompt.ids)} tokens do not fit the memory of {model.device}"
    return UserError(f"{prompt.question.name}: {tokens}: use fewer examples")


def shared_prefix(rows: Sequence[tuple[int, ...]]) -> int:
    """The length of the prefix that all rows share; at least one token of each row is left out of it."""
    # In lexicographic order, all rows share what the first and the last one share.
    first, last = min(rows, key=tuple), max(rows, key=tuple)
    longest = min(len(row) for row in rows) - 1
    return next((place for place in range(longest) if first[place] != last[place]), longest)


def plan(lengths: Sequence[int | None], tokens_per_batch: int) -> list[list[int]]:
    """Group positions in `lengths` into batches of at most `tokens_per_batch` tokens (or of a single longer prompt).

    Prompts are sorted by length, the longest last; then those without a length, each on its own. The plan covers the whole
    list, so that a resumed run has the same batches.
    """
    groups: list[list[int]] = []
    room = 0
    known = {position: length for position, length in enumerate(lengths) if length is not None}
    for position, length in sorted(known.items(), key=lambda item: (item[1], item[0])):
        if not groups or length > room:
            groups.append([])
            room = tokens_per_batch
        groups[-1].append(position)
        room -= length
    return groups + [[position] for position, length in enumerate(lengths) if length is None]


def _one_at_a_time(model: torch.nn.Module, prompts: Sequence[Prompt], reason: str | None) -> Batches:
    return Batches(model, prompts, plan([len(prompt.ids) for prompt in prompts], 1), Limit(0, reason))
