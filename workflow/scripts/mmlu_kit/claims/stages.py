"""The first stage at which a run differs from the writeup: data, prompt, tokens, logits or parse, as far as files tell.

The stage `tokens` is never named: the writeup publishes neither tokens nor its models' revisions.
"""

from dataclasses import dataclass

from mmlu_kit import formatting, settings, statistics
from mmlu_kit.claims.document import Stage
from mmlu_kit.claims.reference import Published, PublishedModel, PublishedPrompt
from mmlu_kit.claims.rows import Counted, Reason
from mmlu_kit.settings import Effective, PromptSettings

UNKNOWN = "no earlier stage is known to differ: the writeup publishes no hashes, no revisions and no single answers"
READABLE = 0.95  # below this share of parsed answers, parsing is what differs

Difference = tuple[Stage, Reason]


@dataclass(frozen=True)
class _Published:
    """A published configuration; what is not published is taken to be this run's."""

    device: str
    dtype: str
    quantization: str


def first_difference(
    published: Published,
    name: str,
    prompt: PromptSettings,
    effective: Effective,
    counts: Counted,
    questions: int,
    accuracy: float | None = None,
) -> tuple[Stage | None, Reason]:
    """Return the first stage that differs and what differs there; the stage is None where the files tell of no difference.

    `name` is the writeup's model, `prompt` and `effective` are how this run asked and ran it, and `counts` are its answers
    where the writeup asked so many `questions`. With the published `accuracy` (of generated letters) the parsing of answers is
    looked at too.
    """
    difference = _data(counts, questions) or _prompt(prompt, published.prompt) or _logits(effective, published.models[name])
    if not difference and accuracy is not None:
        difference = _parse(counts, accuracy)
    return difference or (None, UNKNOWN)


def _data(counts: Counted, questions: int) -> Difference | None:
    if counts.questions == questions:
        return None
    return "data", f"{counts.questions} questions here, {questions} there"


def _prompt(here: PromptSettings, there: PublishedPrompt) -> Difference | None:
    if (here.preset, here.examples) == (there.preset, there.examples):
        return None
    prompt = f"this run's prompt is `{here.preset}` with {formatting.plural(here.examples, 'example')}"
    return "prompt", f"{prompt}; the writeup's, as far as it tells, was the bare question: `preset: {there.preset}`"


def _logits(effective: Effective, model: PublishedModel) -> Difference | None:
    published = _Published(model.device, model.dtype or effective.dtype, model.quantization)
    differs = settings.differences(published, effective)
    return ("logits", f"ran with {', '.join(differs)}") if differs else None


def _parse(counts: Counted, accuracy: float) -> Difference | None:
    low, high = statistics.wilson(counts.correct, counts.questions)
    parsed = counts.parsed / counts.questions
    if not low <= accuracy <= high and parsed >= READABLE:
        return None
    best_letter = f"best letter right in {formatting.percent(counts.correct / counts.questions)}"
    return "parse", f"{best_letter}, a letter could be parsed from {formatting.percent(parsed)} of answers"
