"""Cut a generated text down to its answer: without the model's reasoning, a later question, or a later turn.

Reasoning is not the answer. It stands between the marks of the models' publishers, which may be nested or repeated; an unclosed
thought runs to the end of the text. A closing mark without an opening one closes a thought that the prompt opened (DeepSeek-R1,
QwQ), so all text before it is thought. The answer is the last text outside thoughts.

A model that goes on after its answer writes the next question in the form of its prompt, or the next turn of the conversation.
That text does not belong to the answer.
"""

import re
from collections.abc import Iterator

_NAMES = r"(?:\w{1,20}:)?(?:think|thinking|longcat_think|thoughts?|reason|reasoning|analysis|reflection|scratchpad|cot)"


def _tag(before: str) -> str:
    """The marks of one side: <think>, <seed:think>, [THINK], ◁think▷, <|begin_of_thought|>, <|START_THINKING|>."""
    return rf"(?i:<\|?{before}{_NAMES}\|?>|\[{before}{_NAMES}\]|◁{before}{_NAMES}▷)"


_OPEN_TAG, _CLOSE_TAG = _tag("(?:(?:begin|start)_(?:of_)?)?"), _tag("(?:/|end_(?:of_)?)")
# A regular expression for the marks that begin and end in themselves.
TAGS = f"{_OPEN_TAG}|{_CLOSE_TAG}"
# Tokens that other marks consist of.
_PARTS = frozenset(
    "<|start|> <|channel|> <|constrain|> <|message|> <|end|> <|return|> <|channel> <channel|> <unused94> <unused95> "
    "<|inner_prefix|> <|inner_suffix|>".split()
)
# In order: gpt-oss, and gpt-oss with its special tokens left out of the text, as 'analysisWe need …assistantfinalB'; Gemma 4;
# MedGemma; Apertus; Granite.
_OPENS = (
    r"<\|channel\|>(?:analysis|commentary)[^<]{0,80}<\|message\|>|\A\s*analysis(?=[A-Z0-9\"'“(])"
    r"|<\|channel>|<unused94>|<\|inner_prefix\|>|\A\s*Here(?: is|'s) my thought process:"
)
_CLOSES = r"<channel\|>|<unused95>|<\|inner_suffix\|>"
# What precedes the final answer of these models is thought, however many thoughts were opened.
_FINALS = (
    r"<\|channel\|>final[^<]{0,80}(?:<\|constrain\|>[^<]{0,80})?<\|message\|>|assistantfinal|\A\s*final(?=[A-Z(*])"
    r"|Here(?: is|'s) my response:"
)
# An opening mark that is repeated at once is one: the model repeats that of its prompt.
_MARK = re.compile(
    rf"(?P<open>{_OPEN_TAG}(?:\s{{0,9}}{_OPEN_TAG})?|{_OPENS})|(?P<close>{_CLOSE_TAG}|{_CLOSES})|(?P<final>{_FINALS})"
)

_CLOSED_CHANNEL = re.compile(r"<\|channel\|>(?:(?!<\|end\|>)[\s\S]){0,100000}<\|end\|>")

_TURN_ENDS = (
    r"<\|(?:im_end|end|eot|eot_id|eom_id|end_of_text|endoftext|endofturn|return|user)\|>|</s>|<eos>|<(?:end|start)_of_turn>"
    r"|\[/?INST\]"
)
_ASKS = (
    r"(?:(?:(?:next |new )?question(?: ?\d{1,4})?|(?:exercise|problem|example) \d{1,4}|frage|pregunta|问题|問題|题目|題目)"
    r"[ *_]{0,4}(?:[:：]|\n)|(?:user|human)[ *_]{0,4}[:\n]|(?:q\d{0,4}|instruction)[ *_]{0,4}:"
    r"|the following (?:is|are) (?:a )?multiple[- ]choice)"
)
# The prompt's own form: a question, choices from A on, 'Answer:'. A line that ends in ':' introduces choices of this question.
_LISTS = r"(?:\n[ \t]*){2}(?!\(?[A-D][).:])[^\n]{1,2000}[^\n:]\nA[.)][^\n]*\nB[.)][^\n]*(?:\n[C-Z][.)][^\n]*){0,24}\nAnswer:"
_LATER = re.compile(rf"{_TURN_ENDS}|\n[ \t#*_>]{{0,9}}(?i:{_ASKS})|{_LISTS}")


def answer(generated: str, in_thought: bool = False) -> str:
    """The last text outside thoughts, up to a new question or turn; empty if there is none.

    With `in_thought` the text begins within a thought that the prompt opened.
    """
    answers = [""]
    for text in _outside(f"<think>{generated}" if in_thought else generated):
        later = _LATER.search(text)
        answers.append(text[: later.start()] if later else text)
        if later:
            break
    return next((text for text in reversed(answers) if text.strip()), "")


def is_open(prompt: str) -> bool:
    """Whether a prompt ends within a thought."""
    # In a prompt, unlike in a reply, the end of a message ends its channel; what follows the channel's name may be missing.
    *_, depth = [0, *(depth for _, _, depth in _marks(_CLOSED_CHANNEL.sub("", prompt) + "<|message|>"))]
    return depth > 0


def after(reply: str) -> str:
    """The part of a reply after its last thought, which is all that templates keep of earlier replies."""
    ends = [mark.end() for mark in _MARK.finditer(reply) if not mark["open"]]
    return reply[ends[-1] :] if ends else reply


def is_mark(token: str) -> bool:
    """Whether a token is a mark of thoughts, or a part of one."""
    return token in _PARTS or bool(re.fullmatch(TAGS, token))


def _outside(generated: str) -> list[str]:
    """The texts before, between and after thoughts; white space after a thought is left out."""
    texts: list[str] = []
    start, still_open = 0, False
    for mark, before, depth in _marks(generated):
        if before == 0 and mark["open"]:
            texts.append(generated[start : mark.start()])
        elif before == 0 or mark["final"]:
            texts.clear()
        start, still_open = mark.end(), depth > 0
    if still_open:
        return texts
    last = generated[start:]
    return [*texts, last.lstrip() if start else last]


def _marks(text: str) -> Iterator[tuple[re.Match[str], int, int]]:
    """Yield each mark, with the number of open thoughts before and after it."""
    depth = 0
    for mark in _MARK.finditer(text):
        before = depth
        depth = 0 if mark["final"] else max(0, depth + (1 if mark["open"] else -1))
        yield mark, before, depth
