"""Tokenizers of GGUF files cut as the models' own tokenizers do."""

import json
import os

os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
import transformers
from mmlu_kit.inputs import gguf_tokens
from mmlu_kit.models import tokenizers
from mmlu_kit.user_errors import UserError

from tests.helpers.gguf_files import vocabulary, write_model

TEXTS = (
    "The Answer is 12345,  x = Y\n\n  naïve café 你好 don't\tA. (B) https://a.b/c_d",
    "DON'T we'LL I'm 'S 's ’s",
    "  two spaces   three\u00a0no-break\u3000wide\u200bzero\ufeffmark",
    "\r\n \r\n\n\n \t\n  x  \n",
    "1 22 333 4444 55555 ½ ² Ⅷ ٣٤٥ 𝟘𝟙 1,234.5e-6",
    "e\u0301 a\u0308 \ufb01 \u212b ｆｕｌｌ",
    "한국어 日本語 ไทย हिन्दी עברית العربية ქართული",
    "👩‍👩‍👧 🇩🇪 🏽 \U0001f9d1\u200d\U0001f52c",
    "<|im_start|>user\nhi<|im_end|>\n<think>no</think><|endoftext|>",
    "C++ {}[]()<>;:!?@#$%^&*-_=+|\\~`\"'/ a/b //\n",
    "def f(x):\n\treturn x**2  # ok\n\n\n    pass",
    "\x00\x07\x1b[0m \ud7ff\ue000",
    "",
    " ",
    "Ωmega ΣΑΣ ẞ ǅ İi",
)


@pytest.fixture(scope="module")
def model():
    config = transformers.LlamaConfig(
        vocab_size=320, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2
    )
    return transformers.LlamaForCausalLM(config)


@pytest.fixture
def load(model, tmp_path):
    """Return the tokenizer of a file with this metadata: load({'tokenizer.ggml.pre': 'smollm'})."""

    def call(changes=None, without=()):
        changes = {key if "." in key else f"tokenizer.ggml.{key}": value for key, value in (changes or {}).items()}
        return tokenizers.load_tokenizer(
            write_model(tmp_path / "m.gguf", model, metadata={**changes, **dict.fromkeys(without)})
        )

    return call


def test_qwens_tokenizer_cuts_as_its_own_file_says(real_data, tmp_path):
    folder = real_data / "tokenizers/qwen2.5-instruct"
    content = json.loads((folder / "tokenizer.json").read_text())
    tokens = sorted(
        {**content["model"]["vocab"], **{token["content"]: token["id"] for token in content["added_tokens"]}}.items(),
        key=lambda entry: entry[1],
    )
    special = {token["content"]: 3 if token["special"] else 4 for token in content["added_tokens"]}
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in content["model"]["merges"]]
    config = transformers.Qwen2Config(
        vocab_size=len(tokens),
        hidden_size=2,
        intermediate_size=2,
        num_hidden_layers=1,
        num_attention_heads=1,
        num_key_value_heads=1,
    )
    reference = transformers.AutoTokenizer.from_pretrained(folder)
    path = write_model(
        tmp_path / "m.gguf",
        transformers.Qwen2ForCausalLM(config),
        metadata={
            "tokenizer.ggml.pre": "qwen2",
            "tokenizer.ggml.tokens": [token for token, _ in tokens],
            "tokenizer.ggml.token_type": [special.get(token, 1) for token, _ in tokens],
            "tokenizer.ggml.merges": merges,
            "tokenizer.ggml.bos_token_id": 151643,
            "tokenizer.ggml.eos_token_id": 151645,
            "tokenizer.ggml.padding_token_id": 151643,
            "tokenizer.ggml.add_bos_token": False,
            "tokenizer.chat_template": reference.chat_template,
        },
    )
    tokenizer = tokenizers.load_tokenizer(path)
    for text in TEXTS:
        for options in ({}, {"add_special_tokens": False}, {"split_special_tokens": True}):
            assert tokenizer(text, **options)["input_ids"] == reference(text, **options)["input_ids"], text
        ids = reference(text)["input_ids"]
        assert tokenizer.decode(ids) == reference.decode(ids)
    messages = [{"role": "user", "content": "Hello"}]
    assert tokenizer.apply_chat_template(messages, tokenize=False) == reference.apply_chat_template(messages, tokenize=False)
    assert (tokenizer.eos_token, tokenizer.pad_token) == (reference.eos_token, reference.pad_token)


