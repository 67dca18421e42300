"""The first stage at which a run differs from the writeup: data, prompt, tokens, logits or parse, as far as files tell.

Of tokens nothing is known: the writeup publishes neither tokens nor its models' revisions, so that stage is never named.
"""

from mmlu_kit import formatting, settings, statistics

UNKNOWN = "no earlier stage is known to differ: the writeup publishes no hashes, no revisions and no single answers"


def first(
    published: dict, theirs: dict, prompt: dict, effective: dict, counts: dict, questions: int, accuracy: float | None = None
) -> tuple[str | None, str]:
    """(stage, what differs there); the stage is None where the files tell of no difference.

    `theirs` is a model of published.yaml, `prompt` and `effective` are this run's, `counts` its totals over what the writeup
    asked in so many `questions`; with the published `accuracy` (of generated letters) the reading of answers is looked at too.
    """
    found = _data(counts, questions) or _prompt(prompt, published["prompt"]) or _logits(effective, theirs)
    if not found and accuracy is not None:
        found = _parse(counts, accuracy)
    return found or (None, UNKNOWN)


def _data(counts: dict, questions: int) -> tuple[str, str] | None:
    if counts["questions"] == questions:
        return None
    return "data", f"{counts['questions']} questions here, {questions} there"


def _prompt(here: dict, there: dict) -> tuple[str, str] | None:
    if (here["preset"], here["examples"]) == (there["preset"], there["examples"]):
        return None
    asked = f"this run's prompt is `{here['preset']}` with {here['examples']} examples"
    return "prompt", f"{asked}; the writeup's, as far as it tells, was the bare question: `preset: {there['preset']}`"


def _logits(effective: dict, theirs: dict) -> tuple[str, str] | None:
    known = {name: theirs[name] or effective[name] for name in settings.SETTINGS}
    differs = settings.differences(known, effective)
    return ("logits", f"ran with {', '.join(differs)}") if differs else None


def _parse(counts: dict, accuracy: float) -> tuple[str, str] | None:
    low, high = statistics.wilson(counts["correct"], counts["questions"])
    best, rate = formatting.percent(counts["correct"] / counts["questions"]), counts["parsed"] / counts["questions"]
    line = f"best letter right in {best}, a letter could be read from {formatting.percent(rate)} of answers"
    return ("parse", line) if low <= accuracy <= high or rate < 0.95 else None
