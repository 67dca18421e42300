"""Reports on the recall experiment: section 8, transcripts, and the writeup's claims."""

import random
from functools import cache

import pytest
from mmlu_kit import formatting
from mmlu_kit.claims import audit
from mmlu_kit.claims.document import ClaimVerdict
from mmlu_kit.data import MedianRange
from mmlu_kit.recall import transcripts
from mmlu_kit.recall.documents import ChatFile, ChatModelNotRun
from mmlu_kit.report import context
from mmlu_kit.settings import Device, LoadSettings

from tests.helpers import audits, chats, results
from tests.helpers.reports import tables


def sloppy(share, seed=3):
    """Return a model that recalls facts in its prompt in a share of cases and otherwise says something else."""
    chance = random.Random(seed)
    return lambda trial, shown: chats.knows_what_it_sees(trial, shown) if chance.random() < share else "How nice."


def knows_names(trial, shown):
    """Return a model that recalls one kind of fact in ten."""
    return chats.knows_what_it_sees(trial, shown) if trial.fact == "name" else "How nice."


def section_8(chat):
    """Return the report's section 8 on these chat models."""
    merged, analysis = a_study()
    merged = merged.model_copy(update={"chat": chat})
    claims, run = results.claims(merged), results.run(merged.study)
    text = context.render(merged, analysis, claims, run, results.WORKFLOW / "report")
    return text.split("## 8. Chat Agent")[1].split("\n## Appendix")[0]


@cache
def a_study():
    """Return merged.json without chat models, and analysis.json."""
    merged, table = results.merged(results.study(["s"], ["anatomy"]), {"s": {"anatomy": "ABCD"}})
    return merged, results.analysis(merged, table)


def test_section_8_on_a_model_that_recalls_everything_in_its_prompt():
    text = section_8(chats.chat())
    history, each, *_ = (
        tables(text, "### " + heading)[0] for heading in ("History On vs. History Off", "What Each Strategy Still Recalls")
    )
    assert history[1][1:] == ["40 of 40, 100.0% (91.2% to 100.0%)", "0 of 40, 0.0% (0.0% to 8.8%)"]
    assert history[4][1:] == ["12.0 ms; without a cache between turns 30.0 ms", "10.0 ms"]
    assert [row[:2] for row in each[1:]] == [
        [reader, f"`{strategy}`"] for reader in ("m", "oracle (no language model)") for strategy in chats.STRATEGIES
    ]
    assert each[3][2:5] == ["50.0%", "50.0% (35.2% to 64.8%)", "100.0%"]
    assert "You: What is my name?\nAssistant: Your name is Alice.\n```" in text
    assert "The second answer gives the name with history on and says that it does not know with history off." in text
    assert "were the same as those of an uninterrupted chat" in text
    assert "40 of 40 facts were in its prompt, and it recalled 40 of these." in text and "mostly fails" not in text
    assert "- `none` recalls less than full history: 40 facts recalled only with full history and 0 only with `none`" in text


def test_section_8_says_if_a_model_fails_and_if_nothing_differs():
    text = section_8(chats.chat(chats.recall(chats.knows_nothing), same=False))
    assert (
        "**m mostly fails at this**: with full history, 40 of 40 facts were in its prompt, and it recalled 0 of these." in text
    )
    assert (
        "- `none` shows no difference from full history: 0 facts recalled only with full history and 0 only with `none`" in text
    )
    assert "than full history" not in text
    assert "The second answer says that it does not know with history on and says that it does not know" in text
    assert "were **not** the same as" in text


def test_section_8_says_that_history_can_harm():
    """A model that earlier turns confuse recalls more from a shorter view."""

    def confused(trial, shown):
        return chats.knows_what_it_sees(trial, shown) if len(shown) < 8 else "How nice."

    text = section_8(chats.chat(chats.recall(confused, strategies=("none", "full", "last_turns(2)"), distances=(2, 9))))
    assert "`last_turns(2)` recalls more than full history" in text and "(McNemar test, corrected for 2 comparisons" in text


def test_section_8_without_chat_models_or_with_one_that_was_not_run():
    assert "This study has no chat models." in section_8(None)
    reason = "device 'mps' was requested, but this machine has none"
    not_run = ChatModelNotRun(model="m", requested=LoadSettings(device=Device.MPS), reason=reason)
    text = section_8(ChatFile(models=[], not_run=[not_run], transcripts=None))
    assert "**m** was not run: device 'mps'" in text and "chat_recall" not in text


