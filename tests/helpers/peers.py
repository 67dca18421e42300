"""Log-likelihoods and cloze tasks by lm-eval, and their comparison with the kit's records."""

import csv
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import torch
from mmlu_kit.settings import Score

# Two answers whose log-probabilities differ by less than two roundings may be ranked either way.
TIE = 2e-4
_CONFIGURATION = """- config_name: {subject}
  data_files:
  - {{split: dev, path: {subject}/dev.jsonl}}
  - {{split: test, path: {subject}/test.jsonl}}
"""


def loglikelihoods(lm, pairs: Iterable[tuple[str, str]]) -> torch.Tensor:
    """Return lm-eval's log-likelihood of each text (second) after its context (first)."""
    from lm_eval.api.instance import Instance

    requests = [Instance("loglikelihood", {}, pair, number) for number, pair in enumerate(pairs)]
    return torch.tensor([logprob for logprob, _ in lm.loglikelihood(requests, disable_tqdm=True)])


def letter_logprobs(lm, prompts) -> torch.Tensor:
    """Return lm-eval's log-likelihoods of each letter after each prompt; shape (prompts, letters)."""
    letters = loglikelihoods(lm, [(prompt.text, answer) for prompt in prompts for answer in prompt.answers])
    # lm-eval counts the white space that a prompt ends with (a chat template's line end) as part of the answer.
    ends = [(text.rstrip(), text[len(text.rstrip()) :]) for text in (prompt.text for prompt in prompts)]
    spaces = loglikelihoods(lm, ends) if ends[0][1] else torch.zeros(len(prompts))
    return letters.view(len(prompts), -1) - spaces[:, None]


def ties_ranked_otherwise(records, expected: torch.Tensor) -> list[tuple[str, int, float]]:
    """Check that records have lm-eval's log-likelihoods within 1e-4, and its best letter or one that ties with it.

    Returns the subject and index of each tie that lm-eval ranks otherwise, and by how much.
    """
    values = torch.tensor([[record.letter_logprobs[letter] for letter in record.letters] for record in records])
    torch.testing.assert_close(values, expected, atol=1e-4, rtol=0)
    flips = []
    for record, row in zip(records, expected, strict=True):
        gap = float(row.max() - row[record.letters.index(record.predicted)])
        if gap > 0:
            flips.append((record.subject, record.index, gap))
    assert all(gap < TIE for *_, gap in flips), flips
    return flips


def cloze_tasks(data: Path, subjects: Sequence[str], folder: Path) -> dict[str, Any]:
    """Return lm-eval's own `mmlu_continuation` task of each subject, by the subject's name.

    Each is made from lm-eval's task file, of which only the data set's path is another: `folder`, where the CSVs of `data` are
    written with the columns of cais/mmlu.
    """
    import lm_eval.tasks
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.tasks._yaml_loader import load_yaml

    for subject in subjects:
        (folder / subject).mkdir()
        for split in ("dev", "test"):
            with (data / split / f"{subject}_{split}.csv").open(newline="", encoding="utf-8") as stream:
                rows = [
                    {"question": question, "subject": subject, "choices": choices, "answer": "ABCD".index(letter)}
                    for question, *choices, letter in csv.reader(stream)
                ]
            (folder / subject / f"{split}.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    configurations = "".join(_CONFIGURATION.format(subject=subject) for subject in subjects)
    (folder / "README.md").write_text(f"---\nconfigs:\n{configurations}---\n")
    here = {"dataset_path": str(folder), "dataset_kwargs": {"cache_dir": str(folder / "cache")}}
    tasks = {}
    for subject in subjects:
        config = load_yaml(Path(lm_eval.tasks.__file__).parent / f"mmlu/continuation/mmlu_{subject}.yaml")
        tasks[subject] = ConfigurableTask(config={key: value for key, value in config.items() if key != "tag"} | here)
    return tasks


def cloze_ties_ranked_otherwise(records, results, samples) -> list[tuple[str, int, str, float]]:
    """Check that records of one subject have lm-eval's log-likelihoods of all choices within 1e-4, and answers and accuracies
    of its `acc` and `acc_norm`, but for answers that tie.

    `results` and `samples` are those of lm-eval's task. Returns the subject and index of each tie that lm-eval ranks otherwise,
    its metric, and by how much.
    """
    flips = []
    for record, sample in zip(records, samples, strict=True):
        expected = torch.tensor([logprob for logprob, _ in sample["filtered_resps"]], dtype=torch.float64)
        values = torch.tensor([choice.logprob for choice in record.cloze], dtype=torch.float64)
        torch.testing.assert_close(values, expected, atol=1e-4, rtol=0)
        lengths = torch.tensor([len(choice) for choice in sample["doc"]["choices"]], dtype=torch.float64)
        for metric, by, scores in (("acc", Score.RAW, expected), ("acc_norm", Score.CHARACTER, expected / lengths)):
            predicted, best = record.predicted_by(by), record.letters[scores.numpy().argmax()]
            assert sample[metric] == (best == record.gold)
            if predicted != best:
                gap = float(scores.max() - scores[record.letters.index(predicted)])
                flips.append((record.subject, record.index, metric, gap))
    assert all(gap < TIE for *_, gap in flips), flips
    for metric, by in (("acc", Score.RAW), ("acc_norm", Score.CHARACTER)):
        correct = sum(record.predicted_by(by) == record.gold for record in records)
        ties = sum(metric in flip for flip in flips)
        assert abs(results[f"{metric},none"] * len(records) - correct) <= ties + 1e-9
    return flips
