"""A reader without a language model: it finds the answer in the prompt with regular expressions.

It finds every fact that the prompt contains, so its recall must equal the share of prompts with the fact exactly. If a language
model recalls fewer, that is due to the model and not to the strategy.
"""

import re

from mmlu_kit.recall.conversations import Material, with_word

UNKNOWN = "I do not know. You have not told me."


def reply(prompt: str, material: Material) -> str:
    """Answer the last of the material's questions in a prompt.

    The newest statement of the fact counts; without one the answer is UNKNOWN. If the prompt has a rule, the answer follows it.
    """
    fact = max(material.facts, key=lambda fact: prompt.rfind(fact.ask))
    values = re.findall(_pattern(fact.tell), prompt)
    answer = _addressed(fact.tell.format(value=values[-1])) if values else UNKNOWN
    words = re.findall(_pattern(material.rule), prompt)
    return with_word(answer, words[-1]) if words else answer


def _addressed(statement: str) -> str:
    """Turn a user's statement into the assistant's: 'My name is Alice.' becomes 'Your name is Alice.'"""
    return re.sub(r"\bmy\b", "your", re.sub(r"\bI\b", "you", re.sub(r"\bMy\b", "Your", statement)))


def _pattern(sentence: str) -> str:
    """A regular expression for a sentence, with a group for the value."""
    before, after = sentence.split("{value}")
    return f'{re.escape(before)}([^."\n]+){re.escape(after)}'
