"""Exported samples of the preset cloze are the requests of lm-eval 0.4.13's own task for it, and have its metrics."""

import dataclasses
import os

os.environ["HF_HUB_OFFLINE"] = "1"

import random
from pathlib import Path

import pytest
import yaml
from mmlu_kit.evaluation import prompts
from mmlu_kit.evaluation.answers import Record
from mmlu_kit.results import lm_eval_samples
from mmlu_kit.settings import Preset, Score

from tests.helpers import results

pytestmark = pytest.mark.peer
SUBJECT, SHOTS = "anatomy", 2
TEXTS = ["the femur", "a", "Überbein – a ganglion", "none of the above, as all of them are muscles"]


def question(split, index):
    """Return a question whose choices have several lengths, in characters and in bytes."""
    texts = tuple(TEXTS[(index + place) % 4] for place in range(4))
    return dataclasses.replace(results.question(SUBJECT, index), split=split, choices=texts, question=f" Which one, {index}? ")


DEV, TESTS = ([question(split, index) for index in range(number)] for split, number in (("dev", SHOTS), ("test", 12)))


@pytest.fixture(scope="module")
def task():
    """lm-eval's task on these questions."""
    import datasets
    import lm_eval
    from lm_eval.api.task import ConfigurableTask

    folder = Path(lm_eval.__file__).parent / "tasks/mmlu/continuation"
    files = ("_continuation_template_yaml", f"mmlu_{SUBJECT}.yaml")
    config = {key: value for file in files for key, value in yaml.safe_load((folder / file).read_text()).items()}
    for key in ("include", "tag", "dataset_path", "dataset_name"):
        del config[key]
    rows = {
        name: datasets.Dataset.from_list(
            [
                {
                    "question": one.question,
                    "subject": one.subject,
                    "choices": list(one.choices),
                    "answer": one.letters.index(one.answer),
                }
                for one in split
            ]
        )
        for name, split in (("dev", DEV), ("test", TESTS))
    }
    made = ConfigurableTask(config={**config, "num_fewshot": SHOTS, "custom_dataset": lambda **_: rows})
    made.build_all_requests()
    return made


@pytest.fixture(scope="module")
def samples():
    """The kit's samples of made-up log-likelihoods of the same questions."""
    chance = random.Random(1)
    requested = results.asked(preset=Preset.CLOZE, examples=SHOTS)
    made = results.evaluation("m", SUBJECT, "A" * len(TESTS), requested=requested)
    records = []
    for record, asked in zip(made.records, TESTS, strict=True):
        cloze = [
            choice.model_copy(
                update={
                    "logprob": round(-chance.uniform(0.5, 1.5) * (4 + len(text)), 6),
                    "characters": len(text),
                    "bytes": len(text.encode()),
                }
            )
            for choice, text in zip(record.cloze, asked.choices, strict=True)
        ]
        text = prompts.running_text(asked, DEV, Preset.CLOZE)
        changed = record.model_copy(update={"cloze": cloze})
        predicted = changed.predicted_by(Score.CHARACTER)
        changes = {"cloze": cloze, "predicted": predicted, "correct": predicted == record.gold, "examples": SHOTS}
        hashes = {"question_sha256": asked.sha256, "prompt_sha256": prompts.prompt_sha256(text, {})}
        records.append(Record(**{**dict(record), **changes, **hashes}))
    return lm_eval_samples.make_samples(made.model_copy(update={"records": records}), [*DEV, *TESTS], None)


def test_requests_are_lm_evals(task, samples):
    pairs = {}
    for instance in task.instances:
        pairs.setdefault(instance.doc_id, []).append(instance.arguments)
    ours = {sample["doc_id"]: [(each["arg_0"], each["arg_1"]) for each in sample["arguments"].values()] for sample in samples}
    assert ours == pairs


def test_metrics_are_lm_evals(task, samples):
    scored = []
    for sample, document in zip(samples, task.test_docs(), strict=True):
        assert sample["doc"] == document and int(sample["target"]) == document["answer"]
        responses = [(float(logprob), False) for logprob, _ in sample["filtered_resps"]]
        metrics = task.process_results(document, responses)
        assert {name: sample[name] for name in sample["metrics"]} == metrics
        scored.append(tuple(metrics.values()))
    assert {(1.0, 0.0), (0.0, 1.0)} & set(scored), "no question on which the two accuracies differ"
