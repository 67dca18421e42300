"""Answers to questions with 2 to 26 choices, forms that small models write, and letters that are words, units or terms."""

import random

import pytest
from mmlu_kit.evaluation import answer_parser
from mmlu_kit.settings import LETTERS

TEN = LETTERS[:10]

# Each is an answer for every number of choices; {X} is its letter, {x} the small one.
FORMS = [
    "{X}", "{X}.", "({X})", "{X})", "({x})", "**{X}**", "**{X}) text**", "{X}: text", "{X}. text", "{X}) text",
    "({X}) text", "{x}) text", "<{X}>", "'{X}'", "{X}\n\nBecause it is.", "{X} because it is", "{X}, because it is",
    "{X} Explanation: it is.", "{X}\n\nExplanation: it is.", "Answer: {X}", "Answer: {X}\n\nExplanation: it is.",
    "Answer: **{X}. text**", "answer: {x}", "ANSWER IS: {X}", "ANSWER: {X}", "Answer -> {X}", "Ans: {X}",
    "The answer to your question is:\n\n{X}. text", "Answer(s): {X}", "The answer is {X}", "The answer is ({X}).",
    "The answer is: **{X}**", "The answer is {X}: text", "The answer is {X}, text", "The answer's {X}",
    "The answer was {X}.", "The answer is '{X}. text'", "The answer is \\({X}\\).", "The answer is $\\mathbf{{{X}}}$.",
    "$\\boxed{{\\text{{({X})}}}}$", "\\boxed{{{X}. text}}", "The correct answer is {X}. text",
    "The correct answer is:\n\n**{X}) text**", "The answer must be {X}.", "The answer must therefore be {X}.",
    "The answer I choose is {X}", "The answer to question 3 is {X}.", 'The answer to the question "How many?" is: {X}',
    "Correct answer: {x}", "The answer from the choices is {X}.", "The correct statement is {X}.", "My answer: {X}",
    "My final answer is {X}", "Final answer: {X}", "Thus the answer: **{X}**",
    "The correct choice would be option ({X})", "Option {X}", "Option {X}: text", "option {x}", "option {x} is correct",
    "{X} is correct", "{X} is the best choice.", "I choose {X}", "I'm going with {X}.", "I would opt for {X}.",
    "It's {X}", "It is {X}.", "It’s option {X}.", "I think it's {X}.", "I'm sure that it's ({X})", "That would be {X}",
    "That must be {X}.", "It's {X}, not Y7.", "I'd say {X}", "I would say it's {X}.", "I guess {X}.", "Therefore {X}.",
    "So, ({X}).", "So {X}", "Hence, {X}.", "{X} it is", "{X} it is!", "So it's {X}.", "text\n{X}", "✅ {X}",
    '{{"answer": "{X}"}}', '{{"answer": "{x}"}}', "{{'answer': '{X}. text'}}",
    '```json\n{{"correct_answer": "{X}. text"}}\n```',
    '{{"reasoning": "It is.", "answerLetter": "{X}", "confidence": 1}}', "<answer>{X}</answer>",
    "text\n<answer>{X}. text</answer>", "Die Antwort ist {X}.", "Das ist {X}.", "La réponse est {X}", "C'est la {X}.",
    "La respuesta es la {X}", "Es la {X}.", "答案是{X}", "所以选{X}", "因此是{X}。", "Risposta: {X}", "정답: {X}",
    "Ответ: {X}", "回答：{X}", "I think that the answer is {X}, since I know it.", "A. text\nB. text\nThe answer is {X}",
]  # fmt: skip
# For letters that are no article or pronoun.
TERSE = ["{X}, text", "{X} - text", "{X} – text"]


def forms_of(letter, forms=FORMS):
    return [form.format(X=letter, x=letter.lower()) for form in forms]


@pytest.mark.parametrize("form", FORMS)
def test_every_form_gives_its_letter_for_every_number_of_choices(form):
    for letter in LETTERS:
        fewest = max(2, LETTERS.index(letter) + 1)
        for number in {fewest, random.Random(form + letter).randint(fewest, 26), 26}:
            text = forms_of(letter, [form])[0]
            assert (text, answer_parser.parse(text, LETTERS[:number])) == (text, letter)