def test_generated_text_cannot_add_markup_to_the_report():
    hostile = "```\n# Not a heading\n| a | b |\n<script>\x1b[31m"
    text = section_8(chats.chat(chats.recall(lambda trial, shown: hostile)))
    assert "````text\n" in text and "\x1b" not in text
    block = text.split("````text\n", 1)[1].split("\n````\n")[0]
    assert "# Not a heading" in block and "<script>" in block
    assert "# Not a heading" not in text.replace(block, "")


def test_a_fence_is_longer_than_any_in_the_text():
    assert formatting.fenced("a\tb\nc") == "```text\na\tb\nc\n```"
    assert formatting.fenced("a ```` b\x07\x00") == "`````text\na ```` b\ufffd\ufffd\n`````"


def turn(number, reply="Hello.", left_out=0, ended="end"):
    return chats.turn(f"Say {number}", reply, prompt_tokens=30 + number, left_out=left_out, ended=ended)


HEADER = transcripts.Header("m", None, "cpu, float32", 48, "Be kind.")


def test_a_transcript_has_every_message_and_names_the_turns_left_out():
    turns = [turn(1), turn(2, "## Hi", ended="length"), turn(3, left_out=1), turn(4, left_out=2)]
    text = transcripts.document("sliding_window", HEADER, "last_turns(1)", turns)
    assert text.startswith("# Sliding window\n") and "saw all of it in 2 of 4 turns; at most 2 earlier turns were" in text
    assert (
        "## Turn 3: 33 tokens, without its first turn\n" in text and "## Turn 4: 34 tokens, without its first 2 turns" in text
    )
    assert "```text\n## Hi\n```\n\n(The reply was cut off" in text and text.count("```text") == 1 + 2 * 4


def test_a_restored_chat_is_compared_reply_by_reply():
    turns = [turn(number) for number in range(1, 5)]
    assert "All 2 later replies were the same, letter by letter." in transcripts.comparison(turns, list(turns), 2)
    changed = [*turns[:3], turn(4, "Bye.")]
    assert "The replies of turn 4 were **not** the same." in transcripts.comparison(turns, changed, 2)


of_the_writeup = cache(audits.run)


def judgement(claim, model, chat):
    """Return the verdict on a claim by a run of one of the writeup's models and these chat models."""
    merged = of_the_writeup(model).model_copy(update={"chat": chat})
    return audit.judge_claim(audits.CLAIMS[claim], audits.evidence(merged))


def took(on, off, number=3):
    """Return chat.json with these times of independent questions: median, smallest, largest, without a cache."""
    chat = chats.chat()
    (model,) = chat.models
    independent = dict(model.independent)
    for mode, seconds in (("on_without_cache", on), ("off", off)):
        times = MedianRange(median=seconds[0], smallest=seconds[1], largest=seconds[2])
        independent[mode] = independent[mode].model_copy(update={"total_s": times, "n": number})
    return chat.model_copy(update={"models": [model.model_copy(update={"independent": independent})]})


def flat():
    """Return chat.json of a model whose prompts do not grow."""
    chat = chats.chat()
    (model,) = chat.models
    rows = [row.model_copy(update={"prompt_tokens": model.rows[0].prompt_tokens}) for row in model.rows]
    return chat.model_copy(update={"models": [model.model_copy(update={"rows": rows})]})


