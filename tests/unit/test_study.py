"""Config: what it resolves to, and a one-line message for every mistake."""

import copy
from collections.abc import Iterator
from typing import Any, get_args

import pytest
import yaml
from mmlu_kit import subjects
from mmlu_kit.config import Config
from mmlu_kit.data import Data
from mmlu_kit.inputs import whole_subjects
from mmlu_kit.settings import Device, DType, OnUnavailable, Preset, PromptSettings, Quantization
from mmlu_kit.study import resolve
from mmlu_kit.user_errors import UserError


@pytest.fixture
def config(root, monkeypatch):
    monkeypatch.chdir(root)  # paths in config are relative to the project
    return yaml.safe_load((root / "config.yaml").read_text())


def test_the_writeup_study_matches_the_writeup(config):
    study = resolve({**config, "study": "writeup"})
    assert (study.baseline.model, study.baseline.subjects) == ("Llama-3.2-1B-Instruct", ["astronomy", "business_ethics"])
    small, medium = study.groups
    assert [name.split("-")[1] for name in small.models] == ["0.5B", "1.5B", "3B"] * 2
    assert [name.split("-")[1] for name in medium.models] == ["7B", "14B"] * 2
    models = study.models
    # The same weights are asked as the writeup asked, and as lm-eval does.
    presets = {name: models[name].prompt.preset for name in small.models + medium.models}
    assert presets == {name: Preset.WRITEUP if name.endswith("-writeup") else Preset.LM_EVAL for name in presets}
    assert {(models[name].device, models[name].quantization) for name in small.models} == {(Device.CPU, Quantization.NONE)}
    assert {(models[name].device, models[name].quantization) for name in medium.models} == {
        (Device.CUDA, Quantization.FOUR_BIT)
    }
    assert len(study.subjects) == 10 and len(study.pairs()) == 2 + 2 * 5 * 10
    assert [(setup.device, setup.quantization) for setup in study.timing_setups.setups] == [
        ("cuda", "none"), ("cuda", "4bit"), ("cuda", "8bit"), ("cpu", "none"), ("cpu", "4bit"),
    ]  # fmt: skip


def test_groups_have_any_names_and_keep_configs_order(config):
    entry = {"title": "Some", "models": ["demo-small"]}
    names = ["z", "007", "2026-11", "A_1", "small", "1.5"]
    config["studies"]["demo"]["groups"] = {name: entry for name in names}
    assert [group.name for group in resolve(config).groups] == names
    assert [group.name for group in resolve({**config, "only": 7}).groups] == ["007"]
    assert [group.name for group in resolve({**config, "only": [1.5, "z"]}).groups] == ["z", "1.5"]
    assert resolve(config).reference == "workflow/reference" and resolve(config).limit is None
    del config["studies"]["demo"]["reference"]
    assert resolve(config).reference is None


def test_a_setup_has_a_name_and_its_models_number_format_unless_it_has_its_own(config):
    config["models"]["demo-medium"]["dtype"] = "bfloat16"
    config["studies"]["demo"]["timing_setups"]["setups"][1]["dtype"] = "float16"
    setups = resolve({**config, "only": "timing_setups"}).timing_setups.setups
    assert [(setup.name, setup.dtype, setup.on_unavailable) for setup in setups] == [
        ("setup_1_gpu_no_quant", "bfloat16", "fallback"),
        ("setup_2_gpu_4_quant", "float16", "skip"),
        ("setup_3_gpu_8_quant", "bfloat16", "skip"),
        ("setup_4_cpu_no_quant", "bfloat16", "fail"),
        ("setup_5_cpu_4_quant", "bfloat16", "fallback"),
    ]


@pytest.mark.parametrize("only", ["small", ["small"]])
def test_a_part_of_a_study_excludes_the_rest(config, only):
    study = resolve({**config, "study": "writeup", "only": only})
    assert [group.name for group in study.groups] == ["small"]
    assert study.baseline is None and study.timing_setups is None
    assert len(study.models) == 6


def test_the_chat_part_alone_has_its_defaults_and_its_models(config):
    study = resolve({**config, "study": "writeup", "only": "chat"})
    assert list(study.models) == study.chat.models == ["Llama-3.2-1B-Instruct"]
    assert (study.chat.distances, study.chat.max_new_tokens) == ([1, 2, 4, 8, 16], 48)
    assert {"none", "full"} < set(study.chat.strategies) and study.pairs() == []
    assert resolve({**config, "study": "smoke"}).chat is None


