"""Families: the same weights, loaded in the same way, asked and read in several ways."""

from collections.abc import Mapping, Sequence
from itertools import combinations

from mmlu_kit.analysis import paired
from mmlu_kit.analysis.model_answers import Answers, records_once, shared_once
from mmlu_kit.analysis.protocol_document import Family, ReadBy, Reading, ReadingAccuracy, ReadingPair
from mmlu_kit.evaluation.answers import Record, guessed
from mmlu_kit.results.merged import Merged
from mmlu_kit.results.protocols import protocol, same_weights
from mmlu_kit.settings import Orders, PromptSettings


def families(merged: Merged, answers: Mapping[str, Answers]) -> list[Family]:
    """Return the families among the models with results, in the report's order; of models asked alike, the first is in one."""
    groups: list[list[str]] = []
    for model in answers:
        if not merged.imported(model):
            group = next((group for group in groups if _same(merged, group[0], model)), None)
            if group is None:
                groups.append([model])
            elif protocol_of(merged, model) not in [protocol_of(merged, other) for other in group]:
                group.append(model)
    return [_family(merged, {model: answers[model] for model in group}) for group in groups if len(group) > 1]


def protocol_of(merged: Merged, model: str) -> str:
    """Return how a model that was run was asked, in words."""
    return protocol(merged.study.run[model].prompt)


def _same(merged: Merged, model: str, other: str) -> bool:
    """Whether two models differ at most in how they were asked: in what was requested, and in what ran."""
    entries, ran = merged.study.run, merged.models
    same_run = ran[model].effective == ran[other].effective and ran[model].parameters == ran[other].parameters
    return same_run and same_weights(entries[model], entries[other])


def _family(merged: Merged, answers: Mapping[str, Answers]) -> Family:
    readings = {model: _readings(merged.study.run[model].prompt) for model in answers}
    return Family(
        accuracies=[
            _accuracy(model, read_by, protocol_of(merged, model), records_once(answers[model]))
            for model in answers
            for read_by in readings[model]
        ],
        pairs=_pairs(answers, readings),
    )


def _readings(prompt: PromptSettings) -> list[ReadBy]:
    """Return how answers are read: where several orders were asked, a letter was generated in the first one alone."""
    generates = not prompt.preset.is_cloze and prompt.orders == Orders.GIVEN
    return [ReadBy.BEST, ReadBy.GENERATED] if generates else [ReadBy.BEST]


def _right(record: Record, read_by: ReadBy) -> bool:
    return bool(record.correct_generated) if read_by == ReadBy.GENERATED else record.correct


def _accuracy(model: str, read_by: ReadBy, words: str, records: Sequence[Record]) -> ReadingAccuracy:
    return ReadingAccuracy(
        model=model,
        read_by=read_by,
        protocol=words,
        guessing=guessed(record.choices for record in records) / len(records),
        **paired.proportion([_right(record, read_by) for record in records]),
    )


def _pairs(answers: Mapping[str, Answers], readings: Mapping[str, Sequence[ReadBy]]) -> list[ReadingPair]:
    """Return the pairs of readings that differ in one thing: how the model was asked, or how its answer is read."""
    every = [Reading(model=model, read_by=read_by) for model in answers for read_by in readings[model]]
    pairs = []
    for readings_ in combinations(every, 2):
        first, second = readings_
        places = shared_once(answers[first.model], answers[second.model])
        if places and (first.read_by == second.read_by or first.model == second.model):
            right = [[_right(answers[each.model][place], each.read_by) for place in places] for each in readings_]
            pairs.append(ReadingPair(readings=readings_, **dict(paired.paired_difference(*right))))
    return paired.with_holm(pairs)
