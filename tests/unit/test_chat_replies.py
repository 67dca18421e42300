"""Replies are the same with a kept cache, without one, and from transformers' own generate."""

import copy
import math
import unicodedata

import pytest
import torch
import transformers
from hypothesis import example, given, settings
from hypothesis import strategies as st
from mmlu_kit import files
from mmlu_kit.chat import replies, sessions, states, steps, views
from mmlu_kit.evaluation import generation, token_ids
from mmlu_kit.evaluation.chat_templates import ChatTemplate
from mmlu_kit.models import tokenizers, transformers_model
from mmlu_kit.settings import LoadSettings
from mmlu_kit.user_errors import UserError

from tests.helpers import chat_templates, families

SMALL = {
    "vocab_size": 1600,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "initializer_range": 0.3,
    "eos_token_id": None,
    "bos_token_id": None,
}
IDENTITY = states.ModelIdentity(name="m", repository=None, commit=None, files_sha256="0" * 64)
MADE = {
    "qwen2": ("Qwen2", {}),
    "llama": ("Llama", {}),
    "mistral with a sliding window": ("Mistral", {"sliding_window": 16}),
}


@pytest.fixture(scope="module")
def tokenizer(root):
    return tokenizers.load_tokenizer(root / "workflow/demo/models/demo-medium")


@pytest.fixture(scope="module")
def template(tokenizer):
    return ChatTemplate(tokenizer)


@pytest.fixture(scope="module", params=[*MADE, "demo-small", "demo-medium"])
def model(request, root):
    torch.set_num_threads(1)
    if request.param.startswith("demo"):
        return transformers_model.load_model(root / "workflow/demo/models" / request.param, LoadSettings())
    name, fields = MADE[request.param]
    torch.manual_seed(1)
    config = getattr(transformers, f"{name}Config")(**SMALL, **fields)
    return getattr(transformers, f"{name}ForCausalLM")(config).eval()


def generated(model, ids, most):
    """Return the new tokens from transformers, without the end token."""
    inputs = torch.tensor([ids])
    end = model.generation_config.eos_token_id
    output = model.generate(
        inputs, attention_mask=torch.ones_like(inputs), max_new_tokens=most, do_sample=False, pad_token_id=0
    )
    return tuple(token for token in output[0, len(ids) :].tolist() if token != end)


def test_cached_replies_equal_uncached_ones_and_transformers_generate(model, tokenizer, template):
    model.generation_config.eos_token_id = 2  # what ends replies of the tokenizer
    kept, cold = replies.Replier(model, template), replies.Replier(model, template)
    log, sliding = [{"role": "system", "content": "Be brief."}], "Mistral" in type(model).__name__
    for user in ("Which planet is red?", "And the next one?", "Say that again, please.", "你好 👋"):
        log.append({"role": "user", "content": user})
        ids = token_ids.prompt_ids(log, template)
        text = "".join(kept.reply(ids, 24))
        assert "".join(cold.reply(ids, 24, cold=True)) == text and cold.last.cached_tokens == 0
        assert kept.last.ids == cold.last.ids == generated(model, ids, 24)
        assert text == tokenizer.decode(kept.last.ids, skip_special_tokens=True)
        assert kept.last.prompt_tokens == len(ids) and kept.last.new_tokens == len(kept.last.ids)
        if len(log) > 2 and not sliding:
            # At least the prompt before was there; the text of its reply may be cut into other tokens than it was made of.
            before = token_ids.prompt_ids(log[:-2], template)
            assert len(before) <= kept.last.cached_tokens < len(ids)
        log.append({"role": "assistant", "content": text})
    # Another chat begins like the first: only what is common is kept, and what comes after it is right.
    ids = token_ids.prompt_ids([log[0], {"role": "user", "content": "Which star is red?"}], template)
    list(kept.reply(ids, 24))
    assert kept.last.ids == generated(model, ids, 24) and (kept.last.cached_tokens > 0) != sliding
    # The same prompt again: its last token is computed, and nothing else.
    list(kept.reply(ids, 24))
    assert kept.last.ids == generated(model, ids, 24) and kept.last.cached_tokens == (0 if sliding else len(ids) - 1)


@pytest.mark.parametrize("name", ["bamba", "lfm2", "mamba", "minimax", "openai-gpt", "recurrent_gemma", "rwkv"])
def test_replies_of_models_with_other_caches_are_those_of_the_whole_prompt(name, template):
    """They forget their state when several tokens come at once, cannot cut it, call it by another name, or have none."""
    model = families.model(name)
    model.generation_config.eos_token_id = None
    replier, first = replies.Replier(model, template), [3 + number * 37 % 190 for number in range(steps.STEP + 20)]
    ids: list[int] = []
    for turn in range(4):
        ids = [first, [*ids, 4, 5, 6, 7], [*first[:40], 9], [*first[:41], 9]][turn]
        list(replier.reply(ids, 3))
        whole = list(ids)
        for _ in replier.last.ids:
            with torch.inference_mode():
                whole.append(int(copy.deepcopy(model)(torch.tensor([whole]), use_cache=False).logits[0, -1].argmax()))
        assert list(replier.last.ids) == whole[len(ids) :]
        ids = whole


