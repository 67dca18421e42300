"""The demo study exported to lm-eval's files, beside those that lm-eval 0.4.13 itself writes of the same model and questions,
and read by lm-eval's own functions."""

import json
import os

os.environ["HF_HUB_OFFLINE"] = "1"

from pathlib import Path

import pytest
import yaml
from mmlu_kit.evaluation.records import Timing
from mmlu_kit.inputs import questions
from mmlu_kit.results.merged import Merged

pytestmark = pytest.mark.peer
MODEL, SUBJECT, TASK = "demo-small", "astronomy", "demo_astronomy"


@pytest.fixture(scope="module")
def exported(demo, kit, tmp_path_factory) -> Path:
    """The export of the demo study."""
    folder = tmp_path_factory.mktemp("exported")
    process = kit("export", "results/demo", "--output", folder, cwd=demo)
    assert process.returncode == 0, process.stderr
    return folder


@pytest.fixture(scope="module")
def theirs(demo, tmp_path_factory) -> Path:
    """lm-eval's own files for its MMLU astronomy task, run on the demo's questions with its own model class."""
    import datasets
    import lm_eval
    from lm_eval import evaluator
    from lm_eval.api.task import ConfigurableTask
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.models.huggingface import HFLM

    rows: dict[str, list] = {"dev": [], "test": []}
    for one in questions.read_jsonl(demo / f"resources/subjects/demo@local/{SUBJECT}.jsonl"):
        document = {"question": one.question, "subject": one.subject, "choices": list(one.choices)}
        rows[one.split].append({**document, "answer": "ABCD".index(one.answer)})
    folder = Path(lm_eval.__file__).parent / "tasks/mmlu/default"
    files = ("_default_template_yaml", f"mmlu_{SUBJECT}.yaml")
    config = {key: value for file in files for key, value in yaml.safe_load((folder / file).read_text()).items()}
    for key in ("include", "tag", "dataset_path", "dataset_name"):
        del config[key]
    found = {split: datasets.Dataset.from_list(documents) for split, documents in rows.items()}
    task = ConfigurableTask(config={**config, "task": TASK, "custom_dataset": lambda **_: found})
    lm = HFLM(pretrained=str(demo / f"workflow/demo/models/{MODEL}"), dtype="float32", device="cpu", batch_size=16)
    results = evaluator.evaluate(lm=lm, task_dict={TASK: task}, log_samples=True)
    samples = results.pop("samples")
    output = tmp_path_factory.mktemp("theirs")
    tracker = EvaluationTracker(output_path=str(output))
    tracker.general_config_tracker.log_experiment_args("hf", f"pretrained={MODEL}", None, None, False)
    tracker.save_results_aggregated(results=results, samples=samples)
    tracker.save_results_samples(task_name=TASK, samples=samples[TASK])
    return output


def results_of(folder):
    (path,) = (folder / MODEL).glob("results_*.json")
    return json.loads(path.read_text())


def task(result):
    """Return the name of the task of a model and subject."""
    return f"demo_{result.subject}" + ("_continuation" if result.model.endswith("-cloze") else "")


def samples_of(folder):
    (path,) = (folder / MODEL).glob(f"samples_{TASK}_*.jsonl")
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_exported_samples_equal_lm_evals(exported, theirs):
    ours, reference = samples_of(exported), samples_of(theirs)
    assert len(ours) == len(reference) == 50
    for one, other in zip(ours, reference, strict=True):
        pairs = zip(one.pop("filtered_resps"), other.pop("filtered_resps"), strict=True)
        for (logprob, greedy), (expected, expected_greedy) in pairs:
            assert float(logprob) == pytest.approx(float(expected), abs=2e-4) and greedy == expected_greedy
        assert [[len(each[0]) for each in one.pop("resps")]] == [[len(each[0]) for each in other.pop("resps")]]
        assert one == other  # document, prompt, target, hashes, accuracy


def test_exported_results_equal_lm_evals(exported, theirs):
    ours, reference = results_of(exported), results_of(theirs)
    assert ours["results"][TASK] == pytest.approx(reference["results"][TASK])
    for key in ("n-shot", "higher_is_better", "n-samples", "task_hashes"):
        assert ours[key][TASK] == reference[key][TASK], key
    assert set(reference) <= set(ours)
    same = ("task", "test_split", "fewshot_split", "output_type", "doc_to_choice", "metric_list")
    assert {key: ours["configs"][TASK][key] for key in same} == {key: reference["configs"][TASK][key] for key in same}
    assert reference["configs"][TASK]["description"].strip() == ours["configs"][TASK]["description"]


def test_lm_evals_own_functions_read_every_file(exported, demo):
    from lm_eval import utils

    merged = Merged.read(demo / "results/demo/merged.json")
    names = [path.as_posix() for path in exported.rglob("*.json*")]
    results = utils.get_results_filenames(names)
    samples = utils.get_sample_results_filenames(names)
    assert len(results) == 7 and len(samples) == 7 * 10 and len(names) == 77
    table = utils.make_table(results_of(exported))
    assert table.count("|acc") == 10 and "|college_biology" in table
    tasks = {(Path(name).parent.name, utils.get_file_task_name(Path(name).name)) for name in samples}
    assert tasks == {(result.model, task(result)) for result in merged.results}
    for model in merged.models:
        model_files = [name for name in names if Path(name).parent.name == model]
        began = min(Timing.read(path).process_started for path in (demo / f"results/demo/timings/{model}").glob("*.json"))
        latest = utils.get_latest_filename(utils.get_sample_results_filenames(model_files))
        assert utils.get_file_datetime(latest) == began.removesuffix("+00:00").replace(":", "-")


def test_the_datasets_library_loads_the_samples(exported, tmp_path):
    import datasets

    files = list(map(str, exported.glob(f"{MODEL}/samples_*.jsonl")))
    loaded = datasets.load_dataset("json", data_files=files, split="train", cache_dir=str(tmp_path))
    assert loaded.num_rows == sum(one["sample_len"] for one in results_of(exported)["results"].values())


def test_exported_numbers_match_merged_json(exported, demo):
    """Of several orders the given one is exported; test_lm_eval_export has that."""
    for result in Merged.read(demo / "results/demo/merged.json").results:
        if result.model.endswith("-orders"):
            continue
        (path,) = (exported / result.model).glob("results_*.json")
        metric = "acc_norm,none" if result.model.endswith("-cloze") else "acc,none"
        accuracy = json.loads(path.read_text())["results"][task(result)][metric]
        assert accuracy == result.totals.correct / result.totals.questions


def test_export_refuses_questions_other_than_those_asked(demo_copy, kit, one_line, tmp_path):
    path = demo_copy / "resources/subjects/demo@local/astronomy.jsonl"
    path.write_text(path.read_text().replace("Earth", "Mars"))
    process = kit("export", "results/demo", "--output", tmp_path / "out", cwd=demo_copy)
    one_line(process, "astronomy.json: question 0 is not question 0 of resources/subjects/demo@local/astronomy.jsonl")
