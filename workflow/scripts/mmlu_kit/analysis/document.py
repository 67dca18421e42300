"""analysis.json: what a study's mistakes say."""

from typing import Annotated, Literal

from pydantic import Field

from mmlu_kit.data import Count, Data, Document, Fraction, Positive, version
from mmlu_kit.settings import Letter

P = Annotated[float, Field(ge=0, le=1)]
# Agreement measures reach 1 but for rounding.
Agreement = Annotated[float, Field(ge=-1, le=1.000001)]
Statistic = Annotated[float, Field(ge=0)]
ModelPair = tuple[str, str]

MOST_HARDEST = 50


class Interval(Data):
    """A 95 % interval."""

    low: Fraction
    high: Fraction


class Share(Interval):
    """Right answers with Wilson's 95 % interval."""

    correct: Count
    wrong: Count
    accuracy: Fraction = Field(description="Of all questions (micro average).")


class GeneratedShare(Share):
    """The same by the generated letter; an answer without a letter is unparsed, not wrong."""

    unparsed: Count
    parse_rate: Fraction


class Guessing(Data):
    """Exact binomial tests against guessing, each one-sided."""

    p: P = Field(description="Of an accuracy above it.")
    p_below: P = Field(description="Of an accuracy below it.")


class ConstantLetter(Data):
    """The letter that is right most often, and the exact McNemar test of the model against always choosing it."""

    letter: Letter
    accuracy: Fraction
    p: P


class LetterShares(Data):
    """How a model treats one letter."""

    share: Fraction = Field(description="How often it was chosen.")
    gold_share: Fraction = Field(description="How often it is right.")
    recall: Fraction | None = Field(description="How often it was chosen where it is right; null where it never is.")


class CalibrationBin(Data):
    """A bin of confidences; the means are null where it is empty."""

    low: Fraction
    high: Fraction
    count: Count
    confidence: Fraction | None
    accuracy: Fraction | None


class Calibration(Data):
    """Whether a model is right as often as it is sure; confidence is the best letter's probability among the letters."""

    ece: Fraction = Field(description="Expected calibration error.")
    brier: Fraction = Field(description="The mean of (confidence - correct)².")
    bins: list[CalibrationBin] = Field(description="Of equal width.")


class ModelAnalysis(Data):
    """One model's own numbers, over all questions of the study that it answered."""

    model: str
    label: str = Field(description="Its name, with what ran instead of what was requested.")
    questions: Positive
    subjects: Positive
    best_letter: Share = Field(description="By the most probable letter.")
    generated: GeneratedShare = Field(description="By the letter that the model would have written.")
    macro_accuracy: Fraction = Field(description="The mean of the subjects' accuracies, by best letter.")
    clustered: Interval | None = Field(
        description="The 95 % interval of the accuracy with subjects, not questions, as what was sampled; null under ten "
        "subjects."
    )
    guessing: Guessing
    constant_letter: ConstantLetter
    letters: dict[Letter, LetterShares]
    share_sd: Fraction = Field(description="Standard deviation of the letters' shares.")
    recall_sd: Fraction | None = Field(description="Standard deviation of the letters' recalls.")
    calibration: Calibration | None = Field(description="Null where the letters' probabilities are not known.")
    warnings: list[str] = Field(description="What must be said next to its numbers.")


class NullRate(Interval):
    """A rate under the null hypothesis, with its middle 95 %."""

    mean: Fraction


class McNemar(Data):
    """The exact McNemar test of two accuracies."""

    only_first: Count = Field(description="Questions that the first alone got right.")
    only_second: Count
    p: P
    p_holm: P = Field(description="Corrected for the number of pairs.")


