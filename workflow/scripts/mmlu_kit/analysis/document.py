"""analysis.json: statistics on a study's answers and mistakes."""

from typing import Annotated, Literal

from pydantic import Field

from mmlu_kit.analysis.difficulty_document import MOST_HARDEST, CochranQ, Difficulty, HardQuestion, ModelsWrong
from mmlu_kit.analysis.discrimination_document import Discrimination
from mmlu_kit.analysis.label_document import LabelErrors
from mmlu_kit.analysis.model_document import ModelAnalysis
from mmlu_kit.analysis.pair_document import PairAnalysis
from mmlu_kit.analysis.precision_document import Comparison
from mmlu_kit.analysis.protocol_document import ProtocolAnalysis
from mmlu_kit.data import Count, Document, version
from mmlu_kit.inputs.question_faults import QuestionFault


class AnalysisFile(Document):
    """analysis.json: statistics on a study's answers and mistakes.

    A model's statistics are over all questions of the study that it answered; comparisons are over the questions that all
    compared models answered. A question that occurs more than once counts once, except in the accuracies of single subjects. An
    imported answer that could not be read is not a wrong letter: it lowers a model's accuracy on all questions, and every test
    leaves it out. Numbers are null if they are not defined or cannot be tested; the warnings say why.
    """

    schema_: Literal["mmlu-kit/analysis/6"] = version("mmlu-kit/analysis/6")
    study: str = Field(description="The study's name.")
    questions: Count = Field(description="Number of questions that all compared models answered.")
    models: list[ModelAnalysis] = Field(description="The models of the study's groups with results, in the report's order.")
    compared: list[str] = Field(
        description="The models that are compared with each other: of weights asked in several ways, the first."
    )
    pairs: list[PairAnalysis] = Field(description="Comparisons of every two models.")
    cochran_q: CochranQ | None = Field(description="Null for fewer than two models.")
    difficulty: Difficulty
    models_wrong: ModelsWrong | None = Field(
        description="Null for fewer than two models that do not nearly always choose one letter."
    )
    hardest: Annotated[list[HardQuestion], Field(max_length=MOST_HARDEST)] = Field(
        description="Questions that all models missed, starting with the lowest mean probability of the right letter."
    )
    discrimination: Discrimination | None = Field(description="Null for fewer than eight models.")
    question_faults: list[QuestionFault] = Field(description="Faults of the study's questions that change what numbers mean.")
    label_errors: LabelErrors | None = Field(description="Null if config names no folder of label checks.")
    warnings: list[str] = Field(description="Warnings about comparisons, and why numbers are null.")
    protocols: ProtocolAnalysis | None = Field(
        None,
        description="How much depends on how models are asked; null if no weights were asked in several ways and no model has "
        "a cloze preset or `orders: cyclic`.",
    )
    precisions: list[Comparison] = Field(
        [],
        description="Every two models that are the same weights (files with the same hashes), on the same device and asked "
        "alike, in another precision: number format or quantization.",
    )

    @property
    def compared_models(self) -> list[ModelAnalysis]:
        """The models that are compared with each other."""
        return [model for model in self.models if model.model in self.compared]

    @property
    def constant_models(self) -> list[ModelAnalysis]:
        """The compared models that nearly always choose one letter, which take no part in tests of what is hard."""
        return [model for model in self.compared_models if model.always]
