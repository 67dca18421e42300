"""Results in the form of EleutherAI's lm-evaluation-harness 0.4 (`results_<date>.json`, `samples_<task>_<date>.jsonl`), so
that its tools and other people's dashboards read them. Its `result_schema.py` describes both files.

A task is named `mmlu_<subject>`, as there, only where the questions are those of the hub's cais/mmlu and the prompt is
lm-eval's own, byte for byte; other questions and other prompts name themselves in the task's name.
"""

import json
import math
import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from mmlu_kit import files
from mmlu_kit.evaluation import prompts
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import LETTERS
from mmlu_kit.user_errors import UserError

MMLU = "cais/mmlu"
VERSION = 1.0  # of lm-eval's task `mmlu`
FILTER = "none"


def task(questions: dict, subject: str, preset: str) -> str:
    """A task's name; `questions` are a study's."""
    name = "mmlu" if questions.get("repository") == MMLU else questions["name"]
    return f"{name}_{subject}" + ("" if preset == "lm_eval" else f"_{preset}")


def date(timings: Sequence[dict]) -> str:
    """When the first of these processes began, as lm-eval writes dates into names of files; UTC."""
    began = datetime.fromisoformat(min(timing["process_started"] for timing in timings))
    return began.replace(tzinfo=None).isoformat().replace(":", "-")


def sanitized(model: str) -> str:
    """A model's name as lm-eval names its folder."""
    return re.sub(r"[\"<>:/|\\?*\[\]]+", "__", model)


def samples(evaluation: dict, asked: Sequence[Question], tokenizer: Any) -> list[dict]:
    """One sample for each record; `asked` are the subject's questions, dev and test, `tokenizer` is needed for chat prompts.

    A UserError where the prompt made of these questions is not the one that the model was shown.
    """
    preset = evaluation["requested"]["preset"]
    tests = {question.index: question for question in asked if question.split == "test"}
    dev = [question for question in asked if question.split == "dev"]
    found = []
    for record in evaluation["records"]:
        question = tests.get(record["index"])
        text = None
        if question and question.sha256 == record["question_sha256"]:
            shown = dev[: record["examples"]]
            text = "".join(piece for piece, _ in prompts.render(question, shown, preset, tokenizer))
        if text is None or files.sha256(text) != record["prompt_sha256"]:
            where = f"{evaluation['model']}, question {record['index']} of {evaluation['subject']}"
            raise UserError(f"{where}: the questions here do not give the prompt that was asked: run the study again")
        found.append(_sample(record, question, text, preset))
    return found


def _sample(record: dict, question: Question, text: str, preset: str) -> dict:
    target = str(LETTERS.index(question.answer))
    document = {
        "question": question.question,
        "subject": question.subject,
        "choices": list(question.choices),
        "answer": int(target),
    }
    answers = [prompts.answer_text(preset, letter) for letter in LETTERS]
    # lm-eval writes numbers and booleans of responses as text; greedy is what the model would write itself.
    responses = [
        [str(record["letter_logprobs"][letter]), str(record["generated"] == answer)]
        for letter, answer in zip(LETTERS, answers, strict=True)
    ]
    return {
        "doc_id": record["index"],
        "doc": document,
        "target": target,
        "arguments": {f"gen_args_{place}": {"arg_0": text, "arg_1": answer} for place, answer in enumerate(answers)},
        "resps": [[response] for response in responses],
        "filtered_resps": responses,
        "filter": FILTER,
        "metrics": ["acc"],
        "doc_hash": files.sha256(json.dumps(document, indent=2, ensure_ascii=False)),
        "prompt_hash": record["prompt_sha256"],
        "target_hash": files.sha256(target),
        "acc": float(record["correct"]),
    }


def results(merged: dict, model: str, evaluations: Sequence[dict], timings: Sequence[dict], samples: Sequence[list]) -> dict:
    """The results file of one model: its evaluations, their timings and samples, in one order."""
    about, questions = merged["models"][model], merged["study"]["questions"]
    preset = about["requested"]["preset"]
    names = [task(questions, evaluation["subject"], preset) for evaluation in evaluations]
    each = dict(zip(names, evaluations, strict=True))
    # The fewest, where some prompts were too long for all.
    shots = {name: min(record["examples"] for record in one["records"]) for name, one in each.items()}
    theirs = preset == "lm_eval" and questions.get("repository") == MMLU
    seconds = [timing["real_s"] for timing in timings] if not any(timing["resumed"] for timing in timings) else None
    return {
        "results": {name: _metrics(name, one) for name, one in each.items()},
        "group_subtasks": {},
        "configs": {name: _configuration(name, one, questions, shots[name]) for name, one in each.items()},
        "versions": dict.fromkeys(each, VERSION if theirs else None),
        "n-shot": shots,
        "higher_is_better": {name: {"acc": True} for name in each},
        "n-samples": {name: dict.fromkeys(("original", "effective"), one["totals"]["questions"]) for name, one in each.items()},
        "config": {
            "model": "mmlu-kit",
            "model_args": {
                "pretrained": about["repository"] or model,
                "revision": about["commit"],
                "quantization": about["effective"]["quantization"],
            },
            "model_num_parameters": about["parameters"],
            "model_dtype": f"torch.{about['effective']['dtype']}",
            "model_revision": about["commit"],
            "device": about["effective"]["device"],
            "limit": None,
        },
        "date": min(datetime.fromisoformat(timing["process_started"]).timestamp() for timing in timings),
        "pretty_env_info": about["machine"].in_words(),
        "transformers_version": about["machine"]["packages"]["transformers"],
        "task_hashes": {name: _hash(found) for name, found in zip(names, samples, strict=True)},
        "model_source": "mmlu-kit",
        "model_name": model,
        "model_name_sanitized": sanitized(model),
        # Where a chat template made the prompts, they are whole in the samples.
        "fewshot_as_multiturn": preset == "chat",
        **dict.fromkeys(("system_instruction", "system_instruction_sha", "chat_template", "chat_template_sha")),
        "total_evaluation_time_seconds": str(sum(seconds)) if seconds else None,
    }


def _metrics(name: str, evaluation: dict) -> dict:
    totals = evaluation["totals"]
    accuracy, number = totals["correct"] / totals["questions"], totals["questions"]
    # The standard error of a mean as lm-eval has it, from the sample's standard deviation.
    error = math.sqrt(accuracy * (1 - accuracy) / (number - 1)) if number > 1 else "N/A"
    return {
        "name": name,
        "alias": evaluation["subject"],
        "sample_len": number,
        f"acc,{FILTER}": accuracy,
        f"acc_stderr,{FILTER}": error,
    }


def _configuration(name: str, evaluation: dict, questions: dict, shots: int) -> dict:
    return {
        "task": name,
        "dataset_path": questions.get("repository") or questions["name"],
        "dataset_name": evaluation["subject"],
        "test_split": "test",
        "fewshot_split": "dev",
        "description": prompts.header(evaluation["subject"], evaluation["requested"]["preset"]),
        "doc_to_choice": list(LETTERS),
        "output_type": "multiple_choice",
        "num_fewshot": shots,
        "metric_list": [{"metric": "acc", "aggregation": "mean", "higher_is_better": True}],
        "metadata": {"preset": evaluation["requested"]["preset"], "scoring": evaluation["scoring"]},
    }


def _hash(found: list[dict]) -> str:
    return files.sha256("".join(sample["doc_hash"] + sample["prompt_hash"] + sample["target_hash"] for sample in found))