def test_defaults_are_filled_in_and_the_given_config_stays_as_it_was(config):
    before = copy.deepcopy(config)
    study = resolve(config)
    model = study.models["demo-small"]
    assert model.prompt == PromptSettings(preset=Preset.LM_EVAL, examples=0, fewer_examples=False, max_new_tokens=1)
    assert (model.device, model.dtype, model.load_once) == (Device.CPU, DType.FLOAT32, False)
    assert model.on_unavailable == OnUnavailable.FAIL
    assert study.questions.label_errors is None
    assert config == before


def test_a_study_tells_which_models_are_run_and_where_their_files_are(config, tmp_path):
    (tmp_path / "p.csv").write_text("")
    config["models"]["theirs"] = {"predictions": str(tmp_path / "p.csv")}
    config["models"]["demo-small"]["load_once"] = True
    config["studies"]["demo"]["groups"]["small"]["models"] = ["demo-small", "demo-large", "theirs"]
    study = resolve(config)
    assert study.imported == ["theirs"] and "theirs" not in study.run and "demo-small" in study.run
    assert study.loaded_once == ["demo-small", *config["studies"]["demo"]["groups"]["asked"]["models"]]
    assert study.process("demo-small", "anatomy") == "demo-small/together.time"
    assert study.process("demo-large", "anatomy") == "demo-large/anatomy.time"
    assert study.manifest("demo-small") == "demo-small@local.json" and study.subjects_folder == "demo@local"
    writeup = resolve({**config, "study": "writeup", "load_once": True})
    assert writeup.only_baseline == ["Llama-3.2-1B-Instruct"] and sorted(writeup.loaded_once) == sorted(writeup.models)
    assert writeup.subjects_folder == f"mmlu@{config['questions']['mmlu']['commit']}"


@pytest.mark.parametrize(
    ("config_s", "studys", "models", "expected"),
    [(None, None, None, False), (True, None, None, True), (True, False, None, False), (True, None, False, False),
     (False, True, None, True), (False, True, False, False), (None, None, True, True)],
)  # fmt: skip
def test_a_models_load_once_wins_over_its_studys_and_that_over_configs(config, config_s, studys, models, expected):
    for entry, value in ((config, config_s), (config["studies"]["demo"], studys), (config["models"]["demo-small"], models)):
        if value is not None:
            entry["load_once"] = value
    study = resolve(config)
    assert study.models["demo-small"].load_once == ("demo-small" in study.loaded_once) == expected
    assert "load_once" not in study.plain()  # only each model's is recorded


def models_within(annotation: Any) -> Iterator[type[Data]]:
    """Return the data models within a field's type."""
    if isinstance(annotation, type) and issubclass(annotation, Data):
        yield annotation
    for part in get_args(annotation):
        yield from models_within(part)


def test_every_key_of_config_is_described():
    missing, seen, waiting = [], set(), [Config]
    while waiting:
        model = waiting.pop()
        seen.add(model)
        for name, field in model.model_fields.items():
            if not field.description:
                missing.append(f"{model.__name__}.{name}")
            waiting += [inner for inner in models_within(field.annotation) if inner not in seen]
    assert missing == [] and len(seen) >= 12


def test_the_config_schema_uses_the_packages_vocabulary():
    definitions = Config.model_json_schema()["$defs"]
    assert definitions["SubjectsOfModel"]["properties"]["subjects"]["items"]["pattern"] == subjects.NAME
    for words in (Device, DType, Quantization, Preset, OnUnavailable):
        assert definitions[words.__name__]["enum"] == list(words)


