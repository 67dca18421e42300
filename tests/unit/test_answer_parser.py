"""The answer parser: a table of answer forms, and texts that must not be parsed as answers."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mmlu_kit.evaluation import answer_parser
from mmlu_kit.settings import LETTERS

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


THOUGHTS = {
    "B": ["<think>Option A is true of plants.</think>B. Chloroplast", "<thinking>A</thinking>\nB", "<thought>A</thought>**B**",
          "<reasoning>The answer is A</reasoning><answer>B</answer>", "<seed:think>Answer: A</seed:think>B",
          "<|begin_of_thought|>A or C<|end_of_thought|>\n<|begin_of_solution|>B<|end_of_solution|>", "<THINK>A</THINK>B",
          "<|channel|>analysis<|message|>Option A?<|end|><|start|>assistant<|channel|>final<|message|>B<|return|>",
          "analysisOption A is plausible.assistantfinal B", "analysisWe pick A.assistantfinalThe answer is **B**.", "finalB",
          "So it is A. Wait.\n</think>\n\nB", "<think>A<think>C</think>D</think>B", "<think>A</think><think>C</think>B",
          "<think>\n<think>A</think>B", "<think></think>B", "<think>A</think>\nLet me see <think>C</think>B", "B<think>C",
          "◁think▷A◁/think▷B", "<|START_THINKING|>A<|END_THINKING|><|START_RESPONSE|>B<|END_RESPONSE|>",
          "<|channel>thought\nA<channel|>B", "<think>Question: A</think>\n\nQuestion: What?\nAnswer: B",
          "Here is my thought process:\nOption A\n\nHere is my response:\nB", "<think>A</think>B<|im_end|>\nuser\nIs it C?"],
    "D": ["[THINK]A…[/THINK]D", "[think]It is (A).[/think]\n\nThe answer is (D)."],
    None: ["<think>Option A", "[THINK]A", "<think>A</think>", "<think>A<think>C</think>B", "<think>A</think><think>B",
           "B</think>",
           "<|channel|>analysis<|message|>The answer is A<|end|>", "analysisThe answer is A", "◁think▷B"],
}  # fmt: skip

# A base model goes on with the next question, a chat model explains its answer.
LATER_TEXT = {
    "A": ["A. Mercury is right.\n\nExplanation: Option B: wrong, since it is far", "The answer is A because it is hot",
          "Option A is correct.", "A, a planet"],
    "B": [" B\n\nExplanation: Answer D is wrong because", "B\n\nQuestion: What is …\nAnswer: C", "B\n\nQ: What?\nA: C",
          "B\n\nThe following are multiple choice questions (with answers) about x.\n\nWhat?\nAnswer: C",
          " B\n\nWhat is x?\nA. …\nB. …\nAnswer: C", "B\n\nWhat is x?\nAnswer: C", "B\nUser: and C?\nAssistant: C",
          "The answer is B.\n\nWhat is x?\nA. one\nB. two\nC. three\nD. four\nAnswer: C", "B</s>\n<s>[INST] Is it C?",
          "**Answer:** (B)\n\n**Question:** Why?\n**Answer:** C", "B\n\nExplanation: Answer D would be plausible",
          "Option A is odd, option C too. The answer is B", "Both A and D are wrong. The answer is B.", "A: The answer is B.",
          "B\n\n## Question 2\nThe answer is C", "B\n\nExercise 2: The answer is C", "B<|eot_id|>\nThe answer is C",
          "B\n\nThe correct answer is B because C is wrong and D isn't right.", "Question: What is two?\nAnswer: B",
          "\\boxed{B}, since (A) and (C) are odd", "The answer is <b>B</b>.", "<B>"],
    "C": ["A. one\nB. two\nC. three\nD. four\nThe answer is C", "A) one B) two C) three D) four\n\nAnswer: C"],
    None: ["B\nNo wait, the answer is C", "A. one\nB. two\nC. three\nD. four", "a) one\nb) two\nc) three",
           "I do not know.\n\nQuestion: What is x?\nAnswer: C", "\n\nQuestion: What is x?\nAnswer: C"],
}  # fmt: skip

LISTS = {
    "A": ["A: C", "A\nA"],
    "B": ["B\n\nB", "It is vitamin C.\nB", "A B C D\nThe answer is B", "B\nA cell is small", "B.\nC. is wrong",
          "A\nB\nC\nD\nThe answer is B"],
    "C": ["C. A", "A or B, but C"],
    "D": ["Options:\nA\nB\nC\nD\nAnswer: D"],
    None: ["A\nB\nC\nD", "A) \nB) \nC)", "A B C D", "A, B, C, D", "B\nC", "B\n\nC", "B\nA", "D\nC\nB\nA", "A\n\nB\n\nC\n\nD\n",
           "A.\nB.\nC.\nD.", "A.\nB.", "A:\nB:\nC:", "(A)\n(B)\n(C)\n(D)", "(A) (B) (C) (D)", "(A)(B)(C)(D)", "(A)(B)",
           "A)B)C)D)",
           "**A**\n**B**", "- A\n- B\n- C", "1. A\n2. B", "b)\nc)", "A. B. C. D.", "A;B;C;D", "A;B", "A|B|C|D", "A | B",
           "A\tB\tC\tD",
           "A / B / C", "C\nC\nD", "A\nB\nC\nD\nE", "A\nB\nC\nD because", "I see:\nA\nB\nC", "Answer: A\nB\nC\nD",
           "The answer is A B C D"],
}  # fmt: skip

NEGATED = {
    "B": ["The answer is B, not A.", "B, not A", "It is not (A), it is (B).", "The answer isn't A. The answer is B.",
          "Not A but B",
          "Is the answer A? No, the answer is B.", "If the answer is A, x is odd. So the answer is B.",
          "Neither A nor C. The answer is B.", "The wrong answer is A. The right answer is B.", "nicht A, sondern B",
          "答案不是A，而是B", "La respuesta no es A sino la B"],
    None: ["The answer is not A", "The answer isn't A.", "Option A is wrong", "Option A is incorrect.", "Option A isn't right",
           "A is not correct", "I do not think the answer is A", "I don't choose A", "The answer cannot be A", "not (A)", "B?",
           "Is it (A)?", "Answer: A?", "The wrong answer is A", "If the answer is A", "Rule out A.", "Eliminate (A)",
           "Option A can be excluded.", "Choice A is eliminated.", "The answer can't be A.", "I would never pick option A.",
           "The answer is C++", "Answer: D-glucose", "D.C. is a city", "The answer is A, B or C",
           "nicht A", "Die Antwort ist nicht A", "Option A ist falsch", "Antwort A ist nicht richtig", "Weder A noch B",
           "Die falsche Antwort ist A", "Ich glaube nicht, dass die Antwort A ist", "A oder B", "Die Antwort ist A oder B",
           "n'est pas A", "La réponse n'est pas A", "L'option A est fausse", "L'option A n'est pas correcte", "A et B",
           "La mauvaise réponse est A", "ni A ni B", "La réponse est A ou B",
           "no es la A", "La respuesta no es la A", "La opción A es incorrecta", "La opción A no es correcta", "A y B",
           "La respuesta incorrecta es A", "La respuesta es A o B",
           "不是A", "答案不是A", "不选A", "不应选A", "A是错误的", "选项A不正确", "選項A錯誤", "错误的答案是A", "如果答案是A",
           "A或B",
           "A和B", "A、B", "答案是A或B"],
}  # fmt: skip

LANGUAGES = {
    "A": ["Option A ist richtig", "Antwort A ist richtig", "Die Antwort ist A, da", "L'option A est correcte",
          "La opción A es correcta", "La A es la respuesta correcta", "La respuesta es A porque", "选A", "答案是A，因为",
          "A是正确的"],
    "B": ["Die richtige Antwort ist B", "Richtig ist B", "Richtige Antwort: B", "Option B ist richtig", "B ist richtig, weil",
          "B ist die richtige Antwort", "Ich wähle B", "Die Lösung ist **B**", "Die Antwort ist eindeutig B.",
          "Die Antwort auf die Frage ist B",
          "Die Antwort ist nicht A. Die Antwort ist B.", "Die Antwort ist (b).",
          "La réponse est B", "La bonne réponse est **B) deux**", "La réponse correcte est B", "Je choisis la B",
          "La bonne réponse est donc la réponse B", "C'est la réponse B", "La réponse à la question est B",
          "La respuesta correcta es la B", "La opción correcta es la B", "La correcta es la B", "Elijo la opción B",
          "B es correcta", "La respuesta a la pregunta es B",
          "答案是 B", "答案是B。", "答案为B", "答案應為 B", "正确答案为（B）", "故选B。", "我選擇B", "【答案】B",
          "B 是正确答案",
          "B選項正確", "答案：Ｂ", "Ｂ", "（B）", "「B」", "B。因为", "B：二", "答案是B，不是A"],
    "C": ["Antwort: C", "antwort: c", "La bonne réponse est la C", "L'option C est correcte", "C est la bonne réponse",
          "D'abord, la réponse est C", "réponse : c", "Respuesta: C", "答案：C", "选C"],
    "D": ["Die Antwort lautet (D)", "Réponse : D", "La réponse D est correcte", "Opción D", "选项D是正确的", "選項D", "D选项"],
    None: ["La respuesta a la pregunta es difícil", "La respuesta a", "la respuesta es a veces", "La réponse à la question",
           "D'abord, il faut", "La réponse est d'abord", "il y a", "y a", "B y a continuación", "La lettre à", "D.h. nichts",
           "答案", "答案是"],
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        (text, letter)
        for table in (READ, THOUGHTS, LATER_TEXT, LISTS, NEGATED, LANGUAGES)
        for letter, texts in table.items()
        for text in texts
    ],
)
def test_letters_are_parsed_from_answers(text, letter):
    assert answer_parser.parse(text, "ABCD") == letter


@pytest.mark.parametrize("text", UNREAD)
def test_no_letter_is_invented(text):
    assert answer_parser.parse(text, "ABCD") is None


def test_the_table_has_more_than_a_hundred_forms():
    forms = [text for texts in READ.values() for text in texts] + UNREAD
    assert len(forms) == len(set(forms)) > 150


PIECES = ["A", "B", " C", "(D)", "The answer is ", "Antwort: ", "选项", "not ", " or ", "\n\n", "Question: ", "<think>",
          "</think>",
          "[THINK]", "[/THINK]", "<|channel|>final<|message|>", "assistantfinal", "analysis", "A. ", ".", "a "]  # fmt: skip


@given(st.text(max_size=200) | st.lists(st.sampled_from(PIECES), max_size=20).map("".join))
def test_any_text_parses_to_a_letter_or_none(text):
    assert answer_parser.parse(text, "ABCD") in {"A", "B", "C", "D", None}


@given(st.lists(st.sampled_from([piece for piece in PIECES if "/" not in piece and "final" not in piece]), max_size=20))
def test_no_letter_comes_from_an_unclosed_thought(pieces):
    assert answer_parser.parse("<think>" + "".join(pieces), "ABCD") is None


@pytest.mark.parametrize(("letters", "characters"), [("ABCD", 100_000), (LETTERS, 30_000)])
@pytest.mark.parametrize(
    "piece",
    ["A", "the answer ", " ( [ * ", "<think>", "</think>", "<think>A</think>", "<|channel|>analysis", "A or ", "A. B. ",
    "答案是",
     "\n\nx\nA. \nB. ", "not the ", "\n", " ", "A.\n", "<|", "\\boxed", "A) x B) y ", "nicht, dass die ", "A\n", "A B C x ",
     "A ) ", "(A)(", "A\nB\nC x\n", "I think it's ", "so, ", "it is B ", '"answer": ', "A. x\nB. y\n", "E or ", "E. coli ",
     "I ", "answer for the x ", "wait, ", "therefore\n", "<answer>", "\\(", "x(s) ", "II. "],
)  # fmt: skip
def test_long_texts_are_parsed_quickly(piece, letters, characters):
    start = time.process_time()
    assert answer_parser.parse(piece * (characters // len(piece)), letters) in {"A", "B", None}
    assert time.process_time() - start < 5  # a quadratic pattern takes minutes


@pytest.mark.parametrize(
    ("text", "letter"), [("B", None), ("Option A fits.", None), ("<think>A", None), ("A fits?</think>B. Chloroplast", "B")]
)
def test_a_thought_that_the_prompt_opened_ends_at_its_mark(text, letter):
    assert answer_parser.parse(text, "ABCD", in_thought=True) == letter


@pytest.mark.parametrize("name", ["analysis", "longcat_think", "cot", "reason"])
def test_marks_of_thoughts_by_other_names(name):
    assert answer_parser.parse(f"<{name}>Option A fits.</{name}>\nD", "ABCD") == "D"
    assert answer_parser.parse(f"<{name}>Option A fits.", "ABCD") is None