def test_a_stopped_reply_leaves_a_valid_cache(model, tokenizer, template):
    model.generation_config.eos_token_id = 2
    replier = replies.Replier(model, template)
    ids = token_ids.prompt_ids([{"role": "user", "content": "word " * 160}], template)
    assert len(ids) > steps.STEP  # so it can be stopped in the prompt as well
    whole = generated(model, ids, 12)
    for pieces in (1, 2, 3, 6):
        reply = replier.reply(ids, 12)
        for _ in range(pieces):
            next(reply, None)
        reply.close()
        assert replier.last.ended == "interrupted" or len(whole) < pieces
        assert replier.last.ids == whole[: len(replier.last.ids)]
        list(replier.reply(ids, 12))
        assert replier.last.ids == whole


def test_an_interrupted_computation_leaves_a_valid_cache(model, template, monkeypatch):
    model.generation_config.eos_token_id = 2
    replier = replies.Replier(model, template)
    ids = token_ids.prompt_ids([{"role": "user", "content": "Which planet is red?"}], template)
    whole = generated(model, ids, 8)
    list(replier.reply(ids, 8))
    last = model.get_submodule("model.layers.2")

    def broken(*args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(last, "forward", broken)
        list(replier.reply([*ids, 5, 6, 7], 8))
    list(replier.reply(ids, 8))
    assert replier.last.ids == whole and replier.last.cached_tokens == 0


def test_replies_end_at_any_end_token(model, tokenizer, template):
    ids = token_ids.prompt_ids([{"role": "user", "content": "Which planet is red?"}], template)
    model.generation_config.eos_token_id = None
    whole = replies.Replier(model, template)
    list(whole.reply(ids, 12))
    tokens = whole.last.ids
    assert len(tokens) == 12 and whole.last.ended == "length"
    third = tokens[2]
    for ends, stop in ((third, ()), ([999, third], ()), (None, {third})):
        model.generation_config.eos_token_id = ends
        replier = replies.Replier(model, template)
        list(replier.reply(ids, 12, stop=stop))
        assert replier.last.ended == "end" and replier.last.ids == tokens[: tokens.index(third)]
    model.generation_config.eos_token_id = None
    assert replies.end_ids(model, template) == {tokenizer.eos_token_id}


@given(st.lists(st.integers(0, 1599), max_size=60))
@settings(deadline=None)
def test_streamed_pieces_join_to_the_decoded_text(tokenizer, ids):
    text = replies.Text(tokenizer)
    pieces = [*(text.add(token) for token in ids), text.rest()]
    assert "".join(pieces) == tokenizer.decode(ids, skip_special_tokens=True)


@given(st.text(max_size=40))
@example("\U0002f800")
@settings(deadline=None)
def test_no_piece_splits_a_character(tokenizer, drawn):
    said = unicodedata.normalize("NFC", drawn)  # as Qwen2's tokenizers do
    text = replies.Text(tokenizer)
    pieces = [text.add(token) for token in tokenizer(said, split_special_tokens=True)["input_ids"]]
    assert "".join(pieces) + text.rest() == said
    assert "\ufffd" in said or not any("\ufffd" in piece for piece in pieces)


@given(st.lists(st.integers(0, 3)), st.lists(st.integers(0, 3)))
def test_shared_prefix(a, b):
    length = replies.shared_prefix(a, b)
    assert a[:length] == b[:length] and (length in (len(a), len(b)) or a[length] != b[length])


def test_a_reply_that_crosses_a_switch_of_positions_is_computed_anew(template):
    """Beyond the switch a longrope model has other positions for all tokens, those in the cache among them."""
    rope = {"rope_type": "longrope", "rope_theta": 10000.0, "original_max_position_embeddings": 12}
    rope |= {"short_factor": [1.0] * 4, "long_factor": [1.5, 2.5, 3.5, 4.5]}
    torch.manual_seed(0)
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**SMALL, rope_parameters=rope)).eval()
    replier = replies.Replier(model, template)
    for prompt in (list(range(5, 12)), list(range(5, 25))):
        list(replier.reply(prompt, 10))
        ids = list(prompt)
        for _ in replier.last.ids:
            with torch.inference_mode():
                ids.append(int(model(torch.tensor([ids]), use_cache=False).logits[0, -1].argmax()))
        assert list(replier.last.ids) == ids[len(prompt) :] and len(ids) > 13


def test_a_token_beyond_the_vocabulary_is_refused(model, template):
    with pytest.raises(UserError, match=r"the tokenizer's token 99999 .* is beyond the model's vocabulary of"):
        list(replies.Replier(model, template).reply([5, 99999], 3))


@pytest.fixture(scope="module")
def talkative():
    """A tiny model, and a function that lets it write a token after anything."""
    config = transformers.LlamaConfig(**{**SMALL, "vocab_size": 200, "num_hidden_layers": 1})
    model = transformers.LlamaForCausalLM(config).eval()

    def write(token):
        model.model.embed_tokens.weight.data.fill_(1)  # so the hidden state is the same after any tokens
        model.lm_head.weight.data.zero_()
        model.lm_head.weight.data[token] = model.model(torch.tensor([[1]])).last_hidden_state[0, -1]
        return model

    return write


