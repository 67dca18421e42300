"""Which of a study's models are the writeup's."""

from collections.abc import Mapping

from mmlu_kit.claims.reference import Published, PublishedModel
from mmlu_kit.config import AnyModel, ModelEntry


def stand_ins(models: Mapping[str, AnyModel], published: Published) -> dict[str, str | None]:
    """Return for each of the writeup's models the model of a study that stands for it, None where there is none.

    That is the one of the same repository (or, where it is a local folder, of the repository's name) and quantization; of
    several, the first asked in the writeup's way, else the study's first.
    """
    return {name: _stand_in(models, model, published.prompt.preset) for name, model in published.models.items()}


def _stand_in(models: Mapping[str, AnyModel], published: PublishedModel, preset: str) -> str | None:
    # Whatever an imported model's name says, nothing tells how it ran.
    run = {name: entry for name, entry in models.items() if isinstance(entry, ModelEntry)}
    same = [name for name, entry in run.items() if _same_model(name, entry, published)]
    asked_alike = [name for name in same if run[name].prompt.preset == preset]
    return next(iter([*asked_alike, *same]), None)


def _same_model(name: str, entry: ModelEntry, published: PublishedModel) -> bool:
    if entry.quantization != published.quantization:
        return False
    if entry.repository:
        return entry.repository == published.repository
    return f"{name}-".startswith(f"{published.repository.split('/')[-1]}-")
