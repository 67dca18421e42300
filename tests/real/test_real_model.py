"""A real published model: SmolLM2-135M-Instruct chats, and is scored on real MMLU questions as lm-eval 0.4.13 scores it.

Random models have flat log-probabilities and write nothing that makes sense. This one has peaked log-probabilities, and a
wrong weight, rotary position or token shows in what it writes.
"""

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import json
from functools import cache

import gguf
import pytest
import torch
from mmlu_kit.evaluation import encoding, generation, scoring
from mmlu_kit.evaluation.records import Evaluation
from mmlu_kit.inputs import checkpoints, questions
from mmlu_kit.models import batch_size, positions, tokenizers, transformers_model
from mmlu_kit.settings import LoadSettings, PromptSettings, Split
from safetensors.torch import load_file

from tests.helpers import peers

pytestmark = pytest.mark.real
SUBJECTS = ("astronomy", "anatomy")
# Of each subject 20 questions for each preset with letters and 8 for cloze, whose choices lm-eval scores one at a time.
PART = {"lm_eval": slice(0, 20), "chat": slice(25, 45), "cloze": slice(50, 58)}


@pytest.fixture(scope="module")
def metadata(real_gguf):
    """What the GGUF file says of the model: values by key."""
    return {key: field.contents() for key, field in gguf.GGUFReader(real_gguf).fields.items()}


@pytest.fixture(scope="module")
def model(real_folder):
    return transformers_model.load_model(real_folder, LoadSettings())


@pytest.fixture(scope="module")
def tokenizer(real_folder):
    return tokenizers.load_tokenizer(real_folder)


@pytest.fixture(scope="module")
def part(real_data):
    """Return the questions of a subject that a preset is tried on: part('chat', 'anatomy')."""
    return lambda preset, subject: questions.split(questions.read_folder(real_data / "mmlu", subject), Split.TEST)[PART[preset]]


@pytest.fixture(scope="module")
def score(model, tokenizer, part):
    """Return the prompts and the kit's records of a preset and subject."""

    @cache
    def call(preset, subject):
        prompts = encoding.prepare(
            part(preset, subject), [], PromptSettings(preset=preset), tokenizer, positions.context_length(model)
        )
        return prompts, scoring.score(
            model, tokenizer, prompts, batch_size.ON_CPU, PromptSettings(preset=preset), {}, lambda number, records: None
        )[0]

    return call