@pytest.mark.real
def test_smollms_tokenizer_cuts_as_the_converted_folder_does(real_gguf, real_folder):
    tokenizer, reference = tokenizers.load_tokenizer(real_gguf), tokenizers.load_tokenizer(real_folder)
    for text in TEXTS:
        assert tokenizer(text)["input_ids"] == reference(text)["input_ids"], text
    assert tokenizer.special_tokens_map == reference.special_tokens_map
    assert tokenizer.chat_template == reference.chat_template


PIECES = "it's IT'S 12345 a/b\n\n  x!\n y"


@pytest.mark.parametrize(
    ("pre", "pieces"),
    [
        ("gpt-2", ["it", "'s", " IT", "'", "S", " 12345", " a", "/", "b", "\n\n ", " x", "!", "\n", " y"]),
        ("smollm", ["it", "'s", " IT", "'", "S", " ", "1", "2", "3", "4", "5", " a", "/", "b", "\n\n ", " x", "!", "\n", " y"]),
        ("llama-bpe", ["it", "'s", " IT", "'S", " ", "123", "45", " a", "/b", "\n\n", " ", " x", "!\n", " y"]),
        ("qwen2", ["it", "'s", " IT", "'S", " ", "1", "2", "3", "4", "5", " a", "/b", "\n\n", " ", " x", "!\n", " y"]),
        ("gpt-4o", ["it's", " IT'S", " ", "123", "45", " a", "/b", "\n\n", " ", " x", "!\n", " y"]),
        ("tekken", ["it", "'s", " IT", "'S", " ", "1", "2", "3", "4", "5", " a", "/b", "\n\n", " ", " x", "!\n", " y"]),
        (
            "deepseek-coder",
            [
                "it",
                "'",
                "s",
                " IT",
                "'",
                "S",
                " ",
                "1",
                "2",
                "3",
                "4",
                "5",
                " a",
                "/",
                "b",
                "\n",
                "\n",
                " ",
                " x",
                "!",
                "\n",
                " y",
            ],
        ),
    ],
)
def test_how_each_kind_of_pre_tokenizer_cuts(load, pre, pieces):
    backend = load({"pre": pre}).backend_tokenizer
    places = [place for _, place in backend.pre_tokenizer.pre_tokenize_str(PIECES)]
    assert [PIECES[begin:end] for begin, end in places] == pieces


@pytest.mark.parametrize("pre", gguf_tokens.PRE_TOKENIZERS)
def test_every_pattern_keeps_the_whole_text(load, pre):
    tokenizer = load({"pre": pre, "add_bos_token": False})
    for text in TEXTS:
        composed = (
            tokenizer.backend_tokenizer.normalizer.normalize_str(text) if tokenizer.backend_tokenizer.normalizer else text
        )
        assert tokenizer.decode(tokenizer(text, split_special_tokens=True)["input_ids"]) == composed


def test_texts_begin_with_bos_if_the_file_says_so_or_its_family_does(load):
    bos = 318
    assert load()("A")["input_ids"] == [32]
    assert load({"add_bos_token": True})("A")["input_ids"] == [bos, 32]
    assert load({"pre": "llama-bpe"})("A")["input_ids"] == [bos, 32]
    assert load({"pre": "llama-bpe", "add_bos_token": False})("A")["input_ids"] == [32]
    assert load({"add_bos_token": True, "add_eos_token": True})("A")["input_ids"] == [bos, 32, 319]
    assert load({"add_bos_token": True})("A", add_special_tokens=False)["input_ids"] == [32]


def test_control_tokens_are_special_whatever_letters_they_have(load):
    """transformers' reader spells other letters as bytes, and then cuts '<｜end｜>' into pieces."""
    tokens = vocabulary()["tokenizer.ggml.tokens"]
    tokens[300:302] = ["<｜end▁of▁turn｜>", "<think>"]
    types = [3 if token.startswith("<|") else 1 for token in tokens]
    types[300:302] = [3, 4]
    tokenizer = load({"tokens": tokens, "token_type": types})
    ids = tokenizer("A<｜end▁of▁turn｜><think>B")["input_ids"]
    assert ids == [32, 300, 301, 33]
    assert tokenizer.decode(ids, skip_special_tokens=True) == "A<think>B"


