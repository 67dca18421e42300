"""Made-up evaluations of one model's weights in several precisions, with probabilities that a test chooses."""

from collections.abc import Sequence
from pathlib import Path

from mmlu_kit.config import ModelEntry
from mmlu_kit.evaluation import answers, records
from mmlu_kit.evaluation.answers import Record
from mmlu_kit.evaluation.records import Evaluation
from mmlu_kit.files import sha256
from mmlu_kit.inputs.checkpoints import FileEntry, Manifest
from mmlu_kit.settings import Requested
from mmlu_kit.study import Study

from tests.helpers import results

LEAST = 1e-9  # a probability of which the logarithm is written


def record(subject: str, index: int, logprobs: Sequence[float]) -> Record:
    """Return a record whose letters have these log-probabilities, as many as the question has choices."""
    letters = results.settings.LETTERS[: len(logprobs)]
    best = letters[max(range(len(logprobs)), key=logprobs.__getitem__)]
    made = results.record(subject, index, best, best, len(logprobs))
    by_letter = dict(zip(letters, logprobs, strict=True))
    return made.model_copy(update={"letter_logprobs": by_letter, "letter_mass": answers.mass(by_letter.values())})


def sure(letters: str, subject: str = "anatomy", confidence: float = -0.5) -> list[Record]:
    """Return records with these best letters, each with the log-probability `confidence`; others share the rest but 0.1."""
    other = results.math.log((0.9 - results.math.exp(confidence)) / 3)
    return [
        record(subject, index, [confidence if letter == best else other for letter in results.LETTERS])
        for index, best in enumerate(letters)
    ]


def evaluation(
    model: str, answered: Sequence[Record], weights: str = "same", reason: str | None = None, **ran: str
) -> Evaluation:
    """Return the evaluation of a model; `ran` is its device, dtype and quantization, where not cpu, float32 and none.

    `weights` is the content of its file of weights.
    """
    device, dtype, quantization = (ran.get(name, "none") for name in ("device", "dtype", "quantization"))
    device, dtype = device if device != "none" else "cpu", dtype if dtype != "none" else "float32"
    requested = Requested(**{**dict(results.REQUESTED), "device": device, "dtype": dtype, "quantization": quantization})
    effective = results.effective(device, quantization).model_copy(update={"dtype": dtype})
    manifest = Manifest(
        folder="p",
        repository=None,
        commit=None,
        checkpoint_bytes=1,
        files={"model.safetensors": FileEntry(bytes=1, sha256=sha256(weights))},
        parameters=1000,
    )
    subject, packing = answered[0].subject, results.packing(answered)
    return records.evaluation(model, manifest, requested, effective, reason, subject, answered, packing)


def entry(evaluation: Evaluation) -> ModelEntry:
    """Return the entry of config that requests what an evaluation did."""
    requested = evaluation.requested
    how = {name: getattr(requested, name) for name in results.settings.SETTINGS}
    return results.entry(requested).model_copy(update=how)


def study(evaluations: Sequence[Evaluation], **changes: object) -> Study:
    """Return the study that these evaluations are of; `changes` apply to it."""
    models = {each.model: entry(each) for each in evaluations}
    subjects = list(dict.fromkeys(each.subject for each in evaluations))
    made = results.study(list(models), subjects, **{"reference": None, **changes})
    return made.model_copy(update={"models": {**made.models, **models}})


def write(folder: Path, evaluations: Sequence[Evaluation], **changes: object) -> Path:
    """Write the results of a study of these evaluations below a folder, and return the folder of its results."""
    made = study(evaluations, **changes)
    results.write(folder, made, evaluations)
    return folder / "results" / made.name
