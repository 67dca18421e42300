"""Results in the form of Every Eval Ever 0.3.0 (https://evalevalai.com), a shared schema and database of evaluation results.

A model is one aggregate file, `data/<questions>/<developer>/<model>/<uuid>.json`, with an accuracy for each subject and over
all of them. Beside it is `<uuid>_samples.jsonl` with each question, answer and verdict. The UUID depends on the answers alone,
so that exporting them again replaces the files.
"""

import json
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from mmlu_kit import files
from mmlu_kit.evaluation.records import Evaluation, Timing
from mmlu_kit.formatting import plural
from mmlu_kit.results import every_eval_ever_samples, locations, study_results
from mmlu_kit.results.lm_eval_export import folder_name, task_name
from mmlu_kit.results.lm_eval_samples import Fields
from mmlu_kit.results.merged import Merged
from mmlu_kit.results.summaries import Summary, summarize
from mmlu_kit.settings import Split
from mmlu_kit.statistics import ALPHA, intervals

FORM = "0.3.0"
BEST, GENERATED, ALL = "best", "generated", "all"
DESCRIPTIONS = {
    BEST: "The share of questions whose right choice has the highest score: its letter's or its text's log-probability.",
    GENERATED: "The share of questions whose generated text has the right letter; an unparsed one is wrong.",
}


@dataclass(frozen=True)
class Evaluator:
    """Who ran the evaluation, as the schema wants to know: an organization, and what it is to the models' makers."""

    organization: str
    relationship: str


def export(results: Path, resources: Path, output: Path, evaluator: Evaluator) -> Iterator[str]:
    """Write every model's results below `output`, and yield a line on each model.

    Raises UserError if a question in `resources` is missing or is not the one that was asked, or if merged.json is not what the
    results give.
    """
    checked = study_results.checked_folder(results, resources)
    merged = checked.merged
    questions = {(each.subject, each.index): each for each in checked.questions if each.split == Split.TEST}
    now = int(time.time())
    for model, about in merged.models.items():
        if about.requested is None:
            yield f"{model}: left out, because its answers were imported and how it ran is unknown"
            continue
        evaluations = [each for each in checked.outcomes if isinstance(each, Evaluation) and each.model == model]
        aggregate = Aggregate(merged, model, evaluator, _began(merged, model, results), now)
        rows = [
            json.dumps(row, ensure_ascii=False) + "\n"
            for each in evaluations
            for row in every_eval_ever_samples.rows(each, questions, aggregate.keys(each.subject))
        ]
        # Of the answers alone: the time of the export is part of the rows.
        digest = files.sha256("".join(each.model_dump_json() for each in evaluations))
        stem = uuid.UUID(hex=digest[:32], version=4)
        detailed = aggregate.folder / f"{stem}_samples.jsonl"
        files.write_text(output / detailed, "".join(rows))
        path = output / aggregate.folder / f"{stem}.json"
        files.write_json(path, aggregate.document(detailed, rows))
        yield f"{model}: {path}, {plural(len(rows), 'sample')}"


