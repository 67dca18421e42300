"""The YAML files of workflow/recall: what is said in conversations and transcripts."""

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import ValidationError

from mmlu_kit.data import Data
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import explain

Form = TypeVar("Form", bound=Data)


def read(path: Path, form: type[Form], content: str) -> Form:
    """The data in a YAML file; any other file raises UserError that names its `content`."""
    value = None
    try:
        value = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        return form.model_validate(value)
    except ValidationError as error:
        problem = explain(error, value)
    except (OSError, ValueError, yaml.YAMLError) as error:
        problem = " ".join(str(error).split())[:200]
    raise UserError(f"{path} does not hold {content} ({problem}): restore it")
