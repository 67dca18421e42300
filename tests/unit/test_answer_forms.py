"""Forms in which published predictions name a choice: what is read, by which rule, and what is never guessed."""

import pytest
from mmlu_kit.inputs.questions import Question
from mmlu_kit.results import answer_forms
from mmlu_kit.results.answer_forms import Numbers, Rule
from mmlu_kit.settings import LETTERS
from mmlu_kit.user_errors import UserError

QUESTION = Question("anatomy", "test", 0, "Which?", ("Left atrium.", "the aorta", "17", "2"), "A")


def of(number):
    """Return a question with this many choices."""
    return Question("anatomy", "test", number, "Which?", tuple(f"choice {n}." for n in range(number)), "A")


def read(text, question=QUESTION, numbers=Numbers.NEITHER):
    return answer_forms.letter(text, question, numbers)


@pytest.mark.parametrize(
    "text",
    """B|(B)|B.|B)|b|b.|(b)|Ｂ|ｂ|**B**|\\boxed{B}|$\\boxed{B}$|Answer: B|answer: b|[B]|B. the aorta|B) The aorta|the aorta|'B'
    |The  Aorta|The answer is (B).| B\n|(B) the aorta|B,|`B`""".split("|"),
)
def test_every_form_of_a_letter_is_read(text):
    assert read(text) == "B"


@pytest.mark.parametrize(
    "text",
    """| |E|AB|A or B|A B|?|[Invalid] : Hit|nan|None|NULL|N/A|the|-1|1|0.5|true|А|Left ventricle|B. Left atrium|(A) the aorta
    |I do not know|not B""".split("|"),
)
def test_what_names_no_choice_or_two_is_unreadable(text):
    assert read(text) is None


def test_a_text_that_two_choices_share_is_unreadable():
    question = Question("anatomy", "test", 0, "Which?", ("Aa", "aA", "same", "same"), "A")
    assert [read(text, question) for text in ("Aa", "aA", "AA", "same")] == ["A", "B", None, None]
    question = Question("anatomy", "test", 0, "Who?", ("nan", "None", "A. Smith", ""), "A")
    assert [read(text, question) for text in ("nan", "None", "A. Smith", "")] == [None, None, None, None]


@pytest.mark.parametrize("texts", [["0", "3", "1"], ["0.0", "3.0", ""], ["0", "nan", "2"], ["0"], ["０", "２"]])
def test_a_column_of_numbers_from_0_is_read(texts):
    numbers = answer_forms.meaning_of_numbers(texts, [(text, QUESTION) for text in texts], "p.csv")
    assert numbers == Numbers.CHOICES
    assert [read(text, numbers=numbers) for text in ("0", "1.0", "2", "3", "")] == ["A", "B", "C", "D", None]


@pytest.mark.parametrize(
    ("texts", "listed"),
    [(["1", "4"], "1, 4"), (["1", "2", "3"], "1, 2, 3"), (["0", "4"], "0, 4"), (["3"], "3"), (["1.0", "2.0", ""], "1, 2")],
)
def test_numbers_that_may_count_from_1_are_refused(texts, listed):
    with pytest.raises(
        UserError, match=f"p.csv: its predictions are the numbers {listed}, and nothing says which of them is A"
    ):
        answer_forms.meaning_of_numbers(texts, [(text, QUESTION) for text in texts], "p.csv")


def test_numbers_that_are_the_choices_own_texts_are_not_taken_for_their_numbers():
    question = Question("anatomy", "test", 0, "How many?", ("3", "2", "1", "0"), "A")
    with pytest.raises(UserError, match="are the numbers 0, 1, and nothing says which of them is A"):
        answer_forms.meaning_of_numbers(["0", "1"], [("0", question), ("1", question)], "p.csv")
    # Beside letters or other texts they are texts, if each of them is the text of a choice.
    assert answer_forms.meaning_of_numbers(["B", "1"], [("B", question), ("1", question)], "p.csv") == Numbers.TEXTS
    assert read("1", question, Numbers.TEXTS) == "C"
    assert answer_forms.meaning_of_numbers(["-1", "1"], [("-1", QUESTION), ("1", QUESTION)], "p.csv") == Numbers.NEITHER


