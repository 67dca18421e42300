"""What a reply to a probe says: the right value, a stale one, another, that it does not know, or none of these.

Whole words count, upper and lower case alike. '2 January' is also 'January 2nd' and 'the 2nd of January'.
"""

import re
from functools import lru_cache

from mmlu_kit.recall.conversations import Material, Trial

OUTCOMES = ("right", "stale", "other", "not_knowing", "unclear")
# How 'your name is …' may go on without naming one.
_NO_VALUE = {"not", "unknown", "unclear", "something", "what", "whatever", "never", "only", "nothing"}


def outcome(reply: str, trial: Trial, material: Material) -> str:
    """One of OUTCOMES. `other` is any value that was not told, also where the reply makes up one that the material lacks:
    for a fact that was never told this is false recall. A reply that names a value and doubts it has named it."""
    fact = material.fact(trial.fact)
    named = [value for value in fact.values if names(reply, value)]
    if trial.value in named:
        # 'Your name is Alice, not Bruno.' is right, 'Your name is Bruno' is stale even if it goes on with 'or Alice'.
        stale = trial.stale in named and names(claimed(reply, fact.claims) or "", trial.stale)
        return "stale" if stale else "right"
    if trial.stale in named:
        return "stale"
    if named:
        return "other"
    if any(f" {' '.join(words(phrase))} " in f" {' '.join(words(reply))} " for phrase in material.not_knowing):
        return "not_knowing"
    return "other" if claimed(reply, fact.claims) else "unclear"


def keeps_rule(reply: str, word: str) -> bool:
    """Whether a reply's last word is the one asked for; punctuation and quotes after it do not matter."""
    return words(reply)[-1:] == (word.lower(),)


def names(reply: str, value: str) -> bool:
    """Whether a value's words stand in a reply, one after the other, in this order or reversed as dates may have them."""
    found, wanted = words(reply), words(value)
    runs = [found[place : place + len(wanted)] for place in range(len(found))]
    return wanted in runs or wanted[::-1] in runs


def claimed(reply: str, claims: tuple[str, ...]) -> str | None:
    """What a reply gives as the value after one of `claims`: up to three words, to the end of its clause."""
    for claim in claims:
        for clause in re.split(r"[.,;:!?\n()]| not | and | or | but ", reply.lower().replace("’", "'")):
            text = " ".join(words(clause))
            _, found, after = f" {text} ".partition(f" {' '.join(words(claim))} ")
            value = [word for word in after.split() if word not in ("a", "an", "the")]
            if found and 1 <= len(value) <= 3 and not _NO_VALUE & set(value):
                return " ".join(value)
    return None


@lru_cache(1000)  # a reply is looked through for every value
def words(text: str) -> tuple[str, ...]:
    """A text's words in lower case, without a possessive 's; ordinals are numbers, and the 'of' of dates is left out."""
    plain = re.sub(r"\b(\d+)(?:st|nd|rd|th)\b(?: of\b)?", r"\1", text.lower().replace("’", "'"))
    return tuple(re.findall(r"[^\W_]+(?:'[^\W_]+)?", re.sub(r"'s\b", "", plain)))
