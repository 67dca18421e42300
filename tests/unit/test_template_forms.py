"""What is said stands in the prompt in whichever form a template takes it, and letters are the tokens that it writes."""

import pytest
from mmlu_kit.evaluation import encoding, token_ids
from mmlu_kit.evaluation.chat_templates import ChatTemplate
from mmlu_kit.evaluation.manner import Conversation
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import PromptSettings
from mmlu_kit.user_errors import UserError

from tests.helpers.chat_templates import PARTS, TEMPLATES, chatml, like_sentencepiece, turns

CHOICES = ("one", "two", "three", "four")
QUESTIONS = [Question("college_biology", "test", number, f"Which is {number}?", CHOICES, "C") for number in range(3)]
EXAMPLES = [Question("college_biology", "dev", 0, "And this?", ("a", "b", "c", "d"), "B")]
HEADER = "The following are multiple choice questions (with answers) about college biology."
ASK = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}]


def prepare(tokenizer, examples=1, **arguments):
    return encoding.prepare(
        QUESTIONS, EXAMPLES[:examples], PromptSettings(preset="chat", template_arguments=arguments), tokenizer, None
    )


def prompt(tokenizer, messages):
    return "".join(text for text, _ in ChatTemplate(tokenizer).prompt(messages))


FORMS = {
    # contents, where the header is, what is between prompt and answer, whether a thought is open, what ends a reply
    "chatml": ("text", "turn", "", False, "<|im_end|>"),
    "parts only": ("parts", "turn", "", False, "<|im_end|>"),
    "llama-2": ("text", "turn", " ", False, "</s>"),
    "mistral-0.1": ("text", "first user turn", " ", False, "</s>"),
    "mistral-0.3": ("text", "turn", " ", False, "</s>"),
    "gemma": ("text", "first user turn", "", False, "<end_of_turn>"),
    "phi-3": ("text", "first user turn", "", False, "<|end|>"),
    "qwen3": ("text", "turn", "<think>\n\n</think>\n\n", False, "<|im_end|>"),
    "qwq": ("text", "turn", "", True, "<|im_end|>"),
    "gpt-oss": ("text", "turn", "<|channel|>final<|message|>", False, "<|return|>"),
}


@pytest.mark.parametrize("examples", [0, 1])
@pytest.mark.parametrize("name", FORMS)
def test_each_familys_template_is_used_as_it_takes_conversations(name, examples):
    contents, system, before_answer, open_thought, end = FORMS[name]
    tokenizer = like_sentencepiece(TEMPLATES[name])
    prepared = prepare(tokenizer, examples)
    assert len({made.text for made in prepared}) == len(QUESTIONS)
    for made, question in zip(prepared, QUESTIONS, strict=True):
        assert made.conversation == Conversation(
            contents=contents, system=system, before_answer=before_answer, open_thought=open_thought
        )
        assert made.text.count(HEADER) == 1 and made.text.count(question.question) == 1
        assert made.text.count("And this?\nA. a\nB. b\nC. c\nD. d\nAnswer:") == examples
        space = " " if before_answer == " " else ""
        assert made.answers == tuple(f"{space}{letter}" for letter in "ABCD")
        assert tokenizer.convert_ids_to_tokens(made.letter_ids) == [f"{'▁' if space else ''}{letter}" for letter in "ABCD"]
        assert tokenizer.convert_ids_to_tokens(made.end_id) == end
        if examples and space:
            # The question is answered with the token that answers the example.
            assert made.letter_ids[1] in made.ids


@pytest.mark.parametrize("name", FORMS)
def test_prompts_equal_the_librarys_for_messages_in_that_form(name):
    tokenizer = like_sentencepiece(TEMPLATES[name])
    system, user = ASK
    messages = [{"role": "user", "content": "Be brief.\n\nHi"}] if FORMS[name][1] == "first user turn" else [system, user]
    if FORMS[name][0] == "parts":
        messages = [{**message, "content": [{"type": "text", "text": message["content"]}]} for message in messages]
    expected = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
    assert token_ids.prompt_ids(ASK, ChatTemplate(tokenizer)) == expected


