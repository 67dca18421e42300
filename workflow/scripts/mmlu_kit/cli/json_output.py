"""JSON on standard output, for programs."""

import json

from mmlu_kit.data import Data


def print_json(data: Data) -> None:
    """Print data as one JSON document, in ASCII: texts from outside arrive as they are, whatever the locale."""
    print(json.dumps(data.plain(), indent=2, sort_keys=True))
