"""Results as EleutherAI's lm-evaluation-harness 0.4 writes them, so that tools and dashboards made for it can read them.

The files are `results_<date>.json` and `samples_<task>_<date>.jsonl`; lm-eval's `result_schema.py` describes both. A task has
lm-eval's own name, `mmlu_<subject>` or `mmlu_<subject>_continuation`, only if the questions are cais/mmlu from the hub and the
prompts are lm-eval's, byte for byte. Otherwise the task's name includes the name of the questions, of the prompt preset, or of
both.
"""

import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from mmlu_kit import files
from mmlu_kit.config import ModelEntry
from mmlu_kit.evaluation import prompts
from mmlu_kit.evaluation.records import Evaluation, Timing
from mmlu_kit.formatting import plural
from mmlu_kit.inputs import checkpoints, questions
from mmlu_kit.results import locations, study_results
from mmlu_kit.results.collection import Pair
from mmlu_kit.results.lm_eval_samples import FILTER, Fields, make_samples, metrics
from mmlu_kit.results.merged import Merged, MergedModel
from mmlu_kit.settings import LETTERS, Orders, Preset, Requested
from mmlu_kit.study import StudyQuestions

MMLU = "cais/mmlu"
VERSION = 1.0  # of lm-eval's tasks `mmlu` and `mmlu_continuation`
_SUFFIXES = {Preset.LM_EVAL: "", Preset.CLOZE: "_continuation"}  # of presets with lm-eval's own prompts


@dataclass(frozen=True)
class Task:
    """One subject as a task of lm-eval: a model's evaluation, its timing, and a sample for each record."""

    name: str
    description: str
    evaluation: Evaluation
    timing: Timing
    samples: list[Fields]

    @property
    def num_fewshot(self) -> int:
        """The number of few-shot examples: the smallest, if some prompts were too long for all of them."""
        return min(record.examples or 0 for record in self.evaluation.records)


def export(results: Path, resources: Path, output: Path, load_tokenizer: Callable[[Path], Any]) -> Iterator[str]:
    """Write every model's results and samples below `output`, and yield a line on each model.

    `load_tokenizer` returns the tokenizer in a model's folder; prompts made by a chat template need it. Raises UserError if the
    questions in `resources` are not those that were asked, or merged.json is not what the results give.
    """
    checked = study_results.checked_folder(results, resources)
    merged = checked.merged
    evaluations = {(each.model, each.subject): each for each in checked.outcomes if isinstance(each, Evaluation)}
    for model, about in merged.models.items():
        if about.requested is None:
            yield f"{model}: left out, because its answers were imported and only their letters are known"
            continue
        tokenizer = None
        if about.requested.preset == Preset.CHAT:
            manifest = checkpoints.verified_manifest(resources / "models" / merged.study.manifest(model))
            tokenizer = load_tokenizer(manifest.path)
        tasks = _tasks(merged, model, evaluations, results, resources, tokenizer)
        folder, when = output / folder_name(model), _date([task.timing for task in tasks])
        for task in tasks:
            lines = [json.dumps(sample, ensure_ascii=False) + "\n" for sample in task.samples]
            files.write_text(folder / f"samples_{task.name}_{when}.jsonl", "".join(lines))
        text = json.dumps(model_results(merged, model, tasks), indent=2, ensure_ascii=False, allow_nan=False)
        files.write_text(folder / f"results_{when}.json", text)
        count = sum(len(task.samples) for task in tasks)
        note = ", with the choices as given; its other orders are left out" if about.requested.orders == Orders.CYCLIC else ""
        yield f"{model}: {folder}, {plural(len(tasks), 'task')}, {plural(count, 'sample')}{note}"


def task_name(source: StudyQuestions, subject: str, preset: Preset) -> str:
    """Return a task's name; `source` describes the study's questions."""
    name = "mmlu" if source.repository == MMLU else source.name
    return f"{name}_{subject}" + _SUFFIXES.get(preset, f"_{preset}")


def folder_name(model: str) -> str:
    """Return the name that lm-eval would give a model's folder."""
    return re.sub(r"[\"<>:/|\\?*\[\]]+", "__", model)


def model_arguments(model: str, about: MergedModel, entry: ModelEntry) -> Fields:
    """Return what was loaded as a model, by lm-eval's names for it."""
    return {
        "pretrained": about.repository or model,
        "revision": about.commit,
        **({"gguf_file": entry.gguf} if entry.gguf else {}),
        **({"peft": about.adapter.name} if about.adapter else {}),
        "quantization": about.effective and about.effective.quantization,
    }