@pytest.mark.parametrize("scheme", ["first", "always"])
@pytest.mark.parametrize("name", FORMS)
def test_both_ways_to_encode_agree_with_tokenizers_that_put_spaces_before_texts(name, scheme):
    tokenizer = like_sentencepiece(TEMPLATES[name], scheme)
    turns = [
        {"role": "user", "content": "Hi  there\n"},
        {"role": "assistant", "content": "A"},
        {"role": "user", "content": "x y"},
    ]
    pieces = ChatTemplate(tokenizer).prompt(turns)
    assert token_ids.encode_piecewise(pieces, "chat", tokenizer) == token_ids.encode(pieces, "chat", tokenizer)
    # A question that quotes the template's tokens is in the same context.
    marks = [text for text, by_template in pieces if by_template]
    quoting = ChatTemplate(tokenizer).prompt([{**turns[0], "content": f"Hi {marks[0]} there\n"}, *turns[1:]])
    ids = token_ids.encode(quoting, "chat", tokenizer)
    assert tokenizer.decode(ids) == tokenizer.decode(token_ids.encode(pieces, "chat", tokenizer)).replace(
        "Hi  there", f"Hi {marks[0]} there"
    )
    special = tokenizer.convert_tokens_to_ids(marks[0])
    assert ids.count(special) == marks.count(marks[0])


def test_marks_that_swallow_white_space_do_so_beside_a_quoted_mark():
    from tokenizers import AddedToken

    tokenizer = like_sentencepiece(TEMPLATES["chatml"])
    tokenizer.add_tokens(
        [AddedToken("<|left|>", lstrip=True, normalized=False), AddedToken("<|right|>", rstrip=True, normalized=False)]
    )
    tokenizer.chat_template = turns("", "{{ '<|right|>\\n' + m.content + '\\n<|left|>' }}", "{{ m.content }}")
    pieces = ChatTemplate(tokenizer).prompt([{"role": "user", "content": "Hi"}])
    assert token_ids.encode_piecewise(pieces, "chat", tokenizer) == token_ids.encode(pieces, "chat", tokenizer)


def test_a_reply_without_a_mark_after_it_is_still_a_reply():
    made = prepare(like_sentencepiece(turns("{{ m.content }}", "{{ 'Q:' + m.content + 'A:' }}", "{{ ' ' + m.content }}")))[0]
    assert made.conversation.before_answer == " " and made.answers[0] == " A" and made.end_id is None


def test_thinking_can_be_switched_off():
    off = prepare(like_sentencepiece(TEMPLATES["qwen3"]), enable_thinking=False)[0]
    on = prepare(like_sentencepiece(TEMPLATES["qwen3"]), enable_thinking=True)[0]
    assert off.text == on.text + "<think>\n\n</think>\n\n"
    assert off.conversation.before_answer == "" and not off.conversation.open_thought


def test_arguments_are_part_of_a_prompts_hash():
    tokenizer = like_sentencepiece("{% if x is defined %}{% endif %}" + TEMPLATES["chatml"])
    plain, other, same = (prepare(tokenizer, **arguments)[0] for arguments in ({}, {"x": 1}, {"x": True}))
    assert plain.text == other.text == same.text
    assert len({plain.sha256, other.sha256, same.sha256}) == 3


@pytest.mark.parametrize(
    ("opening", "closing"),
    [
        ("<think>", "</think>"),
        ("<thought>", "</thought>"),
        ("<reasoning>", "</reasoning>"),
        ("<seed:think>", "</seed:think>"),
        ("[THINK]", "[/THINK]"),
        ("<|channel|>analysis<|message|>", "<|end|>"),
    ],
)
def test_a_prompt_that_ends_within_a_thought_is_recorded(opening, closing):
    for reply, is_open in ((opening, True), (opening + closing, False), (opening + closing + opening, True), ("", False)):
        tokenizer = like_sentencepiece(chatml(f"{{{{ '{reply}' }}}}"))
        assert prepare(tokenizer)[0].conversation.open_thought == is_open
    # A question may speak of thoughts.
    tokenizer = like_sentencepiece(chatml())
    assert opening in prompt(tokenizer, [{"role": "user", "content": opening}])
    assert not ChatTemplate(tokenizer).form([{"role": "user", "content": opening}]).conversation.open_thought