@pytest.mark.parametrize("form", FORMS)
def test_a_letter_that_the_question_does_not_have_is_no_answer(form):
    for number in range(2, 26):
        for letter in random.Random(f"{form} {number}").sample(LETTERS[number:], min(3, 26 - number)):
            text = forms_of(letter, [form])[0]
            assert (text, number, answer_parser.parse(text, LETTERS[:number])) == (text, number, None)


@pytest.mark.parametrize("letter", "BCDEFGHJ")
def test_a_letter_and_its_choice_are_read_at_the_beginning(letter):
    assert [answer_parser.parse(text, TEN) for text in forms_of(letter, TERSE)] == [letter] * len(TERSE)


BEYOND = [
    "Option B is close. The answer is E.", "The answer is E. (B) is odd", "I choose E. Option B is odd",
    "E is the correct answer. Option B is odd", "E\n\nOption B is odd", "(E)\n(B) fits less", "The answer is B or E",
    "The answer is E or B", "The answer is (B) or (E).", "B\nNo wait, the answer is E",
]  # fmt: skip


@pytest.mark.parametrize("text", BEYOND)
def test_no_other_letter_replaces_one_that_the_question_does_not_have(text):
    assert answer_parser.parse(text, "ABCD") is None


PRONOUN = [
    "I think the answer is C", "I believe it's C", "I, as a model, choose C", "I'd go with C", "I'm sure it's C",
    "I chose C", "As far as I know, C is correct", "The answer I choose is C", "C. I think so", "C, I think",
    "(C) I think that it is hot", "C\nI think it is hot", "The answer is C. I am sure.",
    "I and II are true, so the answer is C", "I. true\nII. false\nAnswer: C", "I is true and II is not. (C)",
    "Statement I is true. The answer is C.",
]  # fmt: skip
TERMS = [
    "E. coli is a bacterium. The answer is C", "J. Smith said that the answer is C",
    "According to J. Smith, C is correct", "e.g. the answer is C", "i.e. the answer is C", "F = ma, so the answer is C",
    "P(E) = 0.5, so (C).", "E/F is 2. Answer: C", "The energy E is 5 J. Answer: C", "H2O is water. Answer: C",
    "G proteins bind. Answer: C", "It's E. coli. The answer is C",
]  # fmt: skip
NOTHING_OF_TEN = [
    "I think so", "I don't know", "I cannot answer", "I, however, do not know", "I'm sorry", "I am",
    "The answer is I think", "I and II", "I, II and III", "I only", "I. one\nII. two\nIII. three", "E. coli",
    "The answer is E. coli", "It is E. coli", "The answer is G proteins", "E = mc^2", "F = ma", "F/m", "E-mail", "J/mol",
    "P(E)", "vitamin E", "It's vitamin E", "pH", "e.g. cells", "i.e. cells", "The answer is e.g. five", "25 °C", "5 J",
    "300 K", "H2O", "O'Brien", "e", "i", "y a-t-il", "il y a", "Either E or F", "E, F and G", "The answer is E or F",
    "It's E or F", "So, E or F", "The answer is not E", "E is wrong", "E?", "if the answer is E", "I doubt it's E",
    "If it's E, it is odd", "I don't think that it's (E)", "It could be E", "Is it E?", "A B C D E F G H I J",
    "A, B, C, D, E", "E\nF\nG", "A) a B) b C) c D) d E) e", "(A) a\n(B) b\n(C) c\n(D) d\n(E) e\n(F",
    "\n".join(f"{letter}. text" for letter in TEN), "\n".join(f"{letter}. text" for letter in TEN[:5]) + "\nF.",
]  # fmt: skip
NOTHING_OF_26 = [
    "P. falciparum", "P. falciparum is a parasite", "The answer is P. falciparum", "S. aureus", "T cells",
    "The answer is T cells", "It's T cells", "X-ray", "U-boat", "N/A", "K+ ions", "V = IR", "The X chromosome",
    "Y chromosome", "vitamin K", "300 K", "5 V", "Na", "Q10", "f(x)", "f(x) = x", "P(X)", "Choose N people",
    "n choose k items", "option(s)", "The answer(s)", "U.S. law", "T test", "S phase", "Z score", "la opción o la otra",
    "La respuesta o", "y", "o", "J. S. Bach", "R. A. Fisher",
]  # fmt: skip


