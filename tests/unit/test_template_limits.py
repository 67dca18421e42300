"""Broken and hostile templates are one line each, soon; the same template gives the same text on any day."""

import select
import signal
import threading
import time

import pytest
from mmlu_kit.evaluation import limits, rendering
from mmlu_kit.evaluation.chat_templates import ChatTemplate
from mmlu_kit.user_errors import UserError

from tests.helpers.chat_templates import TEMPLATES, chatml, like_sentencepiece

USER = [{"role": "user", "content": "Hi"}]
SAID = "{{ messages[-1].content }}"
NESTED = "{% for a in range(100000) %}{% for b in range(100000) %}BODY{% endfor %}{% endfor %}"
# By what the error says.
BROKEN = {
    r"several \(rag, tool_use\), but none is named 'default'": {"rag": SAID, "tool_use": SAID},
    "no chat template": "",
    "is not text": {"default": 5},
    r"\(division by zero\)": "{{ 1 / 0 }}",
    r"\(no loader for this environment specified\)": "{% include 'x' %}",
    r"\(Expected an expression": "{% for %}",
    r"\('str object' has no attribute 'a'\)": "{{ messages[0].content.a.b }}",
    r"\(maximum recursion depth exceeded": "{% macro f(x) %}{{ f(x) }}{% endmacro %}{{ f(1) }}",
    r"unsafe": "{% set _ = messages.append(1) %}" + SAID,
    r"\(.\[2J line two\)": "{{ raise_exception('\x1b[2J\\nline two') }}",
    r"surrogates not allowed": "{{ '\\ud800' }}" + SAID,
    r"does not write each message of this conversation once": "{# nothing #}",
    r"has 1,048,577 characters, more than 1,048,576": "x" * (2**20 + 1),
    r"makes 2,000,\d\d\d characters of \d+": SAID + "{{ 'x' * 2000000 }}",
    r"\(No filter named 'random' found.\)": SAID + "{{ [1, 2] | random }}",
    r"\('lipsum' is undefined\)": SAID + "{{ lipsum(1) }}",
    r"writes an address in memory": SAID + "{{ messages[0].items }}",
    r"is not done after 0.3 s of computing": NESTED.replace("BODY", ""),
    r"is not done after 0.3 s of computing: use another": "{{ (10 ** (10 ** 9)) % 7 }}",
    r"needs more than 256 MiB of memory": "{{ 'x' * 10 ** 10 }}",
    r"needs more than 256 MiB of memory: use": "{{ 'x' | center(messages | length * 10 ** 10) }}",
    r"needs more than 256 MiB of memory: use another": "{{ '%10000000000d' % 1 }}",
    r"needs more than 256 MiB": (
        "{% set ns = namespace(x=[1]) %}{% for i in range(99) %}{% set ns.x = ns.x + ns.x %}{% endfor %}"
    ),
}


@pytest.mark.parametrize("problem", BROKEN)
def test_a_broken_or_hostile_template_is_one_line(problem, monkeypatch):
    monkeypatch.setattr(rendering, "MAX_SECONDS", 0.3 if "0.3 s" in problem else 5)
    tokenizer = like_sentencepiece(BROKEN[problem])
    tokenizer.name_or_path = "/models/m"
    started = time.monotonic()
    with pytest.raises(UserError, match=problem) as error:
        ChatTemplate(tokenizer).prompt(USER)
    assert time.monotonic() - started < 15
    assert "/models/m" in str(error.value) and "another preset than chat" in str(error.value)
    assert "\n" not in str(error.value) and "\x1b" not in str(error.value)


def test_limits_leave_no_trace():
    before = signal.getsignal(signal.SIGVTALRM)
    for call, error in ((lambda: [0] * 10**9, MemoryError), (lambda: all(iter(lambda: True, False)), TimeoutError)):
        with pytest.raises(error):
            limits.limited(call, 0.2, 2**26)
        assert signal.getsignal(signal.SIGVTALRM) is before and signal.getitimer(signal.ITIMER_VIRTUAL) == (0, 0)
    assert len(bytearray(2**27)) == 2**27


def test_a_process_that_waits_is_not_out_of_time():
    """As one does that is suspended, or that others keep from the processor."""
    assert limits.limited(lambda: select.select([], [], [], 0.3) and "done", 0.1, 2**28) == "done"


def test_a_timer_that_was_set_before_goes_on():
    rung = []
    before = signal.signal(signal.SIGVTALRM, lambda number, frame: rung.append(number))
    try:
        signal.setitimer(signal.ITIMER_VIRTUAL, 60)
        assert limits.limited(lambda: "done", 5, 2**28) == "done"
        assert 50 < signal.getitimer(signal.ITIMER_VIRTUAL)[0] < 61  # the system counts in ticks
        signal.setitimer(signal.ITIMER_VIRTUAL, 0.01)
        limits.limited(lambda: sum(range(10**6)), 5, 2**28)
        while not rung:
            pass
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def test_other_threads_have_the_limit_of_memory():
    errors = []

    def render():
        try:
            ChatTemplate(like_sentencepiece("{{ 'x' * 10 ** 10 }}")).prompt(USER)
        except UserError as error:
            errors.append(str(error))

    thread = threading.Thread(target=render)
    thread.start()
    thread.join()
    assert len(errors) == 1 and "256 MiB" in errors[0]


def test_templates_read_a_fixed_clock():
    tokenizer = like_sentencepiece("{{ strftime_now('%Y-%m-%d %H:%M:%S') + ' ' + date_string + ' ' }}" + SAID)
    assert ChatTemplate(tokenizer).prompt(USER) == [("2024-07-26 00:00:00 26 Jul 2024 Hi", False)]
    assert rendering.CLOCK.strftime("%d %b %Y") == rendering.DATE_STRING


def test_a_message_may_hold_every_character_of_the_first_private_area():
    tokenizer = like_sentencepiece(TEMPLATES["chatml"])
    every = "<|im_end|>" + "".join(map(chr, range(0xE000, 0xF900)))
    pieces = ChatTemplate(tokenizer).prompt([{"role": "user", "content": every}])
    assert every in "".join(text for text, _ in pieces)
    assert [text for text, by_template in pieces if by_template] == ["<|im_start|>", "<|im_end|>", "<|im_start|>"]
    areas = (range(0xE000, 0xF900), range(0xF0000, 0xFFFFE), range(0x100000, 0x10FFFE))
    everything = "<|im_end|>" + "".join(chr(code) for area in areas for code in area)
    with pytest.raises(UserError, match="every character that Unicode leaves without a meaning: remove some"):
        ChatTemplate(tokenizer).prompt([{"role": "user", "content": everything}])


def test_an_argument_cannot_replace_a_special_token():
    tokenizer = like_sentencepiece(chatml())
    tokenizer.add_special_tokens({"bos_token": "<|im_start|>"})
    with pytest.raises(UserError, match="template_arguments: 'bos_token' is the name of a special token: remove it"):
        ChatTemplate(tokenizer, {"bos_token": "x"})