def test_each_answers_rule_is_counted():
    texts = ["A", "B", "(B)", "the aorta", "17", "?"]
    rules = answer_forms.count_rules([(text, read(text), QUESTION) for text in texts])
    assert rules == {Rule.LETTER: 2, Rule.CHOICE: 2, Rule.PARSED: 1}
    assert answer_forms.in_words(rules) == "2 as a letter, 2 as a choice's own text, 1 as a letter in other text"
    assert answer_forms.count_rules([("0", "A", QUESTION), ("2.0", "C", QUESTION)]) == {Rule.NUMBER: 2}
    assert answer_forms.count_rules([("17", "C", QUESTION)]) == {Rule.CHOICE: 1}


@pytest.mark.parametrize("number", [2, 3, 5, 10, 26])
def test_letters_up_to_the_questions_last_one_are_read(number):
    question = of(number)
    for place, letter in enumerate(LETTERS):
        forms = ["{X}", "({X})", "{X}.", "{x}", "{x}.", "Answer: {X}", "**{X}**", "{X}. choice {n}", "choice {n}"]
        texts = [form.format(X=letter, x=letter.lower(), n=place) for form in forms]
        assert [read(text, question) for text in texts] == [letter if place < number else None] * len(forms)
    assert read("A. choice 1", question) is None


@pytest.mark.parametrize("number", [2, 3, 5, 10, 26])
def test_a_column_of_numbers_goes_from_0_to_the_last_choice(number):
    question = of(number)

    def meaning(*texts):
        return answer_forms.meaning_of_numbers(texts, [(text, question) for text in texts], "p.csv")

    last = number - 1
    assert meaning("0", str(last)) == meaning("0.0", f"{last}.0", "nan") == Numbers.CHOICES
    texts = ["0", "0.0", str(last), f"{last}.0", str(number), "99", "-1", ""]
    letters = ["A", "A", LETTERS[last], LETTERS[last], None, None, None, None]
    assert [read(text, question, Numbers.CHOICES) for text in texts] == letters
    for texts in (("1", str(number)), ("0", str(number)), (str(last),)):
        letter = LETTERS[last]
        with pytest.raises(
            UserError, match=f"write the letters A to {letter} .* 0 for A to {last} for {letter} and 0 is among"
        ):
            meaning(*texts)
    assert meaning("0", str(number + 1)) == Numbers.NEITHER


def test_a_number_beyond_its_questions_choices_is_unreadable_where_other_questions_have_more():
    answers = [("0", of(3)), ("4", of(5)), ("3", of(3)), ("9", of(10)), ("5", of(5))]
    numbers = answer_forms.meaning_of_numbers([text for text, _ in answers], answers, "p.csv")
    assert numbers == Numbers.CHOICES
    assert [read(text, question, numbers) for text, question in answers] == ["A", "E", None, "J", None]
    read_answers = [(text, read(text, question, numbers), question) for text, question in answers]
    assert answer_forms.in_words(answer_forms.count_rules(read_answers)) == "3 as a choice's number, from 0"


def test_answers_to_questions_of_other_subjects_may_have_higher_numbers():
    texts = ["0", "3", "9", "25"]  # the last two to questions that are not in the study
    assert answer_forms.meaning_of_numbers(texts, [("0", of(4)), ("3", of(4))], "p.csv") == Numbers.CHOICES
    assert answer_forms.meaning_of_numbers([*texts, "27"], [("0", of(4)), ("3", of(4))], "p.csv") == Numbers.NEITHER


@pytest.mark.parametrize(
    ("number", "words"), [(2, "A or B"), (3, "A, B or C"), (4, "A, B, C or D"), (6, "A to F"), (26, "A to Z")]
)
def test_letters_are_listed_in_words(number, words):
    assert answer_forms.letters_in_words(number) == words
