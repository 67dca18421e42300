"""What a changed setting of a model makes Snakemake rerun: what depends on it, and nothing else."""

import re
import shutil
from collections.abc import Iterator

import pytest
import yaml
from mmlu_kit import files
from mmlu_kit.config import ModelEntry
from mmlu_kit.inputs import checkpoints
from mmlu_kit.settings import PromptSettings

DEMO = "workflow/demo/models/demo-small"
COPY = "workflow/demo/models/copy"
GGUF = {"path": None, "repository": "someone/model", "commit": "7ae557604adf67be50417f59c2c2f167def9a775", "file": "m.gguf"}
# For each field, what a model's entry says after the change; `prompt` is changed field by field.
CHANGES = {
    "path": {"path": COPY},
    "repository": {"path": None, "repository": "someone/model", "commit": "7ae557604adf67be50417f59c2c2f167def9a775"},
    "commit": {"path": None, "repository": "someone/model", "commit": "989aa7980e4cf806f80c7fef2b1adb7bc71aa306"},
    "file": {**GGUF, "file": "other.gguf"},
    "adapter": {"adapter": {"path": COPY}},
    "device": {"device": "cuda"},
    "dtype": {"dtype": "bfloat16"},
    "quantization": {"quantization": "8bit"},
    "on_unavailable": {"on_unavailable": "skip"},
    "threads": {"threads": 2},
    "tokens_per_batch": {"tokens_per_batch": 64},
    "load_once": {"load_once": True},
    "description": {"description": "other words"},
    "prompt.preset": {"prompt": {"preset": "hendrycks"}},
    "prompt.score": {"prompt": {"preset": "cloze", "score": "raw"}},
    "prompt.unconditional": {"prompt": {"preset": "cloze", "unconditional": False}},
    "prompt.orders": {"prompt": {"orders": "cyclic"}},
    "prompt.examples": {"prompt": {"examples": 1}},
    "prompt.fewer_examples": {"prompt": {"fewer_examples": True}},
    "prompt.max_new_tokens": {"prompt": {"max_new_tokens": 2}},
    "prompt.template_arguments": {"prompt": {"preset": "chat", "template_arguments": {"enable_thinking": False}}},
}
# Fields that no answer and no time depends on: their change rewrites the report.
WORDS = {"description"}
BEFORE = {
    "file": GGUF,
    "prompt.template_arguments": {"prompt": {"preset": "chat"}},
    "prompt.score": {"prompt": {"preset": "cloze"}},
    "prompt.unconditional": {"prompt": {"preset": "cloze"}},
}


def fields() -> Iterator[str]:
    """The fields of a model's entry, those of its prompt one by one."""
    yield from (name for name in ModelEntry.model_fields if name != "prompt")
    yield from (f"prompt.{name}" for name in PromptSettings.model_fields)


def write_config(path, changes):
    """Write a study with one model for each field, named after it; `changes` are of these models."""
    models = {
        name: {key: value for key, value in {"path": DEMO, "threads": 1, **changes.get(name, {})}.items() if value is not None}
        for name in CHANGES
    }
    group = {"title": "All", "models": list(models)}
    study = {"title": "Fields", "questions": "demo", "subjects": ["astronomy"], "groups": {"small": group}}
    path.write_text(yaml.safe_dump({"study": "fields", "models": models, "studies": {"fields": study}}))


@pytest.fixture
def planned(workflow_copy, snakemake, tmp_path):
    """Return the models that a run evaluates after all settings were changed, by rule, and Snakemake's output.

    Outputs are only touched: then Snakemake knows the settings that they were made with.
    """
    shutil.copytree(workflow_copy / DEMO, workflow_copy / COPY)
    files.write_text(workflow_copy / "resources/subjects/demo@local/astronomy.jsonl", '"split": "test"\n')
    manifest = checkpoints.describe(workflow_copy / DEMO)
    for name in CHANGES:
        commit = BEFORE.get(name, {}).get("commit", "local")
        manifest.write(workflow_copy / f"resources/models/{name}@{commit}.json")
        for kind in ("evaluations/{}/astronomy.json", "timings/{}/astronomy.json", "timings/{}/astronomy.time"):
            files.write_text(workflow_copy / "results/fields" / kind.format(name), "")
    config = tmp_path / "fields.yaml"
    write_config(config, BEFORE)
    answers = [f"results/fields/evaluations/{name}/astronomy.json" for name in CHANGES]
    touched = snakemake(workflow_copy, *answers, "--cores", "2", "--touch", "--forceall", "--configfile", config)
    assert touched.returncode == 0, touched.stdout + touched.stderr
    write_config(config, CHANGES)
    process = snakemake(workflow_copy, "--cores", "2", "--dry-run", "--configfile", config)
    assert process.returncode == 0, process.stdout + process.stderr
    jobs = re.findall(r"^(evaluate\w*) ([\w.]+)(?: astronomy)?: ", process.stdout, re.M)
    return {rule: {model for other, model in jobs if other == rule} for rule, _ in jobs}, process.stdout


def test_every_setting_of_a_model_reruns_its_evaluation(planned):
    assert set(CHANGES) == set(fields())  # a new field states here what its change is
    jobs, output = planned
    assert jobs == {"evaluate": set(CHANGES) - WORDS - {"load_once"}, "evaluate_together": {"load_once"}}
    assert re.search(r"^merge\s+1$", output, re.M) and re.search(r"^write_report\s+1$", output, re.M)
