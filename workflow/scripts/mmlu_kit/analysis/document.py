"""analysis.json: statistics on a study's answers and mistakes."""

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from mmlu_kit.analysis.protocol_document import ProtocolAnalysis
from mmlu_kit.data import Count, Data, Document, Fraction, Positive, at_most, version
from mmlu_kit.evaluation.answers import Choices
from mmlu_kit.inputs.question_faults import QuestionFault
from mmlu_kit.settings import FEWEST_CHOICES, LETTERS, MOST_CHOICES, Letter

P = Annotated[float, Field(ge=0, le=1)]
# Rounding may lift an agreement measure slightly above 1.
Agreement = Annotated[float, Field(ge=-1, le=1.000001)]
Statistic = Annotated[float, Field(ge=0)]
ModelPair = tuple[str, str]

MOST_HARDEST = 50


class Interval(Data):
    """A 95 % interval."""

    low: Fraction
    high: Fraction
    _order = model_validator(mode="after")(at_most("high", "low"))


class Share(Interval):
    """Right answers with Wilson's 95 % interval."""

    correct: Count
    wrong: Count
    unparsed: Count = Field(0, description="Answers without a letter, which are neither right nor wrong.")
    accuracy: Fraction = Field(description="Of all questions (micro average).")

    @model_validator(mode="after")
    def _within(self) -> Self:
        if not self.low - 1e-9 <= self.accuracy <= self.high + 1e-9:
            raise ValueError("accuracy is not within its interval")
        return self


class GeneratedShare(Share):
    """Right answers by the generated letter."""

    parse_rate: Fraction


class ReadableShare(Interval):
    """Accuracy on the answers that could be read, with Wilson's 95 % interval."""

    questions: Positive = Field(description="Answers that could be read.")
    accuracy: Fraction
    highest: Fraction = Field(description="The accuracy on all questions if every unreadable answer were right.")


class Guessing(Data):
    """Guessing, and exact tests against it on the answers with a letter, each one-sided.

    A guess is right once in the question's number of choices, so the number of right guesses is binomial, or Poisson-binomial
    if questions differ in their number of choices.
    """

    accuracy: Fraction = Field(description="The mean of one in the number of choices over all questions.")
    p: P = Field(description="p-value for an accuracy above guessing; 1 if there is no letter.")
    p_below: P = Field(description="p-value for an accuracy below guessing.")


class ConstantLetter(Data):
    """The letter that is right most often (for a cloze preset, the place of that choice), and the exact McNemar test of the
    model against always choosing it, both on the questions to which it gave a letter."""

    letter: Letter
    accuracy: Fraction
    p: P


class LetterShares(Data):
    """How a model treats one letter; for a cloze preset, whose prompts have no letters, A is the first choice and so on."""

    share: Fraction = Field(description="How often it was chosen, of the answers with a letter.")
    expected_share: Fraction = Field(
        description="This share if every choice of a question were chosen equally often: the mean over the answers with a "
        "letter of one in the number of choices, and of 0 where the question lacks the letter."
    )
    gold_share: Fraction = Field(description="How often it is right.")
    recall: Fraction | None = Field(
        description="How often it was chosen where it is right, of the answers with a letter; null if it never is."
    )


class CalibrationBin(Data):
    """A bin of confidences; the means are null if it is empty."""

    low: Fraction
    high: Fraction
    count: Count
    confidence: Fraction | None
    accuracy: Fraction | None


class Calibration(Data):
    """Whether a model's confidence matches its accuracy; confidence is the best letter's probability among the letters."""

    ece: Fraction = Field(description="Expected calibration error.")
    brier: Fraction = Field(description="The mean of (confidence - correct)².")
    bins: list[CalibrationBin] = Field(description="Of equal width.")


