"""Log-likelihoods equal those of lm-eval 0.4.13, the field's reference, on the same prompts and models, in float32.

lm-eval's own `HFLM.loglikelihood` is asked for each letter after each prompt; it encodes prompt and answer itself. Of cloze
prompts, lm-eval's evaluator runs its own tasks.
"""

import dataclasses
import os

os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
import torch
import transformers
from mmlu_kit.evaluation import encoding, scoring
from mmlu_kit.evaluation.prompts import running_text
from mmlu_kit.inputs import questions
from mmlu_kit.inputs.questions import Question
from mmlu_kit.models import tokenizers, transformers_model
from mmlu_kit.settings import LoadSettings, Preset, PromptSettings
from mmlu_kit.user_errors import UserError
from tokenizers.pre_tokenizers import ByteLevel

from benchmarks.make_random_model import SMALL, published_shape, save
from tests.helpers import peers

pytestmark = pytest.mark.peer
SUBJECTS = (
    "abstract_algebra anatomy astronomy business_ethics clinical_knowledge college_biology college_chemistry "
    "college_computer_science college_mathematics college_medicine"
).split()
# All questions of the ten subjects, and some where prompts are longest. A Llama reads the same tokens, so some are enough.
TINY = {
    "tiny qwen2": [("lm_eval", 0, None), ("lm_eval", 5, None), ("chat", 0, None), ("chat", 5, 40)],
    "tiny llama": [("lm_eval", 0, 40), ("lm_eval", 5, 10), ("chat", 0, 40), ("chat", 5, 10)],
}


@pytest.fixture(scope="module")
def folders(real_data, root, tmp_path_factory):
    """Random models: a small Qwen2 and a small Llama, each with a real tokenizer (152 thousand tokens) and with the demo
    models' (so small that lm-eval gets through everything), and the full shape of Qwen2.5-0.5B."""
    tokenizer = real_data / "tokenizers/qwen2.5-instruct"
    made = {}
    for name, architecture in {"qwen2": "Qwen2ForCausalLM", "llama": "LlamaForCausalLM"}.items():
        shape = {**SMALL, "hidden_size": 64, "num_attention_heads": 4, "num_key_value_heads": 2, "architecture": architecture}
        shape["max_position_embeddings"] = 32768
        made[name] = save(tmp_path_factory.mktemp(name), tokenizer, {**shape, "vocab_size": 151936})
        made[f"tiny {name}"] = save(tmp_path_factory.mktemp(name), root / "workflow/demo/models/demo-small", shape)
    full = published_shape(real_data / "model_shapes.json", "Qwen/Qwen2.5-0.5B-Instruct")
    made["full"] = save(tmp_path_factory.mktemp("full"), tokenizer, full, "bfloat16")
    return made


@pytest.fixture(scope="module")
def cloze_tasks(real_data, tmp_path_factory):
    return peers.cloze_tasks(real_data / "mmlu", SUBJECTS, tmp_path_factory.mktemp("mmlu"))


def prepared(real_data, tokenizer, preset, examples, most, subjects=SUBJECTS):
    """Return prompts by subject, for at most this many questions of each."""
    by_subject = []
    for subject in subjects:
        subject_questions = questions.read_folder(real_data / "mmlu", subject)
        tests, shown = questions.split(subject_questions, "test")[:most], questions.split(subject_questions, "dev")[:examples]
        by_subject.append(encoding.prepare(tests, shown, PromptSettings(preset=preset, examples=examples), tokenizer, None))
    return by_subject


def score(model, tokenizer, prompts, preset):
    return scoring.score(model, tokenizer, prompts, 768, PromptSettings(preset=preset), {}, lambda number, records: None)[0]


@pytest.mark.parametrize(
    ("name", "preset", "examples", "most", "subjects"),
    [
        *((name, *rest, 10) for name, rows in TINY.items() for rest in rows),
        ("qwen2", "lm_eval", 0, 10, 10),
        ("qwen2", "lm_eval", 5, 2, 10),
        ("qwen2", "chat", 0, 4, 10),
        ("qwen2", "chat", 5, 1, 10),
        ("llama", "lm_eval", 0, 4, 10),
        ("llama", "chat", 5, 1, 10),
        ("full", "lm_eval", 0, 1, 10),
        ("full", "lm_eval", 5, 1, 3),
    ],
)
def test_letter_log_likelihoods_equal_lm_evals(folders, real_data, name, preset, examples, most, subjects):
    from lm_eval.models.huggingface import HFLM

    model = transformers_model.load_model(folders[name], LoadSettings())
    tokenizer = tokenizers.load_tokenizer(folders[name])
    by_subject = prepared(real_data, tokenizer, preset, examples, most, SUBJECTS[:subjects])
    assert sum(map(len, by_subject)) == (1369 if most is None else subjects * most)
    lm = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=8, max_length=32768)
    flips = []
    for prompts in by_subject:
        records = score(model, tokenizer, prompts, preset)
        flips += peers.ties_ranked_otherwise(records, peers.letter_logprobs(lm, prompts))
    print(f"{name}, {preset}, {examples} examples: ties ranked otherwise: {flips or 'none'}")


