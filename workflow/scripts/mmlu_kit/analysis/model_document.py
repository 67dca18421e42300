"""The part of analysis.json on one model: its answers against guessing and a constant letter, its letters, its calibration."""

from typing import Self

from pydantic import Field, model_validator

from mmlu_kit.analysis.values import Interval, P
from mmlu_kit.data import Count, Data, Fraction, Positive
from mmlu_kit.evaluation.answers import Choices
from mmlu_kit.settings import LETTERS, Letter

NEARLY_ALWAYS = 0.95  # share of the answers with a letter


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

    @property
    def always(self) -> Letter | None:
        """The letter that it chose nearly always: nothing is concluded from what such a model gets right or wrong."""
        letter = max(self.letters, key=lambda name: self.letters[name].share)
        return letter if self.letters[letter].share >= NEARLY_ALWAYS else None

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
