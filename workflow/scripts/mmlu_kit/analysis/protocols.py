"""How much depends on how models are asked and read: the part of analysis.json on protocols."""

from collections.abc import Sequence
from pathlib import Path

from mmlu_kit.analysis import unchanged
from mmlu_kit.analysis.choice_orders import order_effects
from mmlu_kit.analysis.cloze import cloze_scores
from mmlu_kit.analysis.families import families
from mmlu_kit.analysis.model_answers import answers_by_model, records_once
from mmlu_kit.analysis.protocol_document import ProtocolAnalysis
from mmlu_kit.evaluation.records import Evaluation, NotRun
from mmlu_kit.results.merged import Merged
from mmlu_kit.settings import Orders


def analyse_protocols(merged: Merged, outcomes: Sequence[Evaluation | NotRun]) -> ProtocolAnalysis | None:
    """Return what depends on protocols; None if there is nothing to compare. `outcomes` are what merged.json was made from."""
    answers = answers_by_model(merged, outcomes)
    prompts = {model: entry.prompt for model, entry in merged.study.run.items() if model in answers}
    analysis = ProtocolAnalysis(
        families=families(merged, answers),
        cloze=[
            cloze_scores(model, records_once(answers[model]), prompts[model])
            for model in answers
            if model in prompts and prompts[model].preset.is_cloze
        ],
        orders=[
            order_effects(model, records_once(answers[model]))
            for model in answers
            if model in prompts and prompts[model].orders == Orders.CYCLIC
        ],
    )
    return analysis if analysis.families or analysis.cloze or analysis.orders else None


def check(path: Path, analysis: ProtocolAnalysis | None, merged: Merged, outcomes: Sequence[Evaluation | NotRun]) -> None:
    """Raise UserError that names the first value of this part of analysis.json that is not what the answers give."""
    plain, expected = (each and each.plain() for each in (analysis, analyse_protocols(merged, outcomes)))
    unchanged.check(path, "protocols", plain, expected)