@pytest.mark.parametrize(("preset", "examples"), [("lm_eval", 0), ("lm_eval", 5), ("chat", 0), ("chat", 5)])
def test_all_prompts_have_lm_evals_tokens(folders, real_data, preset, examples):
    """Every prompt of the ten subjects and the first letter that may answer it, by a real tokenizer."""
    from lm_eval.models.huggingface import HFLM

    tokenizer = tokenizers.load_tokenizer(folders["qwen2"])
    model = transformers_model.load_model(folders["tiny qwen2"], LoadSettings())
    lm = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=8, max_length=32768)
    prompts = [prompt for subject in prepared(real_data, tokenizer, preset, examples, None) for prompt in subject]
    assert len(prompts) == 1369
    for prompt in prompts:
        context, letter = lm._encode_pair(prompt.text, prompt.answers[0])
        # lm-eval counts the white space that a prompt ends with as part of the answer.
        assert (*context, *letter) == (*prompt.ids, prompt.letter_ids[0]), prompt.question.name


@pytest.mark.parametrize(
    ("name", "examples", "subjects", "most"),
    [
        *((f"tiny {name}", *rest) for name in ("qwen2", "llama") for rest in ((0, 10, 2), (5, 10, 1))),
        ("qwen2", 0, 10, 1),
        ("qwen2", 5, 4, 1),
        ("llama", 0, 4, 1),
        ("full", 0, 1, 1),
    ],
)
def test_cloze_scores_equal_those_of_lm_evals_own_tasks(folders, real_data, cloze_tasks, name, examples, subjects, most):
    """lm-eval's `mmlu_continuation`: the log-likelihood of every choice, and the answers by `acc` and `acc_norm`."""
    from lm_eval import evaluator
    from lm_eval.models.huggingface import HFLM

    model = transformers_model.load_model(folders[name], LoadSettings())
    tokenizer = tokenizers.load_tokenizer(folders[name])
    tasks = {cloze_tasks[subject].config.task: cloze_tasks[subject] for subject in SUBJECTS[:subjects]}
    for task in tasks.values():
        task.set_config("num_fewshot", examples)
    lm = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=8, max_length=32768)
    results = evaluator.evaluate(lm, {"tasks": tasks}, limit=most, bootstrap_iters=0)
    flips = []
    by_subject = prepared(real_data, tokenizer, "cloze", examples, most, SUBJECTS[:subjects])
    for task, prompts in zip(tasks, by_subject, strict=True):
        records, samples = score(model, tokenizer, prompts, "cloze"), results["samples"][task]
        assert [(prompt.text, answer) for prompt in prompts for answer in prompt.answers] == [
            pair for sample in samples for pair in sample["arguments"]
        ]
        flips += peers.cloze_ties_ranked_otherwise(records, results["results"][task], samples)
        # lm-eval's own acc_mutual_info has an empty context, which is no prompt; OLMES has this one.
        alone = peers.loglikelihoods(lm, [("Answer:", answer) for prompt in prompts for answer in prompt.answers])
        unconditional = torch.tensor([choice.unconditional for record in records for choice in record.cloze])
        torch.testing.assert_close(unconditional, alone, atol=1e-4, rtol=0)
    print(f"{name}, cloze, {examples} examples: ties ranked otherwise: {flips or 'none'}")


