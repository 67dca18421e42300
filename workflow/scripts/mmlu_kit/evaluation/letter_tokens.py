"""The single token that each letter adds to a prompt, found by encoding prompt and letter together.

In byte-pair encoding that merges all it can, this depends on the prompt's last tokens only. Merges never cross the border
before them in the prompt alone. Neither do they with a letter behind the prompt, if that leaves the last tokens as they are:
they are then merged as before, and each merge that could cross the border would have crossed it without the letter too. So
prompts that end with the same tokens have the same letters, and one of them is encoded with each letter.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

from mmlu_kit.evaluation import token_ids
from mmlu_kit.evaluation.chat_templates import Piece
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import Preset
from mmlu_kit.user_errors import UserError

LAST = 2  # such as 'Answer' and ':'


class Order(NamedTuple):
    """The tokens of a prompt that shows the choices in one order, and the token that each letter adds to it."""

    ids: tuple[int, ...]
    letter_ids: tuple[int, ...]


class LetterTokens:
    """Finds the letters' tokens of the prompts of one preset, whose ends it remembers."""

    def __init__(self, preset: Preset, tokenizer: Any) -> None:
        self.preset, self.tokenizer = preset, tokenizer
        model: Any = getattr(getattr(tokenizer, "backend_tokenizer", None), "model", None)
        # With ignore_merges, a word of the vocabulary is one token whatever its pairs are; with dropout, merges are random.
        self._remembers = type(model).__name__ == "BPE" and not model.ignore_merges and not model.dropout
        self._known: dict[tuple[tuple[int, ...], tuple[str, ...]], tuple[int, ...]] = {}

    def of(self, question: Question, pieces: Sequence[Piece], answers: tuple[str, ...]) -> Order:
        """The tokens of a prompt in pieces, and the one that each answer adds to them.

        An answer that adds another number of tokens, or the same token as another answer, raises UserError naming the question.
        """
        (ids,) = token_ids.encode_with([""], pieces, self.preset, self.tokenizer)
        end = tuple(ids[-LAST:]), answers
        if end not in self._known or not self._remembers:
            self._known[end] = self._found(question, pieces, ids, answers)
        return Order(tuple(ids), self._known[end])

    def _found(self, question: Question, pieces: Sequence[Piece], ids: list[int], answers: Sequence[str]) -> tuple[int, ...]:
        with_answers = token_ids.encode_with(answers, pieces, self.preset, self.tokenizer)
        for answer, with_answer in zip(answers, with_answers, strict=True):
            if with_answer[:-1] != ids:
                raise UserError(
                    f"{question.name}: the answer '{answer.strip()}' does not add exactly one token to the prompt ({len(ids)} "
                    f"tokens become {len(with_answer)}), so letters cannot be scored with this tokenizer: use another preset"
                )
        letter_ids = tuple(with_answer[-1] for with_answer in with_answers)
        if len(set(letter_ids)) < len(letter_ids):
            raise UserError(f"{question.name}: this model's tokenizer gives several letters the same token: use another preset")
        return letter_ids
