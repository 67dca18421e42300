"""Every family of models is scored exactly: packed or one prompt at a time, as its own attention scores each prompt alone."""

import copy
from collections.abc import Sequence
from types import SimpleNamespace

import pytest
import torch
import transformers
from mmlu_kit.evaluation import scoring
from mmlu_kit.evaluation.encoding import Prompt
from mmlu_kit.inputs.questions import Question
from mmlu_kit.models import batch_size, positions

from tests.helpers import families

pytestmark = [pytest.mark.families, pytest.mark.parametrize("name", families.FAMILIES)]

LETTER_IDS = (11, 12, 13, 14)
PREFIX = 12  # tokens that prompts share
SUFFIXES = (3, 7, 20, 33, 61, 90)  # shorter and longer than windows and original contexts
TOKENIZER = SimpleNamespace(pad_token_id=0, decode=lambda ids, skip_special_tokens: " ".join(map(str, ids)))


@pytest.fixture(autouse=True)
def one_thread(name):
    """Skip a family that this transformers lacks; tiny products are slower on several threads than on one."""
    try:
        families.config(name)
    except LookupError as error:
        pytest.skip(str(error))
    transformers.utils.logging.set_verbosity_error()  # about optional kernels
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def make_prompts(shared: int) -> list[Prompt]:
    """Prompts of random tokens, the first `shared` of which are the same."""
    draw = torch.Generator().manual_seed(1)

    def tokens(count: int) -> tuple[int, ...]:
        return tuple(torch.randint(3, families.VOCABULARY, (count,), generator=draw).tolist())

    prefix = tokens(shared)
    return [
        Prompt(
            question=Question("astronomy", "test", index, "?", ("a", "b", "c", "d"), "A"),
            text="?",
            sha256="0" * 64,
            ids=prefix + tokens(length),
            answers=tuple("ABCD"),
            letter_ids=LETTER_IDS,
            examples=0,
        )
        for index, length in enumerate(SUFFIXES)
    ]


def own_logprobs(model: torch.nn.Module, ids: Sequence[int]) -> torch.Tensor:
    """Next-token log-likelihoods after one prompt, by a fresh copy: some rotary positions depend on earlier prompts."""
    with torch.inference_mode():
        return torch.log_softmax(
            copy.deepcopy(model)(input_ids=torch.tensor([ids]), use_cache=False).logits[0, -1].double(), dim=-1
        )


@pytest.mark.parametrize("shared", [0, PREFIX])
def test_scores_are_those_of_each_prompt_alone(name, shared):
    model, prompts = families.model(name), make_prompts(shared)
    reference = torch.stack([own_logprobs(model, prompt.ids) for prompt in prompts])
    assert reference[:, LETTER_IDS].std(dim=0).max() > 0.1, "this model does not tell the prompts apart"
    records, packing = scoring.score(model, TOKENIZER, prompts, 128, 1, {}, lambda number, batch: None)
    print(f"{name}: {packing.in_words()}")
    scored = torch.tensor([[record.letter_logprobs[letter] for letter in "ABCD"] for record in records], dtype=torch.float64)
    error = (scored - reference[:, LETTER_IDS]).abs().max()
    assert error < 1e-4, f"{name}: {error:.2g} nats off"
    assert [record.generated for record in records] == [str(int(row.argmax())) for row in reference]


def test_a_batch_for_a_gpu_is_planned(name, monkeypatch):
    model = families.skeleton(name)
    monkeypatch.setattr(type(model), "device", torch.device("cuda"), raising=False)
    weights = sum(weight.numel() * weight.element_size() for weight in model.parameters())
    planned = []
    for room in (2**20, 2**26, 2**36):
        memory = SimpleNamespace(total_memory=weights + room)
        monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device, memory=memory: memory)
        planned.append(batch_size.tokens_per_batch(model, "auto"))
    assert planned[0] == 512 < planned[1] < planned[2] == 65536
    assert all(tokens % 512 == 0 for tokens in planned)


def test_the_context_length_is_what_the_model_can_read(name):
    model = families.model(name)
    context = positions.context_length(model)
    assert context == families.CONTEXTS[name]
    with torch.inference_mode():
        logits = model(input_ids=torch.full((1, context or families.CONTEXT), 5), use_cache=False).logits
    assert torch.isfinite(logits).all()