@dataclass(frozen=True)
class Aggregate:
    """One model's aggregate file; `began` is when its first process started, `now` is the time of the export, Unix time."""

    merged: Merged
    model: str
    evaluator: Evaluator
    began: str
    now: int

    @property
    def identity(self) -> str:
        """The model's repository on the hub or, without one, its name in config."""
        return self.merged.models[self.model].repository or self.model

    @property
    def folder(self) -> Path:
        """The folder of the model's files, as the database has them."""
        developer, _, base = self.identity.rpartition("/")
        return Path("data", self.merged.study.questions.name, folder_name(developer or "unknown"), folder_name(base))

    @property
    def run(self) -> str:
        """The identifier of this evaluation."""
        return f"{self.merged.study.questions.name}/{self.identity}/{self.now}"

    def keys(self, subject: str) -> Fields:
        """Return what a row of samples has to name of this file."""
        return {
            "schema_version": FORM,
            "evaluation_id": self.run,
            "model_id": self.identity,
            "evaluation_name": self._task(subject),
            "evaluation_result_id": f"{self.run}#{self._task(subject)}#{BEST}",
        }

    def document(self, detailed: Path, rows: Sequence[str]) -> Fields:
        """Return the file's content; `rows` are those of the file of samples, `detailed`."""
        subjects = [result.subject for result in self.merged.results if result.model == self.model]
        return {
            "schema_version": FORM,
            "evaluation_id": self.run,
            "evaluation_timestamp": self.began,
            "retrieved_timestamp": str(self.now),
            "source_metadata": {
                "source_name": "MMLU reproduction kit",
                "source_type": "evaluation_run",
                "source_organization_name": self.evaluator.organization,
                "evaluator_relationship": self.evaluator.relationship,
            },
            "eval_library": {"name": "mmlu-kit", "version": _version()},
            "model_info": self._model_info(),
            "evaluation_results": [
                result for names in [*([subject] for subject in subjects), subjects] for result in self._results(names)
            ],
            "detailed_evaluation_results": {
                "format": "jsonl",
                "file_path": detailed.as_posix(),
                "hash_algorithm": "sha256",
                "checksum": files.sha256("".join(rows)),
                "total_rows": len(rows),
            },
        }

    def _task(self, subject: str) -> str:
        requested = self.merged.models[self.model].requested
        assert requested  # it was run
        return task_name(self.merged.study.questions, subject, requested.preset)

    def _model_info(self) -> Fields:
        about = self.merged.models[self.model]
        assert about.effective and about.machine
        details = {
            "deployment_type": "self_deployed",
            "model_availability": "open_weights" if about.repository else "unknown",
            "revision": about.commit,
            "parameters": about.parameters,
            "device": about.effective.device,
            "dtype": about.effective.dtype,
            "quantization": about.effective.quantization,
            "not_as_requested": about.reason,
        }
        info: Fields = {
            "name": self.model,
            "id": self.identity,
            "inference_engine": {"name": "transformers", "version": about.machine.packages["transformers"] or "unknown"},
            "additional_details": _texts(details),
        }
        return info | ({"developer": about.repository.partition("/")[0]} if about.repository else {})

    def _results(self, subjects: Sequence[str]) -> Iterator[Fields]:
        """Yield the accuracy by the best answer on some subjects, and the one by the generated letter if there is one."""
        summary = summarize(self.merged, self.model, subjects)
        assert summary
        name = self._task(subjects[0] if len(subjects) == 1 else ALL)
        yield self._result(name, BEST, summary, summary.correct)
        if summary.correct_generated is not None:
            yield self._result(name, GENERATED, summary, summary.correct_generated)

    def _result(self, name: str, metric: str, summary: Summary, correct: int) -> Fields:
        requested, source = self.merged.models[self.model].requested, self.merged.study.questions
        assert requested
        low, high = intervals.wilson(correct, summary.questions)
        details = {"commit": source.commit, "limit": self.merged.study.limit, "subjects": summary.subjects}
        greedy = {"temperature": 0, "max_tokens": requested.max_new_tokens}
        hub: Fields = {"hf_repo": source.repository, "hf_split": "test", "samples_number": summary.questions}
        return {
            "evaluation_result_id": f"{self.run}#{name}#{metric}",
            "evaluation_name": name,
            "source_data": {
                "dataset_name": source.name,
                "source_type": "hf_dataset" if source.repository else "other",
                "additional_details": _texts(details),
                **(hub if source.repository else {}),
            },
            "metric_config": {
                "evaluation_description": DESCRIPTIONS[metric],
                "metric_id": "accuracy",
                "metric_name": "Accuracy",
                "metric_kind": "accuracy",
                "metric_unit": "proportion",
                "lower_is_better": False,
                "score_type": "continuous",
                "min_score": 0,
                "max_score": 1,
            },
            "score_details": {
                "score": correct / summary.questions,
                "details": {"correct": str(correct)},
                "uncertainty": {
                    "confidence_interval": {"lower": low, "upper": high, "confidence_level": 1 - ALPHA, "method": "Wilson"},
                    "num_samples": summary.questions,
                },
            },
            "generation_config": {
                **({} if requested.preset.is_cloze else {"generation_args": greedy}),
                "additional_details": _texts(requested.plain()),
            },
        }


def _began(merged: Merged, model: str, results: Path) -> str:
    """When the first process that evaluated a model started, UTC, ISO 8601."""
    ran = [result for result in merged.results if result.model == model]
    paths = [locations.timing_file(results / (result.source or ""), model, result.subject) for result in ran]
    return min(Timing.read(path).process_started for path in paths)


def _texts(values: Mapping[str, object]) -> dict[str, str]:
    """Values as the texts that the schema wants; those that are not known are left out."""
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items() if value is not None}


def _version() -> str:
    try:
        return metadata.version("mmlu-kit")
    except metadata.PackageNotFoundError:  # run from its folder without being installed
        return "unknown"
