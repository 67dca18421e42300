"""The outcome of a reply to a probe: the right value, a stale one, another value, 'I do not know', or none of these.

Whole words are compared, ignoring case. '2 January' equals 'January 2nd' and 'the 2nd of January'.
"""

import re
from collections.abc import Iterable
from functools import lru_cache

from mmlu_kit.recall.conversations import Material, Trial
from mmlu_kit.recall.documents import Outcome

# Words after 'your name is …' that show that no value follows.
_NO_VALUE = {"not", "unknown", "unclear", "something", "what", "whatever", "never", "only", "nothing"}


def outcome(reply: str, trial: Trial, material: Material) -> Outcome:
    """Return the outcome of a reply.

    `other` is any value that was not told, even a made-up one that the material lacks; for a fact that was never told this is
    false recall. A value counts as named even if the reply doubts it.
    """
    fact = material.fact(trial.fact)
    named = [value for value in fact.values if names(reply, value)]
    stale = trial.stale if trial.stale in named else None
    if trial.value in named:
        # 'Your name is Alice, not Bruno.' is right; 'Your name is Bruno or Alice.' is stale.
        return "stale" if stale and names(claimed(reply, fact.claims) or "", stale) else "right"
    if stale:
        return "stale"
    if named:
        return "other"
    if any(f" {' '.join(words(phrase))} " in f" {' '.join(words(reply))} " for phrase in material.not_knowing):
        return "not_knowing"
    return "other" if claimed(reply, fact.claims) else "unclear"


def keeps_rule(reply: str, word: str) -> bool:
    """Whether a reply's last word is the rule's word, ignoring punctuation and quotes after it."""
    return words(reply)[-1:] == (word.lower(),)


def names(reply: str, value: str) -> bool:
    """Whether a reply contains a value's words in a row, in this order or reversed as in dates."""
    reply_words, value_words = words(reply), words(value)
    runs = [reply_words[place : place + len(value_words)] for place in range(len(reply_words))]
    return value_words in runs or value_words[::-1] in runs


def claimed(reply: str, claims: Iterable[str]) -> str | None:
    """The value that a reply states after one of `claims` (up to three words, to the end of the clause), or None."""
    for claim in claims:
        for clause in re.split(r"[.,;:!?\n()]| not | and | or | but ", reply.lower().replace("’", "'")):
            text = " ".join(words(clause))
            _, separator, after = f" {text} ".partition(f" {' '.join(words(claim))} ")
            value = [word for word in after.split() if word not in ("a", "an", "the")]
            if separator and 1 <= len(value) <= 3 and not _NO_VALUE & set(value):
                return " ".join(value)
    return None


@lru_cache(1000)  # each reply is searched for every value
def words(text: str) -> tuple[str, ...]:
    """A text's words in lower case, without possessive 's; ordinals become numbers, and the 'of' in dates is dropped."""
    plain = re.sub(r"\b(\d+)(?:st|nd|rd|th)\b(?: of\b)?", r"\1", text.lower().replace("’", "'"))
    return tuple(re.findall(r"[^\W_]+(?:'[^\W_]+)?", re.sub(r"'s\b", "", plain)))