def change(config, path, value):
    *parents, last = path.split("/")
    for key in parents:
        config = config[int(key) if isinstance(config, list) else key]
    config[int(last) if isinstance(config, list) else last] = value


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("studdy", "demo", "config: 'studdy' is not a key here; did you mean 'study'"),
        ("models/demo-small/devices", "cpu", "config: models.demo-small: 'devices' is not a key here; did you mean 'device'"),
        (
            "models/demo-small/path",
            "~/no/such",
            "there is no folder ~/no/such: ~ is not expanded",
        ),
        ("study", "dmeo", "there is no study 'dmeo'; known: demo, first-real, smoke, writeup; did you mean 'demo'"),
        ("only", ["large"], "has no group 'large'; it has asked, baseline, chat, small"),
        ("studies/writeup/subjects", ["astronmy"], "writeup.subjects: 'astronmy' is not known; did you mean 'astronomy'"),
        ("studies/demo/subjects", ["Human Aging"], "demo.subjects.0: 'Human Aging' is no name of a subject; .* 'human_aging'"),
        ("studies/demo/subjects", ["../etc"], "'../etc' is no name of a subject; did you mean 'etc'"),
        ("studies/demo/subjects", ["数学"], "'数学' is no name of a subject; write it in letters a-z and digits"),
        ("studies/demo/subjects", [""], "'' is no name of a subject"),
        ("studies/demo/limit", 0, "studies.demo.limit: needs at least 1, not 0"),
        ("limit", True, "config: limit: needs a whole number, not true"),
        ("limit", "20", "config: limit: needs a whole number, not '20': write it without quotes"),
        ("studies/demo/groups/small/models", ["demo-tiny"], "there is no model 'demo-tiny'; known: "),
        ("studies/demo/questions", "mlmu", "there is no question set 'mlmu'; known: .*did you mean 'mmlu'"),
        ("studies/writeup/baseline/subjects", ["virology"], "'virology' is not among the study's subjects"),
        ("studies/demo/baseline/subjects", ["virology"], "demo.baseline: 'virology' is not among the study's subjects"),
        ("models/demo-small/device", "gpu", "models.demo-small.device: 'gpu' is not known"),
        ("models/demo-small/threads", 0, "models.demo-small.threads: needs at least 1, not 0"),
        ("models/demo-small/prompt", {"examples": 6}, "models.demo-small.prompt.examples: needs at most 5, not 6"),
        ("models/demo-small/path", "no/such/folder", "models.demo-small.path: there is no folder no/such/folder"),
        ("models/demo-small/commit", "a" * 40, "needs either 'path' or 'repository' with 'commit'; it has commit, path"),
        ("models/Qwen2.5-0.5B-Instruct/commit", "main", "commit: 'main' is not a full commit"),
        ("models/Qwen2.5-0.5B-Instruct/repository", "../../etc", "repository: '../../etc' is not the name of a repository"),
        ("models/demo-small/on_unavailable", "skp", "'skp' is not known; did you mean 'skip'"),
        ("studies/demo/timing_setups/setups/1/number", 1, "studies.demo.timing_setups: two setups have the same number"),
        ("studies/demo/timing_setups/setups/1/device", "tpu", "timing_setups.setups.1.device: 'tpu' is not known"),
        ("studies/demo/chat/models", ["demo-tiny"], "there is no model 'demo-tiny'; known: "),
        (
            "models/demo-medium/prompt",
            {"preset": "cloze"},
            "studies.demo.stability.model: 'demo-medium' has the preset cloze, which asks for no letters: name one of ",
        ),
        ("studies/demo/chat/strategies", ["none", "last_turns(2)"], "chat.strategies: 'full' is missing"),
        (
            "studies/demo/chat/strategies",
            ["full", "none", "last_turns(0)"],
            r"chat.strategies.2: 'last_turns\(0\)' does not match",
        ),
        ("studies/demo/chat/distances", [0], "chat.distances.0: needs at least 1, not 0"),
        ("studies/demo/chat/model", "demo-small", "studies.demo.chat: 'model' is not a key here; did you mean 'models'"),
        ("models/..", {"path": "."}, "config: models: '..' does not match"),
        ("questions/demo/label_errors", "no/such", "config: questions.demo.label_errors: there is no folder no/such"),
        ("questions/demo/label_errors", 3, "config: questions.demo.label_errors: needs text, not 3"),
        (
            "models/demo-small/prompt",
            {"exmaples": 3},
            "models.demo-small.prompt: 'exmaples' is not a key here; did you mean 'examples'",
        ),
        ("models/demo-small/threads", "3", "models.demo-small.threads: needs a whole number, not '3'"),
        ("models/demo-small/threads", True, "models.demo-small.threads: needs a whole number, not true"),
        ("load_once", 2, "config: load_once: needs true or false, not 2"),
        ("studies/demo/load_once", "yes", "studies.demo.load_once: needs true or false, not 'yes': write it without quotes"),
        ("models/demo-small/load_once", 1, "models.demo-small.load_once: needs true or false, not 1"),
        ("models/demo-small/prompt", {"max_new_tokens": float("nan")}, "max_new_tokens: needs a whole number, not NaN"),
        ("models/demo-small/tokens_per_batch", 0, "models.demo-small.tokens_per_batch: needs at least 1, not 0"),
        ("models/demo-small/tokens_per_batch", "autoo", "tokens_per_batch: 'autoo' is not known; did you mean 'auto'"),
        ("models/demo-small", 3, "config: models.demo-small: needs a mapping, not 3"),
        ("models/demo-small/predictions", "x.csv", "config: models.demo-small: 'path' is not a key here; known: predictions"),
        ("models/demo-small/dtype", None, "models.demo-small.dtype: null is not known; known: float32, bfloat16, float16"),
        ("studies/demo/groups", {}, "config: studies.demo.groups: needs 1 or more entries, not 0"),
        ("studies/demo/groups/small", {"title": "x"}, "config: studies.demo.groups.small.models: missing"),
        ("studies/demo/subjects", ["anatomy", "anatomy"], "config: studies.demo.subjects: 'anatomy' is listed twice"),
        ("only", 3, "config: only: the study 'demo' has no group '3'; it has asked, baseline, chat, small"),
        ("only", [True], "config: only.0: needs text, not true"),
        *(
            (f"studies/demo/groups/{name}", {"title": "x", "models": ["demo-small"]}, words)
            for name, words in (
                ("a b", "config: studies.demo.groups: 'a b' does not match"),
                ("..", "config: studies.demo.groups: '..' does not match"),
                ("-a", "config: studies.demo.groups: '-a' does not match"),
                ("é", "config: studies.demo.groups: 'é' does not match"),
                ("", "config: studies.demo.groups: '' does not match"),
                ("a\nb", "config: studies.demo.groups: 'a b' does not match"),
                ("g" * 61, "config: studies.demo.groups: "),
                ("chat", "config: studies.demo.groups: 'chat' is what another part of a study is called"),
                ("baseline", "config: studies.demo.groups: 'baseline' is what another part of a study is called"),
            )
        ),
        ("studies/demo/groups/small/title", "", "studies.demo.groups.small.title: needs 1 or more characters"),
        ("studies/demo/reference", "no/such", "config: studies.demo.reference: there is no folder no/such"),
        ("studies/demo/limit", 0, "config: studies.demo.limit: needs at least 1, not 0"),
    ],
)
def test_a_config_mistake_is_a_user_error_that_names_its_key(config, path, value, words):
    change(config, path, value)
    study = path.split("/")[1] if path.startswith("studies/") else config["study"]
    with pytest.raises(UserError, match=words):
        whole_subjects.only(resolve({**config, "study": study}))