class ModelAnalysis(Data):
    """One model's statistics, over all questions of the study that it answered."""

    model: str
    label: str = Field(description="The model's name, with what ran instead of what was requested.")
    questions: Positive
    choices: dict[Choices, Positive] = Field(description="How many of the questions have each number of choices.")
    subjects: Positive
    best_letter: Share = Field(
        description="By the best answer: the most probable letter, the choice with the highest score (cloze), or the letter in "
        "an imported answer."
    )
    readable: ReadableShare | None = Field(None, description="Null if every answer has a letter, or none has.")
    read_by: dict[str, Positive] = Field(
        {}, description="How many imported answers each rule of results/answer_forms.py read; empty for models that were run."
    )
    unanswered: Count = Field(0, description="Questions without an imported answer, which are in none of these numbers.")
    generated: GeneratedShare | None = Field(
        description="By the letter that the model would have written; null if nothing is generated (cloze)."
    )
    macro_accuracy: Fraction = Field(description="The mean of the subjects' accuracies, by best answer.")
    clustered: Interval | None = Field(
        description="The 95 % interval of the accuracy clustered by subject: subjects, not questions, are the sample; null "
        "for fewer than ten subjects."
    )
    guessing: Guessing
    constant_letter: ConstantLetter
    letters: dict[Letter, LetterShares] = Field(description="As many letters as the question with the most choices has.")
    share_sd: Fraction = Field(
        description="Standard deviation of the letters' shares from their expected shares; these are equal, and this is the "
        "plain standard deviation, if all questions have as many choices."
    )
    recall_sd: Fraction | None = Field(
        description="Standard deviation of the letters' recalls, each less the model's accuracy on questions with as many "
        "choices as those where the letter is right; null if a letter is never right."
    )
    calibration: Calibration | None = Field(
        description="Null if the letters' probabilities are not known, or if there are none (cloze)."
    )
    warnings: list[str] = Field(description="Warnings about its numbers.")

    @model_validator(mode="after")
    def _within_questions(self) -> Self:
        shares = [share for share in (self.best_letter, self.generated) if share]
        if any(share.correct + share.wrong > self.questions for share in shares):
            raise ValueError("correct and wrong are more than questions")
        if sum(self.choices.values()) != self.questions:
            raise ValueError("choices does not count every question once")
        if list(self.letters) != list(LETTERS[: max(self.choices)]):
            raise ValueError(f"letters are not those of {max(self.choices)} choices, in order")
        if self.constant_letter.letter not in self.letters:
            raise ValueError("constant_letter is none of its letters")
        return self


class NullRate(Interval):
    """A rate under the null hypothesis, with its central 95 %."""

    mean: Fraction


class McNemar(Data):
    """The exact McNemar test of two accuracies."""

    only_first: Count = Field(description="Questions that only the first got right.")
    only_second: Count
    p: P
    p_holm: P = Field(description="Corrected for the number of pairs.")


class PairAnalysis(Data):
    """Two models on the questions that every model answered, by best answer.

    What is expected of independent models comes from their accuracies on questions with as many choices.

    Questions of which an imported answer of one of the two could not be read are left out.
    """

    models: ModelPair
    questions: Positive
    unread: Count = Field(0, description="Questions that were left out.")
    both_wrong: Count
    both_wrong_expected: Statistic = Field(description="Expected from the two accuracies if the models were independent.")
    kappa: Agreement | None = Field(description="Error consistency: Cohen's kappa of right and wrong.")
    kappa_max: Agreement | None = Field(description="The largest kappa that these accuracies allow.")
    capa: Agreement | None = Field(
        description="Chance-adjusted agreement of the letters, with each question's number of choices (Goel et al. 2025)."
    )
    same_wrong: Count = Field(description="Questions on which both chose the same wrong letter.")
    same_wrong_rate: Fraction | None = Field(description="Share of the questions that both missed.")
    same_wrong_null: NullRate | None = Field(
        description="This rate when one model's letters are permuted within subject, number of choices and right letter."
    )
    same_wrong_p: P | None = Field(
        description="p-value for agreeing more often than unrelated models with the same letter bias."
    )
    mcnemar: McNemar
    mcnemar_unread_wrong: McNemar | None = Field(
        None, description="The same test if unreadable answers counted as wrong; null if no question was left out."
    )
    smallest_difference: Fraction | None = Field(
        description="The smallest difference in accuracy that the exact McNemar test at 5 % would find with 80 % power."
    )
    _limits = model_validator(mode="after")(at_most("questions", "both_wrong"))
    _limits_wrong = model_validator(mode="after")(at_most("both_wrong", "same_wrong"))


class CochranQ(Data):
    """Cochran's Q test of whether the models' accuracies differ at all, on the questions with a letter of every model."""

    statistic: Statistic
    df: Positive
    p: P | None


class KendallW(Data):
    """How much the models agree on the order of subjects, from 0 to 1 (with Friedman's chi-square, corrected for ties)."""

    w: Annotated[float, Field(ge=0, le=1.000001)]
    chi2: Statistic
    df: Positive
    p: P | None


class Spearman(Data):
    """Rank correlation of two models' accuracies over subjects, with a permutation test."""

    models: ModelPair
    rho: Agreement | None
    p: P | None


