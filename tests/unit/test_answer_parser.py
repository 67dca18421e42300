"""The answer parser: a table of answer forms, and texts that must not be parsed as answers."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmlu_kit.evaluation import answer_parser

READ = {
    "A": ["A", " A", "A.", "A)", "(A)", "[A]", "**A**", "A\n", "A:", "A,", "A;", "'A'", '"A"', "`A`", "A. Mercury",
          "A) Mercury", "A: Mercury", "(A) Mercury", "**A. Mercury**", "A\n\nBecause it is the first.", "A - Mercury",
          "A because it is hot",
          "The answer is A", "The answer is A.", "the answer is a.", "Answer: A", "answer: a", "A is correct.",
          "A is the correct answer, since nothing else fits.", "The correct answer is: A. A cell is small.",
          "$A$", "\\boxed{A}", "A / Mercury"],
    "B": ["B", "b)", "(b)", "b) two", "**B**", "**B)** two", "*B*", "_B_", "B.\nB is right.", "Answer: **B**", "**Answer:** B",
          "**Answer: B**", "Answer - B", "Answer = B", "The answer: (B)", "The answer is (B).", "The answer is **B**.",
          "The answer is option B.", "The correct option is B", "The correct choice is B.", "The best answer is B",
          "Correct answer: B", "I choose B", "I would choose option B.", "I'd go with B.", "I pick (B)", "I select B",
          "Let us think. Two and two are four. The answer is B.", "First, a cell has a wall.\n\nAnswer: B",
          "It cannot be the first one.\nB", "So it is (B).", "Hence [B] follows", "\\boxed{\\text{B}}", "$\\boxed{B}$",
          "The answer is \\boxed{B}.", "B since it is the second", "B = two", "B|", "B — two", "B – two",
          "The right one is B"],
    "C": ["C", "Option C", "Option C.", "option c", "Choice C", "choice (c)", "Letter C", "The letter is C", "C is right",
          "C would be the best", "C must be true", "(C) is the answer", "The answer would be C", "The answer should be C.",
          "The answer must be C!", "The answer to this question is C.", "The answer here is C.", "Response: C", "Solution: C",
          "My answer: C", "Final answer: C", "### Answer\nC", "Explanation: three is odd.\nAnswer: C) three",
          "The answer is C: three", "The answer is C, three.", "The answer is 'C'.", 'The answer is "C"', "The answer is `C`",
          "The answer is\nC", "The answer is: **(C)**"],
    "D": ["D", "D.", " D) four", "The answer is D because four is even.", "the correct answer is d", "{D}", "( D )", "D\tfour",
          "Answer:D", "answer is d)", "D is the best", "Choosing D", "going with D"],
}  # fmt: skip

UNREAD = [
    "", " ", "\n", "E", "(E)", "The answer is E", "AB", "ABCD", "a", "The", " the", "Answer", "Answer:", "A cell is small.",
    "A good question", "An apple", "Because", "I do not know", "A or B", "A and B", "A, B", "A/B", "(A) or (B)",
    "Either A or C", "A, B, and C", "The answer is A or B", "The answer is A. No, the answer is B.",
    "(A) is wrong, (B) is wrong",
    "Both A and D are correct", "The answer is a cell.", "Choose a number", "Dogs", "Cats and dogs", "B12 is a vitamin",
    "C'est la vie", "Answer the question", "The answer is not here", "Vitamin C", "1", "42", "?", "...", "Option",
    "Options: A) one B) two", "A is a letter", "D-day", "B2", "é", "答え", "The answers", "<|im_end|>", "c", "d four",
]  # fmt: skip


@pytest.mark.parametrize(("text", "letter"), [(text, letter) for letter, texts in READ.items() for text in texts])
def test_letters_are_parsed_from_answers(text, letter):
    assert answer_parser.parse(text) == letter


@pytest.mark.parametrize("text", UNREAD)
def test_no_letter_is_invented(text):
    assert answer_parser.parse(text) is None


def test_the_table_has_more_than_a_hundred_forms():
    forms = [text for texts in READ.values() for text in texts] + UNREAD
    assert len(forms) == len(set(forms)) > 150


@given(st.text(max_size=200))
def test_any_text_parses_to_a_letter_or_none(text):
    assert answer_parser.parse(text) in {"A", "B", "C", "D", None}


def test_long_texts_are_parsed_quickly():
    assert answer_parser.parse("A" * 100_000) is None
    assert answer_parser.parse("the answer " * 20_000) is None
    assert answer_parser.parse(" ( [ * " * 20_000) is None
