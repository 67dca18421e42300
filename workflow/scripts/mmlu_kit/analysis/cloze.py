"""A cloze model's accuracy under each score."""

import math
from collections.abc import Sequence

from mmlu_kit.analysis import paired
from mmlu_kit.analysis.protocol_document import ClozeScores, ScoreAccuracy
from mmlu_kit.evaluation.answers import Record
from mmlu_kit.settings import PromptSettings


def cloze_scores(model: str, records: Sequence[Record], requested: PromptSettings) -> ClozeScores:
    """Return a model's accuracy if its choices are ranked by each known score; `records` have each question once."""
    ranked_by = requested.ranked_by
    right = {score: [record.predicted_by(score) == record.gold for record in records] for score in requested.scores}
    others = [score for score in requested.scores if score != ranked_by]
    differences = paired.with_holm([paired.paired_difference(right[score], right[ranked_by]) for score in others])
    against = dict(zip(others, differences, strict=True))
    tokens = [choice.tokens for record in records for choice in record.cloze or ()]
    return ClozeScores(
        model=model,
        ranked_by=ranked_by,
        tokens=math.fsum(tokens) / len(tokens),
        scores=[ScoreAccuracy(score=score, against=against.get(score), **paired.proportion(right[score])) for score in right],
    )
