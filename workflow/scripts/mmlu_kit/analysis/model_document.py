"""The part of analysis.json on one model: its answers against guessing and a constant letter, its letters, its calibration."""

from typing import Annotated, Self

from pydantic import Field, model_validator

from mmlu_kit.analysis.values import Interval, P
from mmlu_kit.data import Count, Data, Fraction, Positive
from mmlu_kit.evaluation.answers import Choices
from mmlu_kit.settings import LETTERS, Letter

NEARLY_ALWAYS = 0.95  # share of the answers with a letter
FEWEST_ALWAYS = 10  # answers with a letter; fewer may be the same by chance
FEWEST_QUESTIONS = 100  # numbers of fewer are descriptive only
_ROUNDING = 1e-9


class ReadableShare(Interval):
    """Accuracy on the answers that have a letter, with Wilson's 95 % interval.

    All that is known of the accuracy on all questions is that it lies between the one that counts the others as not right and
    `highest`.
    """

    questions: Positive = Field(description="Answers that have a letter.")
    accuracy: Fraction
    highest: Fraction = Field(description="The accuracy on all questions if every answer without a letter were right.")


class Share(Interval):
    """Right answers with Wilson's 95 % interval."""

    correct: Count
    wrong: Count
    unparsed: Count = Field(description="Answers without a letter, which are neither right nor wrong.")
    accuracy: Fraction = Field(description="Of all questions (micro average), answers without a letter counted as not right.")
    readable: ReadableShare | None = Field(description="Null if every answer has a letter, or none has.")

    @model_validator(mode="after")
    def _within(self) -> Self:
        if not self.low - _ROUNDING <= self.accuracy <= self.high + _ROUNDING:
            raise ValueError("accuracy is not within its interval")
        return self

    @model_validator(mode="after")
    def _readable(self) -> Self:
        answered, readable = self.correct + self.wrong, self.readable
        if readable is None:
            return self
        if readable.questions != answered or abs(readable.accuracy - self.correct / answered) > _ROUNDING:
            raise ValueError("readable is not of the right and wrong answers")
        return self


class GeneratedShare(Share):
    """Right answers by the generated letter."""

    parse_rate: Fraction


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


class Spread(Data):
    """The standard deviation of the letters' shares or recalls, beside the one that chance gives.

    By chance is the mean of simulated models that prefer no letter: on the same questions, of the same accuracy on questions
    with as many choices, with all wrong choices equally likely.
    """

    sd: Fraction
    by_chance: Fraction
    p: P = Field(description="p-value for a standard deviation this large by chance, from the simulated models.")
    p_holm: P = Field(description="Corrected for the number of models.")


class CalibrationBin(Interval):
    """A bin of confidences, with Wilson's 95 % interval of its accuracy."""

    least: Fraction = Field(description="The smallest confidence in the bin.")
    most: Fraction
    count: Positive
    confidence: Fraction = Field(description="Their mean.")
    accuracy: Fraction


class ExpectedError(Interval):
    """The expected calibration error (ECE), the mean over questions of |confidence - accuracy| of their bin, with the
    interval of the ECE that all such questions would have.

    The ECE of a calibrated model is above 0 by chance: `calibrated` is its mean in random draws, in which each answer is right
    with the probability that is its confidence.
    """

    ece: Fraction
    calibrated: Fraction
    p: P = Field(description="p-value for an ECE this large if the model is calibrated, from these draws.")


class Temperature(Data):
    """Temperature scaling (Guo et al. 2017): log-probabilities are divided by the temperature that makes right letters most
    likely; above 1 it lowers confidences."""

    temperature: Annotated[float, Field(gt=0)] = Field(description="Fitted to all questions.")
    ece: Fraction = Field(
        description="The ECE at a temperature; each fifth of the questions gets the one fitted to the other four."
    )


class ConfidenceGap(Data):
    """The mean over questions of confidence less correctness, with its 95 % interval and the t-test against 0."""

    difference: Annotated[float, Field(ge=-1, le=1)]
    low: float
    high: float
    p: P
    clustered: bool = Field(description="Whether subjects, not questions, are the sample: with ten subjects or more.")


class Calibration(Data):
    """Whether a model's confidence matches its accuracy; confidence is the best letter's probability among the letters."""

    confidence: Fraction = Field(description="Its mean.")
    gap: ConfidenceGap | None = Field(description="Null with fewer than five right or five wrong answers.")
    error: ExpectedError
    temperature: Temperature | None = Field(
        description="Null for fewer than 100 questions, or if no temperature between 0.05 and 50 makes the right letters most "
        "likely."
    )
    brier: Fraction = Field(description="The mean of (confidence - correct)².")
    bins: list[CalibrationBin] = Field(
        description="Ten bins with as many questions each, by rank of confidence; fewer if they had fewer than ten questions. "
        "Equal confidences share a bin."
    )


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
        "for fewer than ten subjects, or if the accuracy is the same in each."
    )
    guessing: Guessing
    constant_letter: ConstantLetter
    letters: dict[Letter, LetterShares] = Field(description="As many letters as the question with the most choices has.")
    letter_spread: Spread = Field(
        description="Standard deviation of the letters' shares from their expected shares; these are equal, and this is the "
        "plain standard deviation, if all questions have as many choices."
    )
    recall_spread: Spread | None = Field(
        description="Standard deviation of the letters' recalls (RStd, Zheng et al. 2024), each less the model's accuracy on "
        "questions with as many choices as those where the letter is right; null if a letter is never right."
    )
    calibration: Calibration | None = Field(
        description="Null if the letters' probabilities are not known, or if there are none (cloze)."
    )
    warnings: list[str] = Field(description="Warnings about its numbers.")

    @property
    def always(self) -> Letter | None:
        """The letter that it chose nearly always: nothing is concluded from what such a model gets right or wrong."""
        letter = max(self.letters, key=lambda name: self.letters[name].share)
        enough = self.best_letter.correct + self.best_letter.wrong >= FEWEST_ALWAYS
        return letter if enough and self.letters[letter].share >= NEARLY_ALWAYS else None

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
