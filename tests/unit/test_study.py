"""Config: what it resolves to, and one line for each thing a user can get wrong in it."""

import copy

import pytest
import yaml
from mmlu_kit.study import pairs, resolve
from mmlu_kit.subjects import SUBJECTS
from mmlu_kit.user_errors import UserError


@pytest.fixture
def config(root, monkeypatch):
    monkeypatch.chdir(root)  # paths in config are relative to the project
    return yaml.safe_load((root / "config.yaml").read_text())


def test_the_writeup_study_is_the_writeups(config):
    study = resolve({**config, "study": "writeup"})
    assert study["baseline"] == {"model": "Llama-3.2-1B-Instruct", "subjects": ["astronomy", "business_ethics"]}
    small, medium = study["groups"]
    assert [name.split("-")[1] for name in small["models"]] == ["0.5B", "1.5B", "3B"]
    assert [name.split("-")[1] for name in medium["models"]] == ["7B", "14B"]
    models = study["models"]
    assert {(models[name]["device"], models[name]["quantization"]) for name in small["models"]} == {("cpu", "none")}
    assert {(models[name]["device"], models[name]["quantization"]) for name in medium["models"]} == {("cuda", "4bit")}
    assert len(study["subjects"]) == 10 and len(pairs(study)) == 2 + 5 * 10
    setups = study["timing_setups"]["setups"]
    assert [(setup["device"], setup["quantization"]) for setup in setups] == [
        ("cuda", "none"), ("cuda", "4bit"), ("cuda", "8bit"), ("cpu", "none"), ("cpu", "4bit"),
    ]  # fmt: skip


def test_a_setup_has_a_name_and_its_models_number_format_unless_it_has_its_own(config):
    config["models"]["demo-medium"]["dtype"] = "bfloat16"
    config["studies"]["demo"]["timing_setups"]["setups"][1]["dtype"] = "float16"
    setups = resolve({**config, "only": "timing_setups"})["timing_setups"]["setups"]
    assert [(setup["name"], setup["dtype"], setup["on_unavailable"]) for setup in setups] == [
        ("setup_1_gpu_no_quant", "bfloat16", "fallback"),
        ("setup_2_gpu_4_quant", "float16", "skip"),
        ("setup_3_gpu_8_quant", "bfloat16", "skip"),
        ("setup_4_cpu_no_quant", "bfloat16", "fail"),
        ("setup_5_cpu_4_quant", "bfloat16", "fallback"),
    ]


@pytest.mark.parametrize("only", ["small", ["small"]])
def test_a_part_of_a_study_leaves_the_rest_out(config, only):
    study = resolve({**config, "study": "writeup", "only": only})
    assert [group["name"] for group in study["groups"]] == ["small"]
    assert study["baseline"] is None and study["timing_setups"] is None
    assert len(study["models"]) == 3


def test_the_chat_part_alone_has_its_defaults_and_its_models(config):
    study = resolve({**config, "study": "writeup", "only": "chat"})
    assert list(study["models"]) == study["chat"]["models"] == ["Llama-3.2-1B-Instruct"]
    assert (study["chat"]["distances"], study["chat"]["max_new_tokens"]) == ([1, 2, 4, 8, 16], 48)
    assert {"none", "full"} < set(study["chat"]["strategies"]) and pairs(study) == []
    assert resolve({**config, "study": "smoke"})["chat"] is None


def test_defaults_are_filled_in_and_the_given_config_stays_as_it_was(config):
    before = copy.deepcopy(config)
    model = resolve(config)["models"]["demo-small"]
    assert model["prompt"] == {"preset": "lm_eval", "examples": 0, "fewer_examples": False, "max_new_tokens": 1}
    assert (model["device"], model["dtype"], model["load_once"]) == ("cpu", "float32", False)
    assert resolve(config)["questions"]["label_errors"] is None
    assert config == before


