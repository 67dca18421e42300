"""Options for a model's prompt: what config asks for reaches the programs, setting by setting."""

import argparse

import pytest
from mmlu_kit import options
from mmlu_kit.settings import PromptSettings
from mmlu_kit.user_errors import UserError

SETTINGS = (
    {},
    {"preset": "cloze", "score": "pmi", "examples": 5},
    {"preset": "olmes", "unconditional": False},
    {"orders": "cyclic", "examples": 2, "fewer_examples": True},
    {"preset": "chat", "max_new_tokens": 32, "template_arguments": {"enable_thinking": False, "mode": "a 'b' {c}"}},
)


def parsed(arguments):
    parser = argparse.ArgumentParser()
    options.add_prompt(parser)
    return options.prompt_settings(parser.parse_args(arguments))


@pytest.mark.parametrize("values", SETTINGS)
def test_a_program_gets_the_settings_of_config(values):
    settings = PromptSettings(**values)
    assert parsed(options.prompt_options(settings)) == settings


def test_every_setting_is_tried():
    assert {name for values in SETTINGS for name in values} == set(PromptSettings.model_fields)


def test_defaults_are_no_options_so_that_a_new_setting_makes_no_result_again():
    assert options.prompt_options(PromptSettings()) == []
    assert options.prompt_options(PromptSettings(examples=0, preset="lm_eval")) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--score", "raw"], "score needs the preset cloze or olmes, but it is lm_eval: leave one of them out"),
        (
            ["--preset", "cloze", "--orders", "cyclic"],
            "the preset cloze shows no choices, so they have no order: leave orders out",
        ),
        (["--no-unconditional"], "unconditional: false needs the preset cloze or olmes, but it is lm_eval: leave it out"),
        (["--preset", "cloze", "--score", "pmi", "--no-unconditional"], "the score pmi needs the choices' unconditional"),
        (["--preset", "olmes", "--max-new-tokens", "8"], "the preset olmes generates no answer: leave max_new_tokens out"),
    ],
)
def test_settings_of_another_protocol_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        parsed(arguments)


@pytest.mark.parametrize("text", ["0", "-1", "1.5", "", "two", "1_0", "\u0661", "9" * 20])
def test_a_number_of_threads_or_tokens_is_positive(text, capsys):
    parser = argparse.ArgumentParser()
    options.add_batches(parser)
    with pytest.raises(SystemExit):
        parser.parse_args([f"--tokens-per-batch={text}"])
    assert capsys.readouterr().err.endswith(f"needs a whole number from 1, not '{text}'\n")
    assert options.positive("007") == 7
