"""The YAML files in workflow/recall: the texts of conversations and transcripts."""

from pathlib import Path
from typing import TypeVar

import yaml
from pydantic import ValidationError

from mmlu_kit.data import Data
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import explain

Form = TypeVar("Form", bound=Data)


def read(path: Path, form: type[Form], content: str) -> Form:
    """Read a YAML file; a file in any other form raises UserError naming the expected `content`."""
    value = None
    try:
        value = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        return form.model_validate(value)
    except ValidationError as error:
        problem = explain(error, value)
    except (OSError, ValueError, yaml.YAMLError) as error:
        problem = " ".join(str(error).split())[:200]
    raise UserError(f"{path} does not contain {content} ({problem}): restore it")