@pytest.mark.parametrize("configured", [None, 2, [2, 7]])
@pytest.mark.parametrize(
    ("name", "mark"), [("chatml", "<|im_end|>"), ("gemma", "<end_of_turn>"), ("gpt-oss", "<|return|>"), ("llama-2", "</s>")]
)
def test_a_reply_ends_at_the_templates_own_mark(talkative, name, mark, configured):
    template = ChatTemplate(chat_templates.like_sentencepiece(chat_templates.TEMPLATES[name]))
    end = template.tokenizer.convert_tokens_to_ids(mark)
    model = talkative(end)
    ids = [5, 6, 7]
    model.generation_config.eos_token_id = configured
    assert template.end_id() == end and end in replies.end_ids(model, template)
    replier = replies.Replier(model, template)
    assert "".join(replier.reply(ids, 8)) == "" and replier.last.ended == "end"
    # A generated answer in an evaluation ends there too, and has no text of a mark.
    assert template.tokenizer.decode(generation.greedy(model, ids, 8, template.tokenizer, end), skip_special_tokens=True) == ""
    if end != 2:
        assert len(generation.greedy(model, ids, 8, template.tokenizer)) == 8  # as with other presets


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_output_that_is_not_finite_is_a_user_error(talkative, value):
    template = ChatTemplate(chat_templates.like_sentencepiece(chat_templates.TEMPLATES["chatml"]))
    model = talkative(5)
    replier = replies.Replier(model, template)
    session = sessions.Session(replier, IDENTITY, views.parse("full"), 500, 4)
    said = "".join(session.ask("Hi"))
    log = list(session.messages)
    model.lm_head.weight.data[7] = value
    with pytest.raises(UserError, match="the model's output is not finite: fetch the weights again, or use another model"):
        list(session.ask("Hi again"))
    assert session.messages == log
    talkative(5)
    assert "".join(session.ask("Hi again")) == said


@pytest.mark.parametrize("name", ["gemma", "mistral-0.1", "phi-3"])
def test_a_system_message_reaches_models_without_a_system_role(talkative, name):
    template = ChatTemplate(chat_templates.like_sentencepiece(chat_templates.TEMPLATES[name]))
    session = sessions.Session(
        replies.Replier(talkative(5), template), IDENTITY, views.parse("last_turns(1)"), 900, 2, "Be brief."
    )
    for text in ("One?", "Two?", "Three?"):
        list(session.ask(text))
    assert session.view.left_out == 1
    seen = template.tokenizer.decode(token_ids.prompt_ids(session.view.messages, template))
    assert seen.count("Be brief.\n\nTwo?") == 1 and "One?" not in seen and "Three?" in seen
    assert len(token_ids.prompt_ids(session.view.messages, template)) == session.view.tokens


def test_a_saved_chat_knows_its_templates_arguments():
    tokenizer = chat_templates.like_sentencepiece(chat_templates.TEMPLATES["qwen3"])
    plain, other = ChatTemplate(tokenizer), ChatTemplate(tokenizer, {"enable_thinking": False})
    assert states.template_hash(plain) == files.sha256(tokenizer.chat_template) != states.template_hash(other)


def test_sampled_tokens_have_the_models_probabilities_at_the_temperature():
    logits = torch.tensor([0.0, 1.0, 2.0, float("-inf"), -1.0])
    for temperature in (0.5, 1.0, 2.0):
        choose = replies.chooser({"temperature": temperature, "seed": 2**32 - 1})
        counts = torch.bincount(torch.tensor([choose(logits) for _ in range(2000)]), minlength=5) / 2000
        expected = torch.tensor([0 if logit == float("-inf") else math.exp(logit / temperature) for logit in logits.tolist()])
        assert (counts - expected / expected.sum()).abs().max() < 0.05 and counts[3] == 0
    # The lowest temperatures are greedy.
    assert {replies.chooser({"temperature": low, "seed": 1})(logits.bfloat16() * 1e4) for low in (1e-3, 5e-324)} == {2}


def test_a_template_is_shown_what_was_said_and_nothing_else_of_the_log(talkative):
    template = ChatTemplate(
        chat_templates.like_sentencepiece("{% for message in messages %}{{ message | tojson }}{% endfor %}")
    )
    session = sessions.Session(replies.Replier(talkative(5), template), IDENTITY, views.parse("full"), 900, 2)
    log = [{"role": "user", "content": "One?"}, {"role": "assistant", "content": "1"}]
    record = {"ended": "length", "sampling": {"temperature": 1.0, "seed": 1}, "system": "Hush."}
    session.messages = [log[0], {**log[1], **record}]
    list(session.ask("Two?"))
    plain = token_ids.prompt_ids([*log, {"role": "user", "content": "Two?"}], template)
    assert session.view.tokens == session.replier.last.prompt_tokens == len(plain)