@pytest.mark.parametrize(
    ("claim", "chat", "verdict", "line"),
    [
        (
            "history-outgrows-context",
            lambda: chats.chat(),
            ClaimVerdict.HOLDS,
            "its context of 2,048 tokens is full after about 104 turns",
        ),
        (
            "history-outgrows-context",
            lambda: chats.chat(chats.recall(context=None)),
            ClaimVerdict.NOT_TESTABLE,
            "its context is not known",
        ),
        (
            "history-outgrows-context",
            lambda: chats.chat(chats.recall(distances=(1,))),
            ClaimVerdict.NOT_TESTABLE,
            "have the same length",
        ),
        (
            "three-strategies",
            lambda: chats.chat(),
            ClaimVerdict.HOLDS,
            "last_turns(2), token_budget(60) compared with full history on 40 facts",
        ),
        ("three-strategies", lambda: chats.chat(same=False), ClaimVerdict.DOES_NOT_HOLD, "went on with different replies"),
        (
            "three-strategies",
            lambda: chats.chat(chats.recall(strategies=("none", "full", "last_turns(2)"))),
            ClaimVerdict.DOES_NOT_HOLD,
            "last_turns(2)",
        ),
        (
            "three-strategies",
            lambda: chats.chat().model_copy(update={"transcripts": None}),
            ClaimVerdict.NOT_TESTABLE,
            "no chat was saved",
        ),
        (
            "history-coherence",
            lambda: chats.chat(),
            ClaimVerdict.HOLDS,
            "100.0% (91.2% to 100.0%) recalled with history on, 0.0%",
        ),
        ("history-outgrows-context", lambda: flat(), ClaimVerdict.DOES_NOT_HOLD, "no prompt grew"),
        ("history-coherence", lambda: chats.chat(chats.recall(chats.knows_nothing)), ClaimVerdict.DOES_NOT_HOLD, "p = 1"),
        ("history-coherence", lambda: None, ClaimVerdict.NOT_TESTABLE, "no chat model ran here"),
        ("history-remembers", lambda: None, ClaimVerdict.NOT_TESTABLE, "no chat model ran here"),
        ("history-tokens", lambda: flat(), ClaimVerdict.DOES_NOT_HOLD, "1.00× as long with history"),
        (
            "history-coherence",
            lambda: chats.chat(chats.recall(knows_names)),
            ClaimVerdict.CANNOT_BE_TOLD,
            "10.0 points lost",
        ),
        ("history-remembers", lambda: chats.chat(), ClaimVerdict.HOLDS, "of those told 1 turn earlier"),
        (
            "history-remembers",
            lambda: chats.chat(chats.recall(chats.knows_nothing)),
            ClaimVerdict.DOES_NOT_HOLD,
            "0.0% (0.0% to 8.8%) recalled with history on",
        ),
        (
            "history-remembers",
            lambda: chats.chat(chats.recall(sloppy(0.5))),
            ClaimVerdict.CANNOT_BE_TOLD,
            "recalled with history on",
        ),
        ("history-tokens", lambda: chats.chat(), ClaimVerdict.HOLDS, "1.84× as long with history and 1.00× without"),
        (
            "history-tokens",
            lambda: chats.chat(on=0.005),
            ClaimVerdict.DOES_NOT_HOLD,
            "takes 5.0 ms with history, 12.0 ms with history and a cache, and 10.0 ms",
        ),
        (
            "history-tokens",
            lambda: took(on=(0.12, 0.11, 0.16), off=(0.1, 0.09, 0.105)),
            ClaimVerdict.HOLDS,
            "0.12 s (0.11 s to 0.16 s)",
        ),
        (
            "history-tokens",
            lambda: took(on=(0.12, 0.11, 0.16), off=(0.1, 0.1, 0.15)),
            ClaimVerdict.CANNOT_BE_TOLD,
            "0.10 s (0.10 s to 0.15 s) without history; the times with and without history overlap",
        ),
        (
            "history-tokens",
            lambda: took(on=(0.12, 0.11, 0.16), off=(0.2, 0.17, 0.3)),
            ClaimVerdict.DOES_NOT_HOLD,
            "0.20 s (0.17 s to",
        ),
        ("history-tokens", lambda: chats.chat(chats.recall(distances=(1,))), ClaimVerdict.NOT_TESTABLE, "have the same length"),
        (
            "history-tokens",
            lambda: took(on=(0.12, 0.11, 0.16), off=(0.1, 0.09, 0.105), number=2),
            ClaimVerdict.CANNOT_BE_TOLD,
            "2 and 2 times are too few to tell",
        ),
        ("history-tokens", lambda: None, ClaimVerdict.NOT_TESTABLE, "no chat model ran here"),
        ("alice", lambda: chats.chat(), ClaimVerdict.HOLDS, "history on: right; history off: not knowing"),
        (
            "alice",
            lambda: chats.chat(chats.recall(chats.knows_nothing)),
            ClaimVerdict.DOES_NOT_HOLD,
            "history on: not knowing; history off: not knowing",
        ),
        ("alice", lambda: None, ClaimVerdict.NOT_TESTABLE, "no chat model ran here"),
    ],
)
def test_a_claim_on_the_chat_agent(claim, chat, verdict, line):
    found = judgement(claim, "3B", chat())
    assert found.verdict == verdict and line in found.evidence, found


def test_claims_are_tested_on_the_writeups_model_if_there_is_one():
    chat = chats.chat(chats.recall(model="other"), chats.recall(chats.knows_nothing, model=audits.NAMES["Llama"]))
    assert judgement("history-coherence", "Llama", chat).evidence.startswith(audits.NAMES["Llama"])
