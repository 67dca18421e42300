"""The demo's facts: relations between items and answers with their wordings, one YAML file for each subject."""

from dataclasses import dataclass
from pathlib import Path

import yaml


@dataclass(frozen=True)
class Relation:
    """One kind of fact: every wording has the placeholder `{item}`; `question` is never used in training."""

    subject: str
    name: str
    training: tuple[str, ...]
    question: str
    answers: dict[str, str]  # item -> answer


def read(folder: Path) -> list[Relation]:
    """Read all relations in a folder, in the order of file names and then of the files."""
    relations = []
    for path in sorted(Path(folder).glob("*.yaml")):
        for entry in yaml.safe_load(path.read_text(encoding="utf-8")):
            answers = {str(item): str(answer) for item, answer in entry["facts"].items()}
            relations.append(Relation(path.stem, entry["relation"], tuple(entry["training"]), entry["question"], answers))
    return relations
