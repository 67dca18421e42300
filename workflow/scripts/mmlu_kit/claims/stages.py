"""The first stage at which a run is known to differ from a publication: data, prompt, tokens, logits or parse.

The stage `tokens` is never returned, because neither tokens nor model revisions are published.
"""

from dataclasses import dataclass

from mmlu_kit import formatting, settings
from mmlu_kit.claims.document import Stage
from mmlu_kit.claims.reference import Published, PublishedModel, PublishedPrompt
from mmlu_kit.claims.rows import Reason
from mmlu_kit.evaluation.answers import Totals
from mmlu_kit.settings import Effective, PromptSettings

UNKNOWN = "no earlier stage is known to differ: no hashes, no revisions and no single answers are published"
PARSED = 0.95  # with a smaller share of parsed answers, parsing counts as different

Difference = tuple[Stage, Reason]


@dataclass(frozen=True)
class _Published:
    """A published configuration; what is not published is assumed to equal this run's."""

    device: str
    dtype: str
    quantization: str


def first_difference(
    published: Published,
    name: str,
    prompt: PromptSettings,
    effective: Effective,
    counts: Totals,
    questions: int,
    accuracy: float | None = None,
) -> tuple[Stage | None, Reason]:
    """Return the first stage that differs and what differs there; the stage is None if no difference is known.

    `name` is the published model; `prompt`, `effective` and `counts` are this run's; `questions` is the number that was
    asked there. If the published `accuracy` (by the generated letter) is given, the parsing of answers is checked too.
    """
    difference = _data(counts, questions) or _prompt(prompt, published.prompt) or _logits(effective, published.models[name])
    if not difference and accuracy is not None:
        difference = _parse(counts, accuracy, published.allowance(counts.questions, questions))
    return difference or (None, UNKNOWN)


def _data(counts: Totals, questions: int) -> Difference | None:
    if counts.questions == questions:
        return None
    return "data", f"{counts.questions} questions in this run, {questions} in the publication"


def _prompt(prompt: PromptSettings, published: PublishedPrompt | None) -> Difference | None:
    if not published or (prompt.preset, prompt.examples) == (published.preset, published.examples):
        return None
    here = f"this run's prompt is `{prompt.preset}` with {formatting.plural(prompt.examples, 'few-shot example')}"
    examples = formatting.plural(published.examples, "few-shot example")
    return "prompt", f"{here}; the published one is, as far as is known, `{published.preset}` with {examples}"


def _logits(effective: Effective, model: PublishedModel) -> Difference | None:
    published = _Published(model.device, model.dtype or effective.dtype, model.quantization)
    differs = settings.differences(published, effective)
    return ("logits", f"ran with {', '.join(differs)}") if differs else None


def _parse(counts: Totals, accuracy: float, allowance: int) -> Difference | None:
    if counts.parsed is None:
        return None
    parsed = counts.parsed / counts.questions
    if abs(counts.correct - round(accuracy * counts.questions)) > allowance and parsed >= PARSED:
        return None
    best_letter = f"the best letter is right in {formatting.percent(counts.correct / counts.questions)}"
    return "parse", f"{best_letter}, and a letter could be parsed from {formatting.percent(parsed)} of the answers"
