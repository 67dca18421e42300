"""Log-likelihoods equal those of lm-eval 0.4.13, the field's reference, on the same prompts and models, in float32.

lm-eval's own `HFLM.loglikelihood` is asked for each letter after each prompt; it encodes prompt and answer itself.
"""

import os

os.environ["HF_HUB_OFFLINE"] = "1"

import pytest
from mmlu_kit.evaluation import encoding, scoring
from mmlu_kit.inputs import questions
from mmlu_kit.models import tokenizers, transformers_model
from mmlu_kit.settings import LoadSettings, Preset, PromptSettings

from benchmarks.make_random_model import SMALL, published_shape, save
from tests.helpers import peers

pytestmark = pytest.mark.peer
SUBJECTS = (
    "abstract_algebra anatomy astronomy business_ethics clinical_knowledge college_biology college_chemistry "
    "college_computer_science college_mathematics college_medicine"
).split()
# All questions of the ten subjects, and some where prompts are longest.
TINY = [("lm_eval", 0, None), ("lm_eval", 5, None), ("chat", 0, None), ("chat", 5, 40)]


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


def prepared(real_data, tokenizer, preset, examples, most):
    """Return prompts by subject, for at most this many questions of each."""
    by_subject = []
    for subject in SUBJECTS:
        subject_questions = questions.read_folder(real_data / "mmlu", subject)
        tests, shown = questions.split(subject_questions, "test")[:most], questions.split(subject_questions, "dev")[:examples]
        by_subject.append(encoding.prepare(tests, shown, PromptSettings(preset=preset, examples=examples), tokenizer, None))
    return by_subject


@pytest.mark.parametrize(
    ("name", "preset", "examples", "most"),
    [
        *((f"tiny {name}", *rest) for name in ("qwen2", "llama") for rest in TINY),
        ("qwen2", "lm_eval", 0, 40),
        ("qwen2", "lm_eval", 5, 4),
        ("qwen2", "chat", 0, 10),
        ("qwen2", "chat", 5, 2),
        ("llama", "lm_eval", 0, 10),
        ("llama", "chat", 5, 2),
        ("full", "lm_eval", 0, 1),
        ("full", "lm_eval", 5, 1),
    ],
)
def test_letter_log_likelihoods_equal_lm_evals(folders, real_data, name, preset, examples, most):
    from lm_eval.models.huggingface import HFLM

    model = transformers_model.load_model(folders[name], LoadSettings())
    tokenizer = tokenizers.load_tokenizer(folders[name])
    by_subject = prepared(real_data, tokenizer, preset, examples, most)
    assert sum(map(len, by_subject)) == (1369 if most is None else 10 * most)
    lm = HFLM(pretrained=model, tokenizer=tokenizer, batch_size=8, max_length=32768)
    flips = []
    for prompts in by_subject:
        records, _ = scoring.score(
            model, tokenizer, prompts, 768, PromptSettings(preset=preset), {}, lambda number, records: None
        )
        flips += peers.ties_ranked_otherwise(records, peers.letter_logprobs(lm, prompts))
    print(f"{name}, {preset}, {examples} examples: ties ranked otherwise: {flips or 'none'}")


def test_prompts_equal_those_of_lm_evals_task_files(real_data):
    """Every prompt of the ten subjects, rendered from the task's YAML files by lm-eval's template language."""
    from pathlib import Path

    import jinja2
    import lm_eval.tasks
    import yaml
    from mmlu_kit.evaluation.prompts import running_text

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
