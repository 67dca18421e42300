"""Export for lm-eval: task names, a sample for each record, and a check that prompts are those that were asked."""

import json

import pytest
from mmlu_kit.evaluation import prompts
from mmlu_kit.files import sha256
from mmlu_kit.results import lm_eval_export
from mmlu_kit.settings import Preset
from mmlu_kit.study import StudyQuestions
from mmlu_kit.user_errors import UserError

from tests.helpers import results

STUDY = results.study(["m"], ["anatomy"])
QUESTIONS = [results.question("anatomy", index) for index in range(4)]


def test_only_mmlu_with_lm_evals_prompt_has_lm_evals_task_name():
    hub, local = StudyQuestions(name="mmlu", repository="cais/mmlu", commit="0" * 40), StudyQuestions(name="mine", path="p")
    assert lm_eval_export.task_name(hub, "anatomy", Preset.LM_EVAL) == "mmlu_anatomy"
    assert lm_eval_export.task_name(hub, "anatomy", Preset.CHAT) == "mmlu_anatomy_chat"
    assert lm_eval_export.task_name(local, "anatomy", Preset.LM_EVAL) == "mine_anatomy"


def evaluation(answers="ABCA"):
    """Return an evaluation whose records have the hashes of the real prompts."""
    made = results.evaluation("m", "anatomy", answers)
    texts = [prompts.running_text(question, [], Preset.LM_EVAL) for question in QUESTIONS]
    pairs = zip(made.records, texts, strict=True)
    records = [record.model_copy(update={"prompt_sha256": sha256(text)}) for record, text in pairs]
    return made.model_copy(update={"records": records})


def test_a_study_is_exported_with_a_sample_for_each_record(tmp_path):
    study_results, resources, output = (tmp_path / name for name in ("results/made", "resources", "output"))
    results.write(tmp_path, STUDY, [evaluation()])
    no_tokenizer = {}.__getitem__  # only chat prompts need one
    assert list(lm_eval_export.export(study_results, resources, output, no_tokenizer)) == [
        f"m: {output / 'm'}, 1 task, 4 samples"
    ]
    written = json.loads((output / "m/results_2026-01-01T00-00-00.json").read_text())
    metrics = written["results"]["q_anatomy"]
    assert metrics["acc,none"] == 0.75 and metrics["acc_stderr,none"] == pytest.approx(0.25)
    assert written["n-shot"] == {"q_anatomy": 0} and written["total_evaluation_time_seconds"] == "2.0"
    lines = (output / "m/samples_q_anatomy_2026-01-01T00-00-00.jsonl").read_text().splitlines()
    samples = [json.loads(line) for line in lines]
    assert [sample["acc"] for sample in samples] == [1, 1, 1, 0] and samples[1]["filtered_resps"][1] == ["-0.5", "True"]


@pytest.mark.parametrize(
    ("generated", "greedy"), [(" B", True), ("B", True), (" A", False), ("A", False), (" the", False), ("B.", False)]
)
def test_the_greedy_answer_is_found_whether_or_not_decoding_drops_the_space(generated, greedy):
    """A SentencePiece tokenizer decodes the token '▁B' of the answer ' B' as 'B'."""
    made = evaluation()
    made.records[1] = made.records[1].model_copy(update={"generated": generated})
    sample = lm_eval_export.make_samples(made, Preset.LM_EVAL, QUESTIONS, None)[1]
    assert [response[1] for response in sample["filtered_resps"]] == ["False", str(greedy), "False", "False"]


def test_questions_other_than_those_asked_are_refused():
    for other in (QUESTIONS[1:], [results.question("virology", index) for index in range(4)]):
        with pytest.raises(UserError, match="m, question 0 of anatomy: the prompt cannot be rendered again"):
            lm_eval_export.make_samples(evaluation(), Preset.LM_EVAL, other, None)
    with pytest.raises(UserError, match="question 0 of anatomy"):
        lm_eval_export.make_samples(evaluation(), Preset.WRITEUP, QUESTIONS, None)
