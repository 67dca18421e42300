"""The error analysis's part on accuracy: each model against guessing and against a constant letter."""

from dataclasses import dataclass

from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.analysis.model_document import ModelAnalysis, Share
from mmlu_kit.formatting import percent
from mmlu_kit.report import cells
from mmlu_kit.report.cells import Row, Rows, interval
from mmlu_kit.report.sentences import accuracy


@dataclass(frozen=True)
class Guessing:
    """The table of accuracies, what its test is called, a sentence on each model, and one on those that guess.

    `generated` is the table by the generated letter, `readings` one of the readings of which some answers could not be read;
    each is empty without any.
    """

    headings: Row
    accuracies: Rows
    generated: Rows
    readings: Rows
    test: str
    sentences: list[str]
    guessers: str | None


def part(analysis: AnalysisFile, best: str) -> Guessing:
    """Return the part; `best` is what the best answer is called."""
    return Guessing(
        headings=[
            *("Model", "Accuracy", "95% interval", "By subjects", "Mean of subjects", "Against guessing"),
            "Best constant letter" if best == "best letter" else "Best constant choice",
        ],
        accuracies=[_accuracies(model) for model in analysis.models],
        generated=[_generated(model) for model in analysis.models if model.generated],
        readings=[_reading(model.label, name, share) for model in analysis.models for name, share in accuracy.readings(model)],
        test=accuracy.binomial_test(analysis.models).replace("exact", "exact one-sided"),
        sentences=[accuracy.guessing(model) for model in analysis.models],
        guessers=accuracy.guessers(analysis.models),
    )


def _accuracies(model: ModelAnalysis) -> Row:
    best, constant = model.best_letter, model.constant_letter
    return [
        model.label,
        percent(best.accuracy),
        interval(best.low, best.high),
        interval(model.clustered.low, model.clustered.high) if model.clustered else cells.NOT_KNOWN,
        percent(model.macro_accuracy),
        accuracy.against_guessing(model),
        f"{constant.letter}: {percent(constant.accuracy)}",
    ]


def _generated(model: ModelAnalysis) -> Row:
    generated = model.generated
    assert generated
    counts = map(str, (generated.correct, generated.wrong, generated.unparsed))
    return [model.label, percent(generated.accuracy), interval(generated.low, generated.high), *counts]


def _reading(label: str, name: str, share: Share) -> Row:
    """Return the accuracy by one reading: on the answers that could be read, and its bounds whatever the others are."""
    readable, questions = share.readable, share.correct + share.wrong + share.unparsed
    known = [percent(readable.accuracy), interval(readable.low, readable.high)] if readable else [cells.NOT_KNOWN] * 2
    highest = readable.highest if readable else 1.0
    read = f"{questions - share.unparsed:,} of {questions:,}"
    return [label, name, read, *known, percent(share.accuracy), percent(highest)]