class PairAnalysis(Data):
    """Two models on the questions that every model answered, by best letter."""

    models: ModelPair
    questions: Positive
    both_wrong: Count
    both_wrong_expected: Statistic = Field(description="From the two accuracies if models were independent.")
    kappa: Agreement | None = Field(description="Error consistency: Cohen's kappa of right and wrong.")
    kappa_max: Agreement | None = Field(description="The largest kappa that these accuracies allow.")
    capa: Agreement | None = Field(description="Chance-adjusted agreement of the letters (Goel et al. 2025).")
    same_wrong: Count = Field(description="Questions for which both chose the same wrong letter.")
    same_wrong_rate: Fraction | None = Field(description="Of the questions that both missed.")
    same_wrong_null: NullRate | None = Field(
        description="That rate where one model's letters are permuted within subject and right letter."
    )
    same_wrong_p: P | None = Field(description="That unrelated models with this letter bias agree as often.")
    mcnemar: McNemar
    smallest_difference: Fraction | None = Field(
        description="The smallest difference in accuracy that the exact McNemar test at 5 % would find with 80 % power."
    )


class CochranQ(Data):
    """Whether the models' accuracies differ at all."""

    statistic: Statistic
    df: Positive
    p: P | None


class KendallW(Data):
    """How alike the models order the subjects, from 0 to 1 (Friedman's chi-square, corrected for ties)."""

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
    """Which subjects are hard, and whether models agree on it."""

    order: list[str] = Field(description="Subjects, hardest first, by the mean of the models' accuracies.")
    kendall_w: KendallW | None
    spearman: list[Spearman]


class ModelsWrong(Data):
    """How many questions 0, 1, … all models missed, beside independent models (Poisson-binomial).

    The chi-square pools counts with an expectation below five; it is null where too few are left.
    """

    models: Annotated[int, Field(ge=2)]
    questions: Positive
    observed: list[Count]
    expected: list[Statistic]
    chi2: Statistic | None
    df: Positive | None
    p: P | None


class HardQuestion(Data):
    """A question that all models missed."""

    subject: str
    index: Count
    question: str
    choices: list[str]
    gold: Letter
    predicted: dict[str, Letter | None] = Field(description="Each model's best letter; null where none could be parsed.")


class LabelAccuracies(Data):
    """A model's accuracy on the questions whose label was checked; null where it answered none."""

    model: str
    accuracy: Fraction | None = Field(description="On all checked questions.")
    accuracy_clean: Fraction | None
    accuracy_flagged: Fraction | None
    clean: Count = Field(description="How many good ones it answered.")
    flagged: Count


class LabelErrors(Data):
    """Questions whose label MMLU-Redux checked, and accuracies on the good and the flagged ones."""

    checked: Count = Field(description="Questions of the study that were found good or flagged.")
    flagged: Count
    unmatched: Count = Field(description="Checks of questions that the study does not have.")
    by_type: dict[str, Positive]
    models: list[LabelAccuracies]


class AnalysisFile(Document):
    """analysis.json: what a study's mistakes say.

    A model's own numbers are over all questions of the study that it answered; comparisons are over the questions that every
    model shown answered. Numbers are null where they are not defined or cannot be tested, with the reason among the warnings.
    """

    schema_: Literal["mmlu-kit/analysis/2"] = version("mmlu-kit/analysis/2")
    study: str = Field(description="Its name.")
    questions: Count = Field(description="How many every model shown answered.")
    models: list[ModelAnalysis] = Field(description="The models of the study's groups with results, in the report's order.")
    pairs: list[PairAnalysis] = Field(description="Every two models.")
    cochran_q: CochranQ | None = Field(description="Null under two models.")
    difficulty: Difficulty
    models_wrong: ModelsWrong | None = Field(description="Null under two models.")
    hardest: Annotated[list[HardQuestion], Field(max_length=MOST_HARDEST)] = Field(
        description="Questions that all models missed, those first whose right letter they found least probable."
    )
    label_errors: LabelErrors | None = Field(description="Null where config names no folder of label checks.")
    warnings: list[str] = Field(description="What must be said of comparisons, and why numbers are null.")
