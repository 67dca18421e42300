"""A reader that is no language model: it looks its answer up in the prompt by regular expressions.

It always finds a fact that is there, so its recall must equal the share of prompts that still hold the fact, to the last
trial; what a language model scores below it is the model's own, and not the strategy's.
"""

import re

from mmlu_kit.recall.conversations import Material, with_word

UNKNOWN = "I do not know. You have not told me."


def reply(prompt: str, material: Material) -> str:
    """The answer to the last of the material's questions in a prompt's text: the newest statement wins, and without one it
    does not know. The system message's rule is kept where the prompt has it."""
    asked = max(material.facts, key=lambda fact: prompt.rfind(fact.ask))
    stated = re.findall(_pattern(asked.tell), prompt)
    answer = asked.tell.format(value=stated[-1]) if stated else UNKNOWN
    # 'My name is Alice.' is a user's to say.
    answer = re.sub(r"\bmy\b", "your", re.sub(r"\bI\b", "you", re.sub(r"\bMy\b", "Your", answer))) if stated else answer
    words = re.findall(_pattern(material.rule), prompt)
    return with_word(answer, words[-1]) if words else answer


def _pattern(sentence: str) -> str:
    """A regular expression for a sentence; its group holds the value."""
    before, after = sentence.split("{value}")
    return f'{re.escape(before)}([^."\n]+){re.escape(after)}'
