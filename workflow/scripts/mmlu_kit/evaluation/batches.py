"""Batches of prompts: which are scored together, and the logits after each prompt of a batch.

Prompts are packed (see packing.py) where that is exact for the model, and scored one at a time where it is not. One batch is
scored first, and its longest prompt is scored alone as well: being the last in its row, it would show what leaks from others.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from mmlu_kit.evaluation import packability, packing
from mmlu_kit.evaluation.encoding import Prompt
from mmlu_kit.evaluation.packability import Limit
from mmlu_kit.evaluation.packing import NotPackable, PackedScorer
from mmlu_kit.evaluation.records import Packing
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
        return self._score([self.prompts[position] for position in self.groups[number]]) if ready is None else ready

    def packing(self) -> Packing:
        """How many prompts are packed, and why the others are not."""
        alone = sum(not self._packs(prompt) for prompt in self.prompts)
        return Packing(packed=len(self.prompts) - alone, alone=alone, reason=self.limit.reason if alone else None)

    def order(self) -> list[int]:
        """The groups' numbers, those that are scored already first."""
        return sorted(range(len(self.groups)), key=lambda number: number not in self.logits)

    def _packs(self, prompt: Prompt) -> bool:
        return self.scorer is not None and self.limit.allows(len(prompt.ids))

    def _score(self, prompts: Sequence[Prompt]) -> torch.Tensor:
        """Score prompts that are all packed, or a single one; a group that does not fit the memory is halved."""
        try:
            if self.scorer is not None and self._packs(prompts[0]):
                return self.scorer([prompt.ids[self.scorer.start :] for prompt in prompts])
            return packing.score_unpacked(self.model, prompts[0].ids)
        except NotPackable:
            raise
        except Exception as error:
            name, length = prompts[0].question.name, len(prompts[0].ids)
            # CUDA has an error class for this; on a CPU only the message tells.
            if not isinstance(error, torch.OutOfMemoryError) and "allocate memory" not in str(error):
                problem = f"the model's own code fails ({type(error).__name__}: {str(error).strip()[:200]})"
                raise ModelFails(f"{name}: {problem}: use another dtype, quantization, device or model") from error
            if len(prompts) == 1:
                raise UserError(
                    f"{name}: {length} tokens do not fit the memory of {self.model.device}: use fewer examples"
                ) from None
        # Outside the handler, since the traceback would keep the failed batch's memory alive.
        torch.cuda.empty_cache()
        half = len(prompts) // 2
        return torch.cat([self._score(part) for part in (prompts[:half], prompts[half:])])


def choose(model: torch.nn.Module, prompts: Sequence[Prompt], tokens_per_batch: int | None) -> Batches:
    """Plan the batches of `prompts`, at most `tokens_per_batch` tokens each; None asks for one prompt at a time."""
    if tokens_per_batch is None:
        return _one_at_a_time(model, prompts, "one question at a time is requested")
    limit = packability.limit(model)
    rows = [prompt.ids for prompt in prompts if limit.allows(len(prompt.ids))]
    if not rows:
        return _one_at_a_time(model, prompts, limit.reason)
    start = shared_prefix(rows)
    lengths = [len(prompt.ids) - start if limit.allows(len(prompt.ids)) else None for prompt in prompts]
    groups = plan(lengths, tokens_per_batch)
    packed = [number for number, group in enumerate(groups) if limit.allows(len(prompts[group[0]].ids))]
    number = next((number for number in reversed(packed) if len(groups[number]) > 1), packed[-1])
    checked = prompts[groups[number][-1]]
    try:
        scorer = PackedScorer(model, checked.ids, start)
        batches = Batches(model, prompts, groups, limit, scorer)
        batches.logits[number] = batches.score(number)
        problem = packability.difference(scorer.own, batches.logits[number][-1], checked, model.dtype)
    except NotPackable as error:
        problem = str(error)
    except ModelFails as error:
        problem = f"packing it raises {type(error.__cause__).__name__}"
    except UserError:  # the memory
        raise
    except Exception as error:  # whatever the code of a model's class raises
        problem = f"packing it raises {type(error).__name__}"
    return _one_at_a_time(model, prompts, problem) if problem else batches


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
