"""Rendering of chat templates, which are programs by strangers: within limits, and the same text on any day."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import jinja2.meta

from mmlu_kit.evaluation.limits import limited
from mmlu_kit.template_arguments import TEMPLATE_NAMES, TemplateArguments
from mmlu_kit.user_errors import UserError

# Llama 3.2's chat template writes today's date into every prompt unless a date is given; a fixed date keeps prompts the same
# from day to day. This is the template's own default if it cannot read the clock.
CLOCK = datetime(2024, 7, 26)
DATE_STRING = "26 Jul 2024"
# Many times what the templates in use need: milliseconds, a few copies of the conversation, and some thousand characters.
MAX_SECONDS = 5.0
MAX_MEMORY_BYTES = 2**28
MAX_CHARACTERS = 2**20
ADVICE = "use another model, or for questions another preset than chat"


class Refusal(UserError):
    """The template fails for a conversation in this form; in another form it may not."""


class Renderer:
    """A tokenizer's chat template, with the arguments that it gets.

    Raises UserError if there is no template, several without a default, or one that is not text or too long; or if an argument
    has the name of a special token.
    """

    def __init__(self, tokenizer: Any, arguments: TemplateArguments) -> None:
        self.tokenizer, self.arguments = tokenizer, dict(arguments)
        # How errors name the template.
        self.name = f"the chat template of {tokenizer.name_or_path}" if tokenizer.name_or_path else "this model's chat template"
        template = tokenizer.chat_template
        if isinstance(template, dict) and template:
            if "default" not in template:
                names = _one_line(", ".join(map(str, template)))
                raise UserError(f"{self.name}: there are several ({names}), but none is named 'default': {ADVICE}")
            template = template["default"]
        if not template:
            model = tokenizer.name_or_path or "this model"
            raise UserError(f"{model}: the tokenizer has no chat template: use an instruct model, or another preset than chat")
        if not isinstance(template, str):
            raise UserError(f"{self.name} is not text: {ADVICE}")
        if len(template) > MAX_CHARACTERS:
            raise UserError(f"{self.name} has {len(template):,} characters, more than {MAX_CHARACTERS:,}: {ADVICE}")
        for name in self.arguments:
            if name in tokenizer.special_tokens_map:
                raise UserError(f"template_arguments: '{name}' is the name of a special token: remove it")
        self.template = template
        if self.arguments:
            self._check_arguments()

    def _check_arguments(self) -> None:
        """Raise UserError for an argument that the template does not use, such as a misspelt one."""
        try:
            used = limited(self._used_names, MAX_SECONDS, MAX_MEMORY_BYTES)
        except Exception:
            return  # rendering will say what is wrong with the template
        for name in sorted(self.arguments.keys() - used):
            names = sorted(name for name in used - TEMPLATE_NAMES if not name.endswith("_token"))
            known = f"it has {_one_line(', '.join(names))}" if names else "it has none"
            raise UserError(f"template_arguments: {self.name} has no argument '{name}' ({known}): correct or remove it")

    def render(self, messages: Sequence[Mapping[str, Any]], add_generation_prompt: bool = True) -> str:
        """Return the text of a conversation, with the start of the assistant's reply if `add_generation_prompt`.

        Raises Refusal if the template fails, UserError if it exceeds the limits.
        """
        try:
            text = limited(lambda: self._rendered(messages, add_generation_prompt), MAX_SECONDS, MAX_MEMORY_BYTES)
        except TimeoutError as error:
            raise UserError(f"{self.name} is {error}: {ADVICE}") from None
        except MemoryError:
            needs = f"needs more than {MAX_MEMORY_BYTES // 2**20} MiB of memory"
            raise UserError(f"{self.name} {needs}: {ADVICE}") from None
        except Exception as error:  # a template's mistakes have any class: no key, division by zero, endless recursion
            problem = _one_line(str(error)) or type(error).__name__
            raise Refusal(f"{self.name} does not take this conversation ({problem}): {ADVICE}") from error
        spoken = sum(len(str(message["content"])) for message in messages)
        if len(text) > 2 * spoken + MAX_CHARACTERS:
            raise UserError(f"{self.name} makes {len(text):,} characters of {spoken:,}: {ADVICE}")
        return text

    def _rendered(self, messages: Sequence[Mapping[str, Any]], add_generation_prompt: bool) -> str:
        self._environment()
        text = self.tokenizer.apply_chat_template(
            list(messages),
            tokenize=False,
            add_generation_prompt=add_generation_prompt,
            date_string=DATE_STRING,
            **self.arguments,
        )
        text.encode()  # a template can write half a surrogate pair, which is no text
        return str(text)

    def _used_names(self) -> set[str]:
        """The names that the template takes from outside."""
        return jinja2.meta.find_undeclared_variables(self._environment().parse(self.template))

    def _environment(self) -> jinja2.Environment:
        """The template's environment without clock and chance; the library keeps one for each template."""
        # Only who has a tokenizer has loaded this library, which takes seconds.
        from transformers.utils import chat_template_utils

        environment = chat_template_utils._compile_jinja_template(self.template).environment
        environment.globals["strftime_now"] = CLOCK.strftime
        environment.globals.pop("lipsum", None)
        environment.filters.pop("random", None)
        return environment


def _one_line(text: str) -> str:
    """The beginning of a stranger's text, in one line without control characters."""
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in " ".join(text[:1000].split()))[:200]