@pytest.mark.parametrize(
    "text", ["I. I and II only", "(I) I and II only", "The answer is I. I, II and III", "I is true, II not. Answer: I"]
)
def test_a_choice_may_have_numerals(text):
    assert answer_parser.parse(text, TEN) == "I"


@pytest.mark.parametrize("text", PRONOUN + TERMS)
def test_pronouns_numerals_and_terms_do_not_hide_the_answer(text):
    assert answer_parser.parse(text, TEN) == "C"


@pytest.mark.parametrize(
    ("text", "letters"), [(text, TEN) for text in NOTHING_OF_TEN] + [(text, LETTERS) for text in NOTHING_OF_26]
)
def test_words_units_terms_and_lists_are_no_letter(text, letters):
    assert answer_parser.parse(text, letters) is None


NO_CONCLUSION = [
    "The answer is B or option C", "The answer is (B) or (C).", "La opción B o la C", "Die Antwort ist B oder die C",
    "Option B or C", "La réponse est B ou la C", "It's B or option C.", "答案是B或者选项C",
    "It's a cell", "It's A cell", "So A cell divides", "So B cells are first", "It's B cells", "It is vitamin C",
    "It is C++.", "It is D-glucose.", "Thus a = b", "It could be B", "It might be (B) or (C)", "If it is B, it is odd",
    "It isn't B.", "I'm not sure it's B", "It's B or C", "So, B or C.", "It's B. No, it's C.", "B\nNo wait, it's C",
    "Is it B?", "answer is B or C", '{"answer": "B or C"}', '{"answer": null}', '{"A": "one", "B": "two"}',
    "<answer>a cell</answer>", "B\n<answer>C</answer>",
]  # fmt: skip


@pytest.mark.parametrize("text", NO_CONCLUSION)
def test_what_concludes_nothing_is_unparsed(text):
    assert answer_parser.parse(text, "ABCD") is None


# Replies of a small model that begins to list the choices and is cut off, or contradicts itself.
CUT_OFF = {
    None: ["A. one thing\nB. another\nC.", "A. one thing\nB. another\nC", "A. one thing\nB",
           "A. one\nB. two\nC. three\nD.", "(A) one\n(B", "Which?\nA. one\nB. two\nC.", "A. one\nB. two\nC. the",
           "C. one\n\nThe correct answer is D. one", "The answer is:\n\nA. one\nB. two\nC. the",
           "The answer to your question is:\n(A) one\n(B) two", "Answer:\nA. one\nB"],
    "B": ["A. one\nB. two\nC. three\nD. four\nB.", "B. one\n\nThe answer is:", "B. one\n\nThe correct answer is: B. one"],
    "A": ["The correct answer is:\n\nA. one\n\nThis is so.", "A. one\n\nA. one is a thing",
          "A. one\n\nThe answer is A. two", "A. one, two and three are:\n\n1. one\n2"],
}  # fmt: skip


@pytest.mark.parametrize(("text", "letter"), [(text, letter) for letter, texts in CUT_OFF.items() for text in texts])
def test_a_list_of_choices_that_is_cut_off_is_no_answer(text, letter):
    assert answer_parser.parse(text, "ABCD") == letter


def test_two_choices_in_a_line_are_a_list_if_there_are_two():
    assert answer_parser.parse("A) yes B) no", "AB") is None
    assert answer_parser.parse("A) yes, since B) is wrong", "AB") == "A"


def test_random_texts_parse_to_a_letter_of_the_question_or_none():
    words = "I E. J K x) (e) (H) Answer: The answer is it's so, not or and , . : option coli = II \n \n\n a y".split(" ")
    for seed in range(3000):
        source = random.Random(seed)
        letters = LETTERS[: source.randint(2, 26)]
        text = " ".join(source.choice(words + list(letters)) for _ in range(source.randint(1, 12)))
        assert answer_parser.parse(text, letters) in {*letters, None}, text