def sentencepiece(**changes):
    """Return the metadata of a tokenizer of sentencepiece; 'ab' is merged before 'bc', which scores less."""
    pieces = ["▁", "a", "b", "c", "1", "▁a", "ab", "bc", "▁ab", "abc", "▁▁"]
    scores = {"▁a": -3.0, "ab": -1.0, "bc": -2.0, "▁ab": -4.0, "abc": -5.0, "▁▁": -6.0}
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), *pieces]
    tokens += [f"[PAD{number}]" for number in range(320 - len(tokens))]
    types = [2, 3, 3, *[6] * 256, *[1] * len(pieces)]
    return {
        "pre": "default",
        "model": "llama",
        "tokens": tokens,
        "token_type": [*types, *[5] * (320 - len(types))],
        "scores": [scores.get(token, -100.0) for token in tokens],
        "merges": None,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "unknown_token_id": 0,
        **changes,
    }


def test_sentencepiece_merges_by_score_and_writes_the_rest_as_bytes(load):
    tokenizer = load(sentencepiece())
    pieces = lambda text: tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"])  # noqa: E731
    assert pieces("abc") == ["<s>", "▁ab", "c"]
    assert pieces("bc  a1é") == ["<s>", "▁", "bc", "▁", "▁a", "1", "<0xC3>", "<0xA9>"]
    assert pieces("a</s>b") == ["<s>", "▁a", "</s>", "▁", "b"]  # llama.cpp, too, writes a space behind a special token
    assert tokenizer.decode(tokenizer("abc é", add_special_tokens=False)["input_ids"]) == "abc é"
    bare = load(sentencepiece(add_space_prefix=False, add_bos_token=False))
    assert bare.convert_ids_to_tokens(bare("abc")["input_ids"]) == ["abc"]


def test_phi_3_drops_white_space_behind_special_tokens(tmp_path):
    config = transformers.Phi3Config(
        vocab_size=320, hidden_size=32, intermediate_size=32, num_hidden_layers=1, num_attention_heads=2, num_key_value_heads=2,
        pad_token_id=None, original_max_position_embeddings=64, max_position_embeddings=64,
    )  # fmt: skip
    metadata = {f"tokenizer.ggml.{key}": value for key, value in sentencepiece(add_space_prefix=False).items()}
    path = write_model(tmp_path / "m.gguf", transformers.Phi3ForCausalLM(config), metadata=metadata)
    tokenizer = tokenizers.load_tokenizer(path)
    assert tokenizer.convert_ids_to_tokens(tokenizer("a</s> \nb<s> c")["input_ids"]) == [
        "<s>",
        "a",
        "</s>",
        "b",
        "<s>",
        "▁",
        "c",
    ]


def test_several_chat_templates(load):
    named = {
        "tokenizer.chat_template": "one",
        "tokenizer.chat_template.tool_use": "two",
        "tokenizer.chat_templates": ["tool_use"],
    }
    assert load(named).chat_template == {"default": "one", "tool_use": "two"}
    assert load().chat_template is None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"pre": "viking"}, "its pre-tokenizer 'viking' is not known"),
        ({"pre": "default"}, "its pre-tokenizer 'default' is not known"),
        ({"pre": None}, "tokenizer.ggml.pre is missing"),
        ({"model": "bert"}, "its tokenizer is of the kind 'bert', and the kit reads 'gpt2' and 'llama'"),
        ({"model": None}, "tokenizer.ggml.model is missing"),
        ({"model": "x\x1b[31m"}, "its tokenizer is of the kind 'x"),
        ({"merges": None}, "tokenizer.ggml.merges is missing"),
        ({"merges": ["t h", "zz y"]}, "its merge 'zz y' is not one of its tokens"),
        ({"merges": ["th"]}, "its merge 'th' is not one of its tokens"),
        ({"merges": [1, 2]}, "tokenizer.ggml.merges is no list of str"),
        ({"token_type": [1, 1]}, "its vocabulary has 320 tokens, but 2 types"),
        ({"bos_token_id": 320}, "tokenizer.ggml.bos_token_id is 320, and the vocabulary has 320 tokens"),
        (
            {"bos_token_id": None, "add_bos_token": True},
            "it adds a token at the start or end of a text, but does not say which",
        ),
        ({"add_bos_token": "yes"}, "tokenizer.ggml.add_bos_token is no bool"),
        ({"tokens": ["same"] * 320}, "a token is in its vocabulary twice"),
        (sentencepiece(scores=None), "tokenizer.ggml.scores is missing"),
    ],
)
def test_a_tokenizer_that_cannot_be_built_exactly_is_refused(load, changes, words):
    with pytest.raises(UserError, match=words) as error:
        load(changes)
    assert str(error.value).endswith("use the folder of the model's safetensors weights")
    assert str(error.value).isprintable()