def test_every_key_of_the_schema_is_described(root):
    schema = yaml.safe_load((root / "workflow/schemas/config.schema.yaml").read_text())
    missing = []

    def walk(part, where):
        for key, value in part.get("properties", {}).items():
            if "$ref" in value:
                value = {**schema["$defs"][value["$ref"].rsplit("/", 1)[1]], **value}
            if "description" not in value and not where.startswith("group"):
                missing.append(f"{where}.{key}")
            for inner in (value, value.get("items", {}), value.get("additionalProperties", {})):
                if isinstance(inner, dict):
                    walk(inner, key)

    walk(schema, "config")
    assert missing == []


def test_the_schema_knows_the_subjects_of_the_package(root):
    schema = yaml.safe_load((root / "workflow/schemas/config.schema.yaml").read_text())
    assert tuple(schema["$defs"]["subjects"]["items"]["enum"]) == tuple(SUBJECTS)


def change(config, path, value):
    *parents, last = path.split("/")
    for key in parents:
        config = config[int(key) if isinstance(config, list) else key]
    config[int(last) if isinstance(config, list) else last] = value


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("studdy", "demo", "'studdy' was unexpected\\); did you mean 'study'"),
        ("models/demo-small/devices", "cpu", "config: models.demo-small: .*'devices' was unexpected\\); did you mean 'device'"),
        ("models/demo-small/path", "~/no/such", "there is no folder ~/no/such: write your home's path out"),
        ("study", "dmeo", "there is no study 'dmeo'; known: demo, smoke, writeup"),
        ("only", ["large"], "has no group 'large'; it has baseline, chat, small"),
        ("studies/demo/subjects", ["astronmy"], "'astronmy' is not known; did you mean 'astronomy'"),
        ("studies/demo/groups/small/models", ["demo-tiny"], "there is no model 'demo-tiny'; known: "),
        ("studies/demo/questions", "mlmu", "there is no questions 'mlmu'"),
        ("studies/demo/baseline/subjects", ["virology"], "'virology' is not among the study's subjects"),
        ("models/demo-small/device", "gpu", "models.demo-small.device: 'gpu' is not known"),
        ("models/demo-small/threads", 0, "models.demo-small.threads: 0 is less than the minimum"),
        ("models/demo-small/prompt", {"examples": 6}, "models.demo-small.prompt.examples: 6 is greater than the maximum"),
        ("models/demo-small/path", "no/such/folder", "models.demo-small.path: there is no folder no/such/folder"),
        ("models/demo-small/commit", "a" * 40, "needs either 'path' or 'repository' with 'commit'; it has commit, path"),
        ("models/Qwen2.5-0.5B-Instruct/commit", "main", "commit: 'main' does not match"),
        ("models/Qwen2.5-0.5B-Instruct/repository", "../../etc", "repository: .* does not match"),
        ("models/demo-small/on_unavailable", "skp", "'skp' is not known; did you mean 'skip'"),
        ("studies/demo/timing_setups/setups/1/number", 1, "studies.demo.timing_setups: two setups have the same number"),
        ("studies/demo/timing_setups/setups/1/device", "tpu", "timing_setups.setups.1.device: 'tpu' is not known"),
        ("studies/demo/chat/models", ["demo-tiny"], "there is no model 'demo-tiny'; known: "),
        ("studies/demo/chat/strategies", ["none", "last_turns(2)"], "chat.strategies: 'full' is missing"),
        (
            "studies/demo/chat/strategies",
            ["full", "none", "last_turns(0)"],
            r"chat.strategies.2: 'last_turns\(0\)' does not match",
        ),
        ("studies/demo/chat/distances", [0], "chat.distances.0: 0 is less than the minimum"),
        ("studies/demo/chat/model", "demo-small", "studies.demo.chat: .*'model' was unexpected"),
        ("models/..", {"path": "."}, "config: models: '..' does not match"),
        ("questions/demo/label_errors", "no/such", "config: questions.demo.label_errors: there is no folder no/such"),
        ("questions/demo/label_errors", 3, "config: questions.demo.label_errors: 3 is not of type"),
    ],
)
def test_a_mistake_is_a_problem_that_names_its_key(config, path, value, words):
    change(config, path, value)
    with pytest.raises(UserError, match=words):
        resolve(config)
