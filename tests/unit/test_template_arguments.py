"""Arguments for chat templates: validated in config and on the command line, and passed on by every program."""

import argparse
import json

import pytest
from mmlu_kit import options
from mmlu_kit.evaluation.chat_templates import ChatTemplate
from mmlu_kit.models.tokenizers import load_tokenizer
from mmlu_kit.settings import Preset, PromptSettings, Requested
from mmlu_kit.user_errors import UserError
from pydantic import ValidationError

CHAT = {"preset": Preset.CHAT}


def parsed(*words, from_config=False):
    parser = argparse.ArgumentParser()
    options.add_loading(parser, from_config)
    options.add_prompt(parser, from_config)
    options.add_batches(parser, from_config)
    return parser.parse_args(words)


def test_arguments_are_names_with_booleans_numbers_or_short_texts():
    arguments = {"enable_thinking": False, "reasoning_effort": "low", "budget": 12, "share": 0.5}
    text = json.dumps({"preset": "chat", "template_arguments": arguments})
    settings = PromptSettings.model_validate_json(text, strict=True)
    assert settings.template_arguments == arguments
    assert [type(value) for value in settings.template_arguments.values()] == [bool, str, int, float]
    assert settings.plain()["template_arguments"] == arguments


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        *((name, "not a name of an argument") for name in ("", "a b", "2x", "_x", "__class__", "enable-thinking")),
        *(
            (name, "set by the kit or by the template language")
            for name in "messages tools add_generation_prompt date_string strftime_now bos_token chat_template range".split()
        ),
    ],
)
def test_other_names_are_refused(name, problem):
    with pytest.raises(ValidationError, match=problem):
        PromptSettings(**CHAT, template_arguments={name: True})


@pytest.mark.parametrize("value", [None, [], {}, "x" * 201, float("nan"), float("inf"), 10**400])
def test_other_values_are_refused(value):
    with pytest.raises(ValidationError, match="needs true, false, a number or a text of at most 200 characters"):
        PromptSettings(**CHAT, template_arguments={"x": value})


def test_arguments_need_the_preset_chat():
    with pytest.raises(ValidationError, match="template_arguments need the preset chat, but it is lm_eval"):
        PromptSettings(template_arguments={"x": 1})


def test_the_command_line_takes_them_as_json_and_else_from_config():
    config = Requested(**CHAT, template_arguments={"x": 1})
    assert options.requested(parsed("--preset", "chat", "--template-arguments", '{"x": false}')).template_arguments == {
        "x": False
    }
    assert options.requested(parsed(from_config=True), config) == config
    assert options.requested(parsed("--template-arguments", "{}", from_config=True), config).template_arguments == {}
    assert options.requested(parsed()) == Requested()


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        (["--preset", "chat", "--template-arguments", "{x"], "--template-arguments: not valid JSON"),
        (["--preset", "chat", "--template-arguments", "[1]"], "--template-arguments: needs a mapping, not a list"),
        (["--preset", "chat", "--template-arguments", '{"x": [1]}'], "--template-arguments: x: needs true, false, a number"),
        (["--preset", "chat", "--template-arguments", '{"tools": 1}'], "--template-arguments: 'tools' is set by the kit"),
        (
            ["--template-arguments", '{"x": 1}'],
            "template_arguments need the preset chat, but it is lm_eval: leave one of them out",
        ),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(words, problem):
    with pytest.raises(UserError) as error:
        options.requested(parsed(*words))
    assert problem in str(error.value)


def test_a_preset_on_the_command_line_may_contradict_config():
    config = Requested(**CHAT, template_arguments={"x": 1})
    with pytest.raises(UserError, match="template_arguments need the preset chat, but it is lm_eval"):
        options.requested(parsed("--preset", "lm_eval", from_config=True), config)


def test_a_name_that_the_template_does_not_use_is_refused(root):
    """A misspelt one would be recorded, and change nothing."""
    tokenizer = load_tokenizer(root / "workflow/demo/models/demo-small")
    tokenizer.chat_template = "{% if enable_thinking %}<think>{% endif %}" + tokenizer.chat_template
    ChatTemplate(tokenizer, {"enable_thinking": True})
    with pytest.raises(UserError, match=r"has no argument 'enable_thinkin' \(it has .*enable_thinking.*\): correct"):
        ChatTemplate(tokenizer, {"enable_thinkin": False})
