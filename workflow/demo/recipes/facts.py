"""Facts that the project states: relations between items and answers, each with its wordings, one YAML file a subject."""

from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Relation:
    """One kind of fact: every wording has a place for `{item}`; `question` is never used in training."""

    subject: str
    name: str
    training: tuple[str, ...]
    question: str
    answers: dict[str, str]  # item -> answer


def read(folder: Path) -> list[Relation]:
    """All relations of a folder of facts, in the order of file names and of their places in the files."""
    relations = []
    for path in sorted(Path(folder).glob("*.yaml")):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
            answers = {str(item): str(answer) for item, answer in entry["facts"].items()}
            relations.append(Relation(path.stem, entry["relation"], tuple(entry["training"]), entry["question"], answers))
    return relations
