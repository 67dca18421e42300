"""Export for lm-eval: task names, a sample for each record, and a check that prompts are those that were asked."""

import json

import pytest
from mmlu_kit.evaluation import prompts
from mmlu_kit.files import sha256
from mmlu_kit.inputs.adapters import AdapterIdentity
from mmlu_kit.results import lm_eval_export, lm_eval_samples
from mmlu_kit.settings import Orders, Preset
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
    assert lm_eval_export.task_name(hub, "anatomy", Preset.CLOZE) == "mmlu_anatomy_continuation"
    assert lm_eval_export.task_name(hub, "anatomy", Preset.OLMES) == "mmlu_anatomy_olmes"
    assert lm_eval_export.task_name(local, "anatomy", Preset.CLOZE) == "mine_anatomy_continuation"


def evaluation(answers="ABCA", generated=None, choices=None, requested=results.REQUESTED, subject="anatomy"):
    """Return an evaluation whose records have the hashes of the real prompts."""
    made = results.evaluation("m", subject, answers, generated, choices=choices, requested=requested)
    asked = [results.question(subject, record.index, record.choices) for record in made.records]
    texts = [prompts.running_text(question, [], requested.preset) for question in asked]
    pairs = zip(made.records, texts, strict=True)
    records = [record.model_copy(update={"prompt_sha256": sha256(text)}) for record, text in pairs]
    return made.model_copy(update={"records": records})


def exported(folder, evaluation):
    """Export a study of one evaluation; return the printed line, the metrics, the configuration and the samples of its task."""
    study = results.study_asked({"m": evaluation.requested}, [evaluation.subject])
    results.write(folder, study, [evaluation])
    (line,) = lm_eval_export.export(folder / "results/made", folder / "resources", folder / "output", {}.__getitem__)
    written = json.loads(next((folder / "output/m").glob("results_*.json")).read_text())
    ((name, metrics),) = written["results"].items()
    lines = next((folder / "output/m").glob(f"samples_{name}_*.jsonl")).read_text().splitlines()
    return line, metrics, written["configs"][name], [json.loads(each) for each in lines]


def test_questions_with_several_numbers_of_choices_have_a_request_for_each(tmp_path):
    _, metrics, configuration, samples = exported(tmp_path, evaluation("ABCJ", "ABC-", [2, 3, 4, 10]))
    assert [len(sample["resps"]) for sample in samples] == [2, 3, 4, 10]
    assert samples[3]["arguments"]["gen_args_9"]["arg_1"] == " J" and samples[3]["target"] == "3"
    assert configuration["doc_to_choice"] == "{{'ABCDEFGHIJ'[:choices|length]|list}}"
    assert metrics["acc,none"] == 0.75


def test_letters_are_a_list_where_all_questions_have_as_many_choices(tmp_path):
    *_, configuration, samples = exported(tmp_path, evaluation("ABCE", "ABC-", [5] * 4, subject="college_biology"))
    assert configuration["description"].endswith(" about college biology.")
    assert configuration["doc_to_choice"] == list("ABCDE") and len(samples[0]["filtered_resps"]) == 5


def test_cloze_has_lm_evals_two_accuracies_and_does_not_say_what_is_greedy(tmp_path):
    made = evaluation(choices=[4, 3, 4, 4], requested=results.asked(preset=Preset.CLOZE))
    # By characters the first choice, of three, is the best one; as it is, one of the others, of one.
    longer = made.records[0].cloze[0].model_copy(update={"logprob": -3.0})
    shorter = made.records[0].cloze[1].model_copy(update={"logprob": -1.5})
    cloze = [longer, shorter, *made.records[0].cloze[2:]]
    record = made.records[0].model_copy(update={"cloze": cloze})
    made = made.model_copy(update={"records": [record, *made.records[1:]]})
    _, metrics, configuration, samples = exported(tmp_path, made)
    assert metrics["name"] == "q_anatomy_continuation"
    assert (metrics["acc,none"], metrics["acc_norm,none"]) == (0.5, 0.75)
    assert [(sample["acc"], sample["acc_norm"]) for sample in samples] == [(0, 1), (1, 1), (1, 1), (0, 0)]
    assert samples[0]["metrics"] == ["acc", "acc_norm"]
    assert samples[0]["filtered_resps"][:2] == [["-3.0", "None"], ["-1.5", "None"]]
    assert samples[0]["arguments"]["gen_args_0"]["arg_1"] == " 0 a"
    assert configuration["doc_to_choice"] == "{{choices}}" and configuration["metadata"]["score"] == "character"


def test_of_several_orders_the_given_one_is_exported_and_labelled(tmp_path):
    made = evaluation(requested=results.asked(orders=Orders.CYCLIC))
    # As given, question 0 is answered with B; over all orders with A.
    record = made.records[0]
    as_given = {"A": -2.5, "B": -0.5, "C": -2.5, "D": -2.5}
    changed = type(record)(**{**dict(record), "letter_logprobs": as_given})
    made = made.model_copy(update={"records": [changed, *made.records[1:]]})
    line, metrics, configuration, samples = exported(tmp_path, made)
    assert line.endswith("1 task, 4 samples, with the choices as given; its other orders are left out")
    assert (changed.predicted, changed.correct, samples[0]["acc"]) == ("A", True, 0)
    assert metrics["acc,none"] == 0.5 and made.totals.correct == 3
    assert configuration["metadata"]["orders"] == "cyclic"


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


def test_a_models_gguf_file_and_adapter_are_named():
    merged, _ = results.merged(STUDY, {"m": {"anatomy": "ABCD"}})
    origin = {"name": "owner/lora", "repository": "owner/lora", "commit": "0" * 40, "trained_on": None}
    adapter = AdapterIdentity(kind="LORA", rank=8, parameters=10, **origin)
    about, entry = merged.models["m"].model_copy(update={"adapter": adapter}), STUDY.models["m"]
    arguments = lm_eval_export.model_arguments("m", about, entry.model_copy(update={"path": "models/m-q4_0.gguf"}))
    assert (arguments["gguf_file"], arguments["peft"]) == ("m-q4_0.gguf", "owner/lora")
    assert {"gguf_file", "peft"}.isdisjoint(lm_eval_export.model_arguments("m", merged.models["m"], entry))


@pytest.mark.parametrize(
    ("generated", "greedy"), [(" B", True), ("B", True), (" A", False), ("A", False), (" the", False), ("B.", False)]
)
def test_the_greedy_answer_is_found_whether_or_not_decoding_drops_the_space(generated, greedy):
    """A SentencePiece tokenizer decodes the token '▁B' of the answer ' B' as 'B'."""
    made = evaluation()
    made.records[1] = made.records[1].model_copy(update={"generated": generated})
    sample = lm_eval_samples.make_samples(made, QUESTIONS, None)[1]
    assert [response[1] for response in sample["filtered_resps"]] == ["False", str(greedy), "False", "False"]


def test_questions_other_than_those_asked_are_refused():
    for other in (QUESTIONS[1:], [results.question("virology", index) for index in range(4)]):
        with pytest.raises(UserError, match="m, question 0 of anatomy: the prompt cannot be rendered again"):
            lm_eval_samples.make_samples(evaluation(), other, None)
    in_another_form = evaluation().model_copy(update={"requested": results.asked(preset=Preset.WRITEUP)})
    with pytest.raises(UserError, match="question 0 of anatomy"):
        lm_eval_samples.make_samples(in_another_form, QUESTIONS, None)
