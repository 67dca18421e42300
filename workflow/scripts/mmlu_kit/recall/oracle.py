"""A reader that is no language model: it looks its answer up in the prompt by regular expressions.

It always finds a fact that is there, so its recall must equal the share of prompts that still hold the fact, to the last
trial. What a language model scores below it is due to the model, not to the strategy.
"""

import re

from mmlu_kit.recall.conversations import Material, with_word

UNKNOWN = "I do not know. You have not told me."


def reply(prompt: str, material: Material) -> str:
    """The answer to the last of the material's questions in a prompt's text: the newest statement wins, and without one the
    answer is UNKNOWN. The system message's rule is kept where the prompt has it."""
    fact = max(material.facts, key=lambda fact: prompt.rfind(fact.ask))
    values = re.findall(_pattern(fact.tell), prompt)
    answer = _addressed(fact.tell.format(value=values[-1])) if values else UNKNOWN
    words = re.findall(_pattern(material.rule), prompt)
    return with_word(answer, words[-1]) if words else answer


def _addressed(statement: str) -> str:
    """A user's statement as the assistant says it: 'My name is Alice.' is 'Your name is Alice.'"""
    return re.sub(r"\bmy\b", "your", re.sub(r"\bI\b", "you", re.sub(r"\bMy\b", "Your", statement)))


def _pattern(sentence: str) -> str:
    """A regular expression for a sentence; its group holds the value."""
    before, after = sentence.split("{value}")
    return f'{re.escape(before)}([^."\n]+){re.escape(after)}'
