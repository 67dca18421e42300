"""Settings as people type them: after Snakemake's --config and in YAML, each is taken as meant or is one line of advice."""

import pytest
import yaml
from mmlu_kit import config as configs
from mmlu_kit.study import resolve
from mmlu_kit.user_errors import UserError
from snakemake.cli import parse_config
from snakemake.utils import update_config

UNQUOTED = ": write it without quotes, in a file (inside the braces of --config every value is text)"


@pytest.fixture
def config(root, monkeypatch):
    monkeypatch.chdir(root)  # paths in config are relative to the project
    return yaml.safe_load((root / "config.yaml").read_text())


def typed(config, *arguments):
    """The config after `snakemake --config …`, read by Snakemake itself."""
    update_config(config, parse_config(arguments))
    return config


@pytest.mark.parametrize("key", ["partial", "record_host", "load_once"])
def test_a_switch_is_what_its_word_says(config, key):
    for word in ("true", "True", "TRUE", "yes", "Yes", "on", "1"):
        assert getattr(configs.parse(typed(config, f"{key}={word}")), key) is True
    for word in ("false", "False", "no", "NO", "off", "0"):
        assert getattr(configs.parse(typed(config, f"{key}={word}")), key) is False


@pytest.mark.parametrize(
    ("argument", "only"),
    [
        ("only=small", ["small"]),
        ("only=small,medium", ["small", "medium"]),
        ("only=small, medium", ["small", "medium"]),
        ("only=small medium,", ["small", "medium"]),
        ("only=[small, medium]", ["small", "medium"]),
        ("only=[]", []),
        ("only=", []),
        ("only=medium,medium", ["medium"]),
    ],
)
def test_parts_are_named_with_commas_or_as_a_list(config, argument, only):
    study = resolve(typed(config, "study=writeup", argument))
    assert study.only == only and [group.name for group in study.groups] == (only or ["small", "medium"])


@pytest.mark.parametrize("name", ["2026", "1", "2.50", "007", "1e3", "nan", "on", "true", "null"])
def test_a_study_may_have_a_name_like_a_number_or_a_boolean(config, name):
    config["studies"][name] = config["studies"]["smoke"]
    assert resolve(typed(config, f"study={name}")).name == name


def test_a_number_that_could_be_two_studies_is_neither(config):
    config["studies"] |= {"07": config["studies"]["smoke"], "007": config["studies"]["smoke"]}
    with pytest.raises(UserError, match="there is no study '7'; known: 007, 07, demo"):
        resolve(typed(config, "study=007"))


@pytest.mark.parametrize(
    ("argument", "line"),
    [
        ("partial=maybe", "partial: needs true or false, not 'maybe'"),
        ("partial=", "partial: needs true or false, not null"),
        ("partial=2", "partial: needs true or false, not 2"),
        ("record_host=[yes]", "record_host: needs true or false, not a list"),
        ("study=", "study: is empty: name one, as in --config study=demo"),
        ("study=smok", "there is no study 'smok'; known: demo, first-real, smoke, writeup; did you mean 'smoke'?"),
        ("study=demo,smoke", "there is no study 'demo,smoke'; known: demo, first-real, smoke, writeup; did you mean 'smoke'?"),
        ("study=True", "study: needs text, not true: write it in quotes in a file, which --configfile names"),
        ("study={a: b}", "study: needs text, not a mapping"),
        ("only=smal", "only: the study 'demo' has no group 'smal'; it has asked, baseline, chat, small, stability, "
         "timing_setups; did you mean 'small'?"),
        ("only=Small", "only: the study 'demo' has no group 'Small'; it has asked, baseline, chat, small, stability, "
         "timing_setups; did you mean 'small'?"),
        ("only=3", "only: the study 'demo' has no group '3'; it has asked, baseline, chat, small, stability, timing_setups"),
        ("Study=demo", "'Study' is not a key here; did you mean 'study'?"),
        ("onyl=small", "'onyl' is not a key here; did you mean 'only'?"),
        ("studies=smoke", "studies: needs a mapping, not 'smoke': did you mean study=smoke?"),
        ("models=demo-small", "models: needs a mapping, not 'demo-small': change it in a file, which --configfile names"),
        ("images=cpu.sif", "images: needs a mapping, not 'cpu.sif': change it in a file, which --configfile names"),
        ("models={demo-small: {threads: 3}}", f"models.demo-small.threads: needs a whole number, not '3'{UNQUOTED}"),
        ("models={demo-small: {load_once: true}}", f"models.demo-small.load_once: needs true or false, not 'true'{UNQUOTED}"),
        ("models={demo-small: {tokens_per_batch: 64}}",
         f"models.demo-small.tokens_per_batch: '64' is not known; known: auto{UNQUOTED}"),
        ("studies={demo: {subjects: astronomy}}", "studies.demo.subjects: needs a list, not 'astronomy': write [astronomy]"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_one_line_with_the_right_form(config, argument, line):
    with pytest.raises(UserError) as error:
        resolve(typed(config, argument))
    assert str(error.value) == f"config: {line}"


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("models: {2.5: {path: .}}", "config: models: YAML reads the key 2.5 as a number: write it in quotes"),
        ("studies: {2026: {}}", "config: studies: YAML reads the key 2026 as a number: write it in quotes"),
        ("studies: {on: {}}", "config: studies: YAML reads one of the keys here as the boolean true: write yes, on or true in "
         "quotes"),
        ("no: 3", "config: YAML reads one of the keys here as the boolean false: write no, off or false in quotes"),
        ("models: {null: {path: .}}", "config: models: the key None is not text: write it in quotes"),
        ("models: {2026-01-01: {path: .}}", "config: models: the key 2026-01-01 is not text: write it in quotes"),
        ("study: on", "config: study: needs text, not true: write it in quotes in a file, which --configfile names"),
        ("studies: {demo: {groups: {small: {models: [2.5]}}}}",
         "config: studies.demo.groups.small.models.0: needs text, not 2.5: write it in quotes"),
        ("studies: {demo: {title: 2026}}", "config: studies.demo.title: needs text, not 2026: write it in quotes"),
        ("only: no", "config: only: needs a list, not false"),
        ("models: &all {demo-small: {prompt: *all}}",
         "config: models.demo-small.prompt is nested too deeply or repeats too much: write it without YAML's aliases (*name)"),
    ],
)  # fmt: skip
def test_what_yaml_reads_otherwise_than_it_is_meant_is_one_line(config, text, line):
    changes = yaml.safe_load(text)
    for key, value in changes.items():
        if isinstance(config.get(key), dict) and "*all" not in text:
            update_config(config, {key: value})
        else:
            config[key] = value
    with pytest.raises(UserError) as error:
        resolve(config)
    assert str(error.value) == line


def test_a_file_may_use_the_words_too(config):
    changes = yaml.safe_load("{partial: yes, record_host: off, only: 'small,chat', study: 2026}")
    config["studies"]["2026"] = config["studies"]["demo"]
    parsed = configs.parse({**config, **changes})
    assert (parsed.partial, parsed.record_host, parsed.only, parsed.study) == (True, False, ["small", "chat"], "2026")


def test_aliases_that_multiply_without_end_are_refused_quickly(config):
    part: list = ["x"]
    for _ in range(15):
        part = [part] * 15
    with pytest.raises(UserError, match="repeats too much"):
        resolve({**config, "only": part})