AB = {"repository": "a/b"}
PIN = "to find it, run: mmlu-kit pin"


@pytest.mark.parametrize(
    ("place", "entry", "words"),
    [
        ("models/demo-small", {}, "models.demo-small: needs either 'path' or 'repository' with 'commit'; it has neither"),
        ("models/demo-small", {"repository": "a/b"}, f"models.demo-small: 'repository' needs its 'commit'; {PIN} a/b$"),
        ("models/demo-small", {**AB, "commit": "main"}, rf"commit: 'main' is not a full commit \(.*\); {PIN} a/b@main$"),
        ("models/demo-small", {**AB, "commit": "refs/pr/1"}, f"'refs/pr/1' is not a full commit .*; {PIN} a/b@refs/pr/1$"),
        ("models/demo-small", {**AB, "commit": "7ae5576"}, f"'7ae5576' is not a full commit .*; {PIN} a/b@7ae5576$"),
        ("models/demo-small", {**AB, "commit": 1.0}, f"'1.0' is not a full commit .*; {PIN} a/b@1.0$"),
        ("models/demo-small", {**AB, "commit": "x; rm -r ~"}, f"is not a full commit .*; {PIN} a/b$"),
        ("models/demo-small", {**AB, "commit": ["main"]}, f"is not a full commit .*; {PIN} a/b$"),
        ("models/demo-small", {**AB, "commit": 10**39}, "commit: needs text, not 10*: write it in quotes$"),
        ("models/demo-small", {"repository": "a/b@v1"}, "repository: 'a/b@v1' is more than .*, run: mmlu-kit pin a/b@v1$"),
        ("questions/demo", {**AB, "commit": "main"}, f"'main' is not a full commit .*; {PIN} --questions a/b@main$"),
        ("questions/demo", AB, f"questions.demo: 'repository' needs its 'commit'; {PIN} --questions a/b$"),
    ],
)
def test_a_repository_without_its_commit_is_told_how_to_find_it(config, place, entry, words):
    section, name = place.split("/")
    config[section][name] = entry
    with pytest.raises(UserError, match=words) as error:
        resolve(config)
    assert "\n" not in str(error.value)