class Difficulty(Data):
    """Which subjects are hard, and whether the models agree on that, by accuracies on the answers with a letter."""

    order: list[str] = Field(description="Subjects, hardest first, by the mean of the models' accuracies.")
    guessing: dict[str, Fraction] = Field(description="The accuracy of guessing on each of these subjects.")
    kendall_w: KendallW | None
    spearman: list[Spearman]

    @model_validator(mode="after")
    def _same_subjects(self) -> Self:
        if sorted(self.guessing) != sorted(self.order):
            raise ValueError("guessing is not of the subjects in order")
        return self


class ModelsWrong(Data):
    """How many questions 0, 1, … all models missed, observed and expected of independent models (Poisson-binomial) with these
    accuracies on questions with as many choices.

    Questions without a letter of every model are left out.

    The chi-square test pools counts with an expectation below five; it is null if too few counts are left.
    """

    models: Annotated[int, Field(ge=2)]
    questions: Positive
    observed: list[Count]
    expected: list[Statistic]
    chi2: Statistic | None
    df: Positive | None
    p: P | None

    @model_validator(mode="after")
    def _each_question(self) -> Self:
        if len(self.observed) != self.models + 1 or sum(self.observed) != self.questions:
            raise ValueError("observed is not every question once, by the number of models that missed it")
        if len(self.expected) != len(self.observed):
            raise ValueError("expected and observed are of different numbers of models")
        return self


class HardQuestion(Data):
    """A question to which all models chose a wrong letter."""

    subject: str
    index: Count
    question: str
    choices: Annotated[list[str], Field(min_length=FEWEST_CHOICES, max_length=MOST_CHOICES)]
    gold: Letter
    predicted: dict[str, Letter | None] = Field(description="Each model's best answer; null if it could not be read.")

    @model_validator(mode="after")
    def _are_choices(self) -> Self:
        letters = LETTERS[: len(self.choices)]
        if any(letter is not None and letter not in letters for letter in (self.gold, *self.predicted.values())):
            raise ValueError(f"gold or predicted is none of its {len(self.choices)} choices")
        return self


class LabelAccuracies(Data):
    """A model's accuracy on questions with a checked label to which it gave a letter; null where there are none."""

    model: str
    accuracy: Fraction | None = Field(description="On all checked questions.")
    accuracy_clean: Fraction | None
    accuracy_flagged: Fraction | None
    clean: Count = Field(description="Number of questions with a good label that it answered.")
    flagged: Count


class LabelErrors(Data):
    """Questions whose label MMLU-Redux checked, and accuracies on those with a good and with a flagged label."""

    checked: Count = Field(description="Questions of the study whose label was judged good or flagged.")
    flagged: Count
    unmatched: Count = Field(description="Checks of questions that the study does not have.")
    by_type: dict[str, Positive]
    models: list[LabelAccuracies]


class AnalysisFile(Document):
    """analysis.json: statistics on a study's answers and mistakes.

    A model's statistics are over all questions of the study that it answered; comparisons are over the questions that all
    compared models answered. A question that occurs more than once counts once, except in the accuracies of single subjects. An
    imported answer that could not be read is not a wrong letter: it lowers a model's accuracy on all questions, and every test
    leaves it out. Numbers are null if they are not defined or cannot be tested; the warnings say why.
    """

    schema_: Literal["mmlu-kit/analysis/4"] = version("mmlu-kit/analysis/4")
    study: str = Field(description="The study's name.")
    questions: Count = Field(description="Number of questions that all compared models answered.")
    models: list[ModelAnalysis] = Field(description="The models of the study's groups with results, in the report's order.")
    compared: list[str] = Field(
        description="The models that are compared with each other: of weights asked in several ways, the first."
    )
    pairs: list[PairAnalysis] = Field(description="Comparisons of every two models.")
    cochran_q: CochranQ | None = Field(description="Null for fewer than two models.")
    difficulty: Difficulty
    models_wrong: ModelsWrong | None = Field(description="Null for fewer than two models.")
    hardest: Annotated[list[HardQuestion], Field(max_length=MOST_HARDEST)] = Field(
        description="Questions that all models missed, starting with the lowest mean probability of the right letter."
    )
    question_faults: list[QuestionFault] = Field(description="Faults of the study's questions that change what numbers mean.")
    label_errors: LabelErrors | None = Field(description="Null if config names no folder of label checks.")
    warnings: list[str] = Field(description="Warnings about comparisons, and why numbers are null.")
    protocols: ProtocolAnalysis | None = Field(
        None,
        description="How much depends on how models are asked; null if no weights were asked in several ways and no model has "
        "a cloze preset or `orders: cyclic`.",
    )

    @property
    def compared_models(self) -> list[ModelAnalysis]:
        """The models that are compared with each other."""
        return [model for model in self.models if model.model in self.compared]