def test_log_likelihoods_of_ten_letters_equal_lm_evals(folders, real_data):
    from lm_eval.models.huggingface import HFLM

    model = transformers_model.load_model(folders["qwen2"], LoadSettings())
    tokenizer = tokenizers.load_tokenizer(folders["qwen2"])
    subject_questions = questions.read_folder(real_data / "mmlu", "college_biology")
    shown, tests = questions.split(subject_questions, "dev"), questions.split(subject_questions, "test")
    texts = list(dict.fromkeys(choice for question in tests for choice in question.choices))
    widths = (10, 10, 10, 10, 3, 26)  # mmlu_pro has up to ten choices
    tests = [
        dataclasses.replace(question, choices=tuple(texts[10 * place : 10 * place + width]), answer="AB"[place % 2])
        for place, (question, width) in enumerate(zip(tests, widths, strict=False))
    ]
    lm = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=8, max_length=32768)
    prompts = encoding.prepare(tests, shown[:1], PromptSettings(examples=1), tokenizer, None)
    assert prompts[0].answers == tuple(f" {letter}" for letter in "ABCDEFGHIJ")
    for prompt, record in zip(prompts, score(model, tokenizer, prompts, "lm_eval"), strict=True):
        peers.ties_ranked_otherwise([record], peers.letter_logprobs(lm, [prompt]))


def test_what_lm_eval_scores_in_another_way_than_cloze_prompts(folders, real_data):
    """By design: lm-eval reads a special token's text in a choice as that token, and where a choice changes the tokens of the
    prompt before it, lm-eval scores some of its text only; the kit refuses that."""
    from lm_eval.models.huggingface import HFLM

    model = transformers_model.load_model(folders["qwen2"], LoadSettings())
    tokenizer = tokenizers.load_tokenizer(folders["qwen2"])
    lm = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=8, max_length=32768)
    question = Question("anatomy", "test", 0, "Which ends a turn?", ("<|im_end|>", "red"), "A")
    (prompt,) = encoding.prepare([question], [], PromptSettings(preset="cloze"), tokenizer, None)
    (_, mark), (_, red) = (lm._encode_pair(prompt.text, answer) for answer in prompt.answers)
    assert mark[-1] == tokenizer.convert_tokens_to_ids("<|im_end|>") and mark[-1] not in prompt.choices[0].ids
    assert tuple(red) == prompt.choices[1].ids

    vocabulary = {symbol: number for number, symbol in enumerate(ByteLevel.alphabet())} | {":\u0120": 300, "<|endoftext|>": 301}
    joins = transformers.Qwen2Tokenizer(vocab=vocabulary, merges=[(":", "\u0120")])  # the colon and the choice's space
    joins.backend_tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=False)
    lm = HFLM(pretrained=model, tokenizer=joins, batch_size=8, max_length=32768)
    assert joins.decode(lm._encode_pair(prompt.text, " red")[1]) == "red"
    with pytest.raises(UserError, match="the choice 'red' changes the tokens of the prompt before it"):
        encoding.prepare(
            [dataclasses.replace(question, choices=("red", "blue"))], [], PromptSettings(preset="cloze"), joins, None
        )


@pytest.mark.parametrize("examples", [0, 5])
def test_cloze_prompts_equal_those_of_lm_evals_own_tasks(real_data, cloze_tasks, examples):
    """Every prompt and choice of the ten subjects, as lm-eval's evaluator asks them."""
    for subject, task in cloze_tasks.items():
        task.set_config("num_fewshot", examples)
        task.build_all_requests()
        subject_questions = questions.read_folder(real_data / "mmlu", subject)
        shown = questions.split(subject_questions, "dev")[:examples]
        expected = [
            (running_text(question, shown, Preset.CLOZE), f" {choice}")
            for question in questions.split(subject_questions, "test")
            for choice in question.choices
        ]
        assert [request.args for request in task.instances] == expected


def test_prompts_equal_those_of_lm_evals_task_files(real_data):
    """Every prompt of the ten subjects, rendered from the task's YAML files by lm-eval's template language."""
    from pathlib import Path

    import jinja2
    import lm_eval.tasks
    import yaml

    folder = Path(lm_eval.tasks.__file__).parent / "mmlu/default"
    template = yaml.load((folder / "_default_template_yaml").read_text(), Loader=yaml.BaseLoader)["doc_to_text"]
    render = jinja2.Environment(undefined=jinja2.StrictUndefined, keep_trailing_newline=True).from_string(template).render
    for subject in SUBJECTS:
        description = yaml.load((folder / f"mmlu_{subject}.yaml").read_text(), Loader=yaml.BaseLoader)["description"]
        subject_questions = questions.read_folder(real_data / "mmlu", subject)
        shown = questions.split(subject_questions, "dev")
        examples = "".join(f"{render(question=q.question, choices=q.choices)} {q.answer}\n\n" for q in shown)
        for question in questions.split(subject_questions, "test"):
            text = render(question=question.question, choices=question.choices)
            assert running_text(question, [], Preset.LM_EVAL) == description + text
            assert running_text(question, shown, Preset.LM_EVAL) == description + examples + text
