"""Made-up evaluations of one model's weights in several precisions, with probabilities that a test chooses."""

import math
from collections.abc import Sequence
from pathlib import Path

from mmlu_kit.analysis import precision
from mmlu_kit.analysis.precision_document import Comparison
from mmlu_kit.config import ModelEntry
from mmlu_kit.evaluation import answers, records
from mmlu_kit.evaluation.answers import Record
from mmlu_kit.evaluation.records import Evaluation
from mmlu_kit.files import sha256
from mmlu_kit.inputs.checkpoints import FileEntry, Manifest
from mmlu_kit.results import merging
from mmlu_kit.results.merged import Merged
from mmlu_kit.settings import LETTERS, SETTINGS
from mmlu_kit.study import Study
from mmlu_kit.timing.time_logs import Processes

from tests.helpers import results


def record(subject: str, index: int, logprobs: Sequence[float]) -> Record:
    """Return a record whose letters have these log-probabilities, as many as the question has choices."""
    letters = LETTERS[: len(logprobs)]
    best = letters[max(range(len(logprobs)), key=logprobs.__getitem__)]
    made = results.record(subject, index, best, best, len(logprobs))
    by_letter = dict(zip(letters, logprobs, strict=True))
    return made.model_copy(update={"letter_logprobs": by_letter, "letter_mass": answers.mass(by_letter.values())})


def sure(letters: str, subject: str = "anatomy", confidence: float = -0.5) -> list[Record]:
    """Return records with these best letters, each with the log-probability `confidence`; others share the rest but 0.1."""
    other = math.log((0.9 - math.exp(confidence)) / 3)
    return [
        record(subject, index, [confidence if letter == best else other for letter in results.LETTERS])
        for index, best in enumerate(letters)
    ]


def evaluation(
    model: str,
    answered: Sequence[Record],
    weights: str = "same",
    device: str = "cpu",
    dtype: str = "float32",
    quantization: str = "none",
    **prompt: object,
) -> Evaluation:
    """Return the evaluation of a model that ran as requested; `weights` is the content of its file, `prompt` its settings."""
    how = {"device": device, "dtype": dtype, "quantization": quantization, **prompt}
    ran_as = results.effective(device, quantization).model_copy(update={"dtype": dtype})
    files = {"model.safetensors": FileEntry(bytes=1, sha256=sha256(weights))}
    about = {"folder": "p", "repository": None, "commit": None, "checkpoint_bytes": 1}
    manifest = Manifest(**about, files=files, parameters=1000)
    requested, subject = results.asked(**how), answered[0].subject
    return records.evaluation(model, manifest, requested, ran_as, None, subject, answered, results.packing(answered))


def entry(evaluation: Evaluation) -> ModelEntry:
    """Return the entry of config that requests what an evaluation did."""
    requested = evaluation.requested
    how = {name: getattr(requested, name) for name in SETTINGS}
    return results.entry(requested).model_copy(update=how)


def study(evaluations: Sequence[Evaluation], **changes: object) -> Study:
    """Return the study that these evaluations are of; `changes` apply to it."""
    models = {each.model: entry(each) for each in evaluations}
    subjects = list(dict.fromkeys(each.subject for each in evaluations))
    made = results.study(list(models), subjects, **{"reference": None, **changes})
    return made.model_copy(update={"models": {**made.models, **models}})


def merged(evaluations: Sequence[Evaluation], **changes: object) -> Merged:
    """Return merged.json of these evaluations; `changes` apply to the study."""
    timings = [results.timing(each.model, each.subject, questions_scored=len(each.records)) for each in evaluations]
    return merging.merge(study(evaluations, **changes), evaluations, timings, Processes({}))


def analysed(evaluations: Sequence[Evaluation]) -> list[Comparison]:
    """Return the part of analysis.json on the precisions of these models."""
    return precision.analyse_precisions(merged(evaluations), evaluations)


def write(folder: Path, evaluations: Sequence[Evaluation], **changes: object) -> Path:
    """Write the results of a study of these evaluations below a folder, and return the folder of its results."""
    made = study(evaluations, **changes)
    results.write(folder, made, evaluations)
    return folder / "results" / made.name
