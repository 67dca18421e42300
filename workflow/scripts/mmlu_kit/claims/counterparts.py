"""Finds a publication's models among a study's."""

from collections.abc import Mapping

from mmlu_kit.claims.reference import Published, PublishedModel
from mmlu_kit.config import AnyModel, ModelEntry


def counterparts(models: Mapping[str, AnyModel], published: Published) -> dict[str, str | None]:
    """Return each of the publication's models with its counterpart among a study's models, None if there is none.

    The counterpart has the same repository (a local folder: a name that begins with the repository's) and quantization; one
    with an adapter, or of a GGUF file, has other weights. Of several, the first with the publication's prompt preset is taken,
    else the first that generates answers, else the first.
    """
    preset = published.prompt.preset if published.prompt else None
    return {name: _counterpart(models, model, preset) for name, model in published.models.items()}


def _counterpart(models: Mapping[str, AnyModel], published: PublishedModel, preset: str | None) -> str | None:
    # An imported model is never a counterpart, whatever its name: how it ran is not known.
    run = {name: entry for name, entry in models.items() if isinstance(entry, ModelEntry)}
    same = [name for name, entry in run.items() if _same_model(name, entry, published)]
    same_prompt = [name for name in same if run[name].prompt.preset == preset]
    generating = [name for name in same if not run[name].prompt.preset.is_cloze]
    return next(iter([*same_prompt, *generating, *same]), None)


def _same_model(name: str, entry: ModelEntry, published: PublishedModel) -> bool:
    if entry.adapter or entry.gguf or entry.quantization != published.quantization:
        return False
    if entry.repository:
        return entry.repository == published.repository
    return f"{name}-".startswith(f"{published.repository.split('/')[-1]}-")