def model_results(merged: Merged, model: str, tasks: Sequence[Task]) -> Fields:
    """Return the content of one model's results file."""
    about, source = merged.models[model], merged.study.questions
    assert about.requested and about.effective and about.machine
    preset = about.requested.preset
    is_lm_evals = preset in _SUFFIXES and source.repository == MMLU
    timings = [task.timing for task in tasks]
    real_s = None if any(timing.resumed for timing in timings) else sum(timing.real_s for timing in timings)
    return {
        "results": {task.name: _metrics(task) for task in tasks},
        "group_subtasks": {},
        "configs": {task.name: _configuration(task, source) for task in tasks},
        "versions": {task.name: VERSION if is_lm_evals else None for task in tasks},
        "n-shot": {task.name: task.num_fewshot for task in tasks},
        "higher_is_better": {task.name: dict.fromkeys(metrics(preset), True) for task in tasks},
        "n-samples": {task.name: dict.fromkeys(("original", "effective"), task.evaluation.totals.questions) for task in tasks},
        "config": {
            "model": "mmlu-kit",
            "model_args": model_arguments(model, about, merged.study.run[model]),
            "model_num_parameters": about.parameters,
            "model_dtype": f"torch.{about.effective.dtype}",
            "model_revision": about.commit,
            "device": about.effective.device,
            "limit": merged.study.limit,
        },
        "date": min(datetime.fromisoformat(timing.process_started).timestamp() for timing in timings),
        "pretty_env_info": about.machine.in_words(),
        "transformers_version": about.machine.packages["transformers"],
        "task_hashes": {task.name: _hash(task.samples) for task in tasks},
        "model_source": "mmlu-kit",
        "model_name": model,
        "model_name_sanitized": folder_name(model),
        # The samples hold whole prompts, rendered by the chat template.
        "fewshot_as_multiturn": preset == Preset.CHAT,
        **dict.fromkeys(("system_instruction", "system_instruction_sha", "chat_template", "chat_template_sha")),
        "total_evaluation_time_seconds": None if real_s is None else str(real_s),
    }


def _tasks(
    merged: Merged, model: str, evaluations: Mapping[Pair, Evaluation], results: Path, resources: Path, tokenizer: Any
) -> list[Task]:
    """Return one model's tasks, from its evaluations, their timings and the fetched questions."""
    study = merged.study
    tasks = []
    for result in (result for result in merged.results if result.model == model):
        folder = results / (result.source or "")
        evaluation = evaluations[model, result.subject]
        assert evaluation.requested is not None
        preset = evaluation.requested.preset
        subject_questions = questions.read_jsonl(resources / "subjects" / study.subjects_folder / f"{result.subject}.jsonl")
        tasks.append(
            Task(
                name=task_name(study.questions, result.subject, preset),
                description=prompts.header(subject_questions[0].subject_title, preset),
                evaluation=evaluation,
                timing=Timing.read(locations.timing_file(folder, model, result.subject)),
                samples=make_samples(evaluation, subject_questions, tokenizer),
            )
        )
    return tasks


def _metrics(task: Task) -> Fields:
    number = len(task.samples)
    fields: Fields = {"name": task.name, "alias": task.evaluation.subject, "sample_len": number}
    for name in metrics(_requested(task).preset):
        mean = sum(sample[name] == 1 for sample in task.samples) / number
        fields[f"{name},{FILTER}"] = mean
        # lm-eval's standard error of a mean, from the sample standard deviation.
        fields[f"{name}_stderr,{FILTER}"] = math.sqrt(mean * (1 - mean) / (number - 1)) if number > 1 else "N/A"
    return fields


def _configuration(task: Task, source: StudyQuestions) -> Fields:
    requested = _requested(task)
    metadata = {"preset": requested.preset, "scoring": task.evaluation.scoring, "orders": requested.orders}
    return {
        "task": task.name,
        "dataset_path": source.repository or source.name,
        "dataset_name": task.evaluation.subject,
        "test_split": "test",
        "fewshot_split": "dev",
        "description": task.description,
        "doc_to_choice": _doc_to_choice(task, requested.preset),
        "output_type": "multiple_choice",
        "num_fewshot": task.num_fewshot,
        "metric_list": [
            {"metric": name, "aggregation": "mean", "higher_is_better": True} for name in metrics(requested.preset)
        ],
        "metadata": {**metadata, "score": requested.ranked_by} if requested.preset.is_cloze else metadata,
    }


def _doc_to_choice(task: Task, preset: Preset) -> str | list[str]:
    """Return what a question's choices are, in lm-eval's words: a list of letters, or a template where they differ."""
    if preset.is_cloze:
        return "{{choices}}"
    numbers = {record.choices for record in task.evaluation.records}
    letters = LETTERS[: max(numbers)]
    return list(letters) if len(numbers) == 1 else f"{{{{'{letters}'[:choices|length]|list}}}}"


def _requested(task: Task) -> Requested:
    assert task.evaluation.requested  # it was run
    return task.evaluation.requested


def _date(timings: Sequence[Timing]) -> str:
    """Return when the first of these processes began, UTC, as lm-eval writes dates in file names."""
    began = datetime.fromisoformat(min(timing.process_started for timing in timings))
    return began.replace(tzinfo=None).isoformat().replace(":", "-")


def _hash(samples: Sequence[Fields]) -> str:
    return files.sha256("".join(f"{sample['doc_hash']}{sample['prompt_hash']}{sample['target_hash']}" for sample in samples))