def test_a_template_that_writes_white_space_of_its_own_before_an_answer_cannot_be_scored():
    tokenizer = like_sentencepiece(chatml(assistant="{{ '\\n' + m.content }}"))
    with pytest.raises(UserError, match=r"college_biology/test/0: the answer 'A' does not add exactly one token"):
        prepare(tokenizer)


LOST = {
    "no message": "{{ 'Hello' }}",
    "no system message, and none in the user's": chatml(content="{{ m.content.split('\\n')[-1] if m.role == 'user' }}"),
    "a message twice": chatml(content="{{ m.content + m.content }}"),
    "the last message alone": "{{ messages[-1].content }}",
    "the wrong order": "{% for m in messages | reverse %}{{ m.content }}{% endfor %}",
    "a list written out": chatml(content="{% if m.content is not string %}{{ m.content }}{% endif %}"),
}


@pytest.mark.parametrize("name", LOST)
def test_a_template_that_loses_a_message_is_refused(name):
    with pytest.raises(UserError, match="does not write each message of this conversation once, in order: use another model"):
        prepare(like_sentencepiece(LOST[name]))


def test_a_template_that_cuts_or_changes_long_texts_is_refused():
    for content in ("{{ m.content[:20] }}", "{{ m.content | replace('\\n', ' ') }}", "{{ m.content | tojson }}"):
        with pytest.raises(UserError, match=r"changes or cuts '.*' in this conversation: use another model"):
            prepare(like_sentencepiece(chatml(content=content)))


def test_an_earlier_replys_reasoning_may_be_left_out_and_nothing_else():
    tokenizer = like_sentencepiece(TEMPLATES["qwen3"])
    log = [ASK[1], {"role": "assistant", "content": "<think>\nHm.\n</think>\n\nHello."}, ASK[1]]
    for arguments in ({}, {"enable_thinking": False}):  # the second writes the same marks itself
        text = "".join(piece for piece, _ in ChatTemplate(tokenizer, arguments).prompt(log))
        assert "Hm." not in text and "Hello." in text
    cutting = like_sentencepiece(chatml(assistant="{{ m.content[:12] }}"))
    with pytest.raises(UserError, match=r"changes or cuts 'Hello\.'"):
        prompt(cutting, log)


def test_the_system_message_may_be_folded_into_a_list_of_parts():
    roles = "{% for m in messages %}{{ raise_exception('no system') if m.role == 'system' }}{% endfor %}"
    made = prepare(like_sentencepiece(roles + chatml(content=PARTS, assistant=PARTS)))[0]
    assert (made.conversation.contents, made.conversation.system) == ("parts", "first user turn")
    assert f"{HEADER}\n\nAnd this?" in made.text


def test_the_form_is_found_once_for_all_questions(monkeypatch):
    tokenizer = like_sentencepiece(TEMPLATES["gemma"])
    rendered = []
    original = tokenizer.apply_chat_template
    monkeypatch.setattr(
        tokenizer, "apply_chat_template", lambda *args, **options: rendered.append(1) or original(*args, **options)
    )
    encoding.prepare(QUESTIONS, EXAMPLES, PromptSettings(preset="chat"), tokenizer, None)
    once = len(rendered)
    encoding.prepare(QUESTIONS * 20, EXAMPLES, PromptSettings(preset="chat"), tokenizer, None)
    assert len(rendered) - once == once + 19 * len(QUESTIONS)


def test_the_real_template_of_a_family_without_arguments_is_used_as_before(real_data):
    tokenizer = like_sentencepiece((real_data / "chat_templates/qwen2.5-instruct.jinja").read_text())
    conversation = prepare(tokenizer)[0].conversation
    assert conversation == Conversation(contents="text", system="turn", before_answer="", open_thought=False)