def test_the_folder_has_the_dequantized_weights_of_the_file(real_folder, real_gguf, metadata):
    """In the file, rows of queries and keys are in llama.cpp's order: the two halves of each head are interleaved."""
    tensors = {tensor.name: tensor for tensor in gguf.GGUFReader(real_gguf).tensors}
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.LLAMA, metadata["llama.block_count"])
    size = metadata["llama.rope.dimension_count"]
    for name, weights in load_file(real_folder / "model.safetensors").items():
        tensor = tensors.pop(names.get_name(name, try_suffixes=(".weight",)))
        if "q_proj" in name or "k_proj" in name:
            weights = weights.view(-1, 2, size // 2, weights.shape[1]).transpose(1, 2).reshape(weights.shape)
        assert torch.equal(weights, torch.tensor(gguf.quants.dequantize(tensor.data, tensor.tensor_type))), name
    assert not tensors


def test_the_model_is_the_one_that_the_file_describes(real_folder, model, metadata):
    assert checkpoints.describe(real_folder).parameters == 134_515_008
    assert model.get_output_embeddings().weight is model.get_input_embeddings().weight
    config = model.config
    assert config.rope_parameters["rope_theta"] == metadata["llama.rope.freq_base"]
    assert config.rms_norm_eps == metadata["llama.attention.layer_norm_rms_epsilon"]
    assert config.num_attention_heads == metadata["llama.attention.head_count"]
    assert config.num_key_value_heads == metadata["llama.attention.head_count_kv"]
    assert positions.context_length(model) == metadata["llama.context_length"] == 8192


def test_the_tokenizer_is_the_one_in_the_file(real_folder, tokenizer, metadata):
    tokens = metadata["tokenizer.ggml.tokens"]
    assert tokenizer.convert_ids_to_tokens(list(range(len(tokenizer)))) == tokens
    merges = json.loads((real_folder / "tokenizer.json").read_text())["model"]["merges"]
    assert [" ".join(merge) for merge in merges] == metadata["tokenizer.ggml.merges"]
    assert tokenizer.chat_template == metadata["tokenizer.chat_template"]
    for name, key in {"bos": "bos", "eos": "eos", "pad": "padding", "unk": "unknown"}.items():
        assert getattr(tokenizer, f"{name}_token_id") == metadata[f"tokenizer.ggml.{key}_token_id"]
    kinds = metadata["tokenizer.ggml.token_type"]
    control = [token for token, kind in zip(tokens, kinds, strict=True) if kind == gguf.TokenType.CONTROL]
    assert [token.content for token in tokenizer.added_tokens_decoder.values() if token.special] == control
    assert not metadata["tokenizer.ggml.add_bos_token"] and tokenizer("")["input_ids"] == []
    # White space before a digit is one token, as the pre-tokenizer 'smollm' has it; GPT-2's would make it two.
    assert metadata["tokenizer.ggml.pre"] == "smollm"
    assert tokenizer.tokenize("about it.\n\n12  345 A") == ["about", "Ġit", ".", "ĊĊ", "1", "2", "ĠĠ", "3", "4", "5", "ĠA"]


def test_it_continues_series(model, tokenizer):
    """Without its rotary positions in order it still names Paris, but writes ' 2, 2, 2,' here."""
    days = "Monday, Tuesday, Wednesday, Thursday,"
    for text, continuation in {"1, 2, 3, 4, 5, 6,": " 7, 8, 9,", days: " Friday, Saturday, Sunday"}.items():
        ids = tokenizer(text)["input_ids"]
        written = generation.greedy(model, ids, len(tokenizer(continuation)["input_ids"]), tokenizer)
        assert tokenizer.decode(written) == continuation


def test_it_answers_in_the_chat(kit, real_folder):
    chat = kit("chat", "--model", real_folder, "--max-new-tokens", 32, input="What is the capital of France?\n")
    assert chat.returncode == 0, chat.stderr
    assert chat.stdout.strip() == "The capital of France is Paris."


@pytest.mark.peer
@pytest.mark.parametrize("subject", SUBJECTS)
@pytest.mark.parametrize("preset", ["lm_eval", "chat"])
def test_letter_log_likelihoods_equal_lm_evals(model, tokenizer, score, preset, subject):
    from lm_eval.models.huggingface import HFLM

    prompts, records = score(preset, subject)
    assert len(records) == 20
    lm = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=8, max_length=8192)
    flips = peers.ties_ranked_otherwise(records, peers.letter_logprobs(lm, prompts))
    print(f"{preset}, {subject}: ties ranked otherwise: {flips or 'none'}")


@pytest.mark.peer
@pytest.mark.parametrize("subject", SUBJECTS)
def test_log_likelihoods_of_the_choices_texts_equal_lm_evals(model, tokenizer, score, subject):
    from lm_eval.models.huggingface import HFLM

    prompts, records = score("cloze", subject)
    lm = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=4, max_length=8192)
    pairs = [(prompt.text, answer) for prompt in prompts for answer in prompt.answers]
    logprobs = torch.tensor([choice.logprob for record in records for choice in record.cloze])
    torch.testing.assert_close(logprobs, peers.loglikelihoods(lm, pairs), atol=1e-4, rtol=0)


def test_asked_in_its_chat_template_it_answers_with_a_letter(score):
    for subject in SUBJECTS:
        _, records = score("chat", subject)
        assert all(record.parsed for record in records)
        assert all(record.letter_mass > 0.5 for record in records)


def test_an_evaluation_as_users_run_it_gives_the_same_records(run, real_folder, part, score, tmp_path):
    path = tmp_path / "astronomy.jsonl"
    questions.write_jsonl(path, part("lm_eval", "astronomy"))
    process = run("evaluate.py", "--model", real_folder, "--name", "smol", "--questions", path, "--preset", "lm_eval",
                  "--threads", torch.get_num_threads(), "--evaluations", tmp_path / "evaluations")  # fmt: skip
    assert process.returncode == 0, process.stderr
    evaluation = Evaluation.read(tmp_path / "evaluations/astronomy.json")
    assert evaluation.records == score("lm_eval", "astronomy")[1]
    assert f" Result: {evaluation.totals.correct}/20 correct" in process.stdout
