"""Export for Every Eval Ever: an aggregate file and a file of samples for each model, which name each other."""

import json
import re

import pytest
from mmlu_kit.files import sha256
from mmlu_kit.results import every_eval_ever
from mmlu_kit.results.every_eval_ever import Evaluator
from mmlu_kit.settings import Preset
from mmlu_kit.study import StudyQuestions
from mmlu_kit.user_errors import UserError

from tests.helpers import results

ME = Evaluator("My university", "third_party")


@pytest.fixture
def exported(tmp_path):
    """Export a study of one model on two subjects; return the aggregate document, its path, and the rows of samples."""

    def export(answers=("ABCA", "ABCD"), generated=None, requested=results.REQUESTED, **changes):
        study = results.study_asked({"m": requested}, ["anatomy", "virology"], **changes)
        outcomes = [
            results.evaluation("m", subject, text, generated, requested=requested)
            for subject, text in zip(study.subjects, answers, strict=True)
        ]
        results.write(tmp_path, study, outcomes)
        list(every_eval_ever.export(tmp_path / "results/made", tmp_path / "resources", tmp_path / "out", ME))
        (path,) = (tmp_path / "out/data").glob("*/*/*/*.json")
        rows = path.with_name(f"{path.stem}_samples.jsonl").read_text().splitlines()
        return json.loads(path.read_text()), path, [json.loads(row) for row in rows]

    return export


def test_an_aggregate_file_has_each_accuracy_with_its_interval(exported):
    document, path, _ = exported(generated="ABC-")
    scores = {
        (each["evaluation_name"], each["evaluation_result_id"].rpartition("#")[2]): each["score_details"]
        for each in document["evaluation_results"]
    }
    assert {key: one["score"] for key, one in scores.items()} == {
        ("q_anatomy", "best"): 0.75,
        ("q_anatomy", "generated"): 0.75,
        ("q_virology", "best"): 1.0,
        ("q_virology", "generated"): 0.75,
        ("q_all", "best"): 7 / 8,
        ("q_all", "generated"): 6 / 8,
    }
    # Wilson's interval of 3 in 4.
    uncertainty = scores["q_anatomy", "best"]["uncertainty"]
    assert uncertainty["num_samples"] == 4
    assert uncertainty["confidence_interval"] == {
        "lower": pytest.approx(0.30064, abs=1e-5), "upper": pytest.approx(0.95441, abs=1e-5), "confidence_level": 0.95,
        "method": "Wilson",
    }  # fmt: skip
    assert path.parts[-5:-1] == ("data", "q", "unknown", "m")
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", path.stem)
    assert document["source_metadata"]["source_organization_name"] == "My university"
    assert document["model_info"]["additional_details"]["deployment_type"] == "self_deployed"
    assert all(isinstance(value, str) for value in document["model_info"]["additional_details"].values())


def test_samples_have_question_answer_and_verdict_and_belong_to_the_aggregate_file(exported):
    document, path, rows = exported()
    assert len(rows) == document["detailed_evaluation_results"]["total_rows"] == 8
    samples = path.with_name(f"{path.stem}_samples.jsonl")
    assert document["detailed_evaluation_results"]["checksum"] == sha256(samples.read_bytes())
    assert document["detailed_evaluation_results"]["file_path"] == "/".join(samples.parts[-5:])
    last = rows[3]
    assert last["input"] == {"raw": "Question 3 on anatomy?", "reference": ["d"], "choices": ["3 a", "b", "c", "d"]}
    assert last["answer_attribution"][0]["extracted_value"] == "3 a" and last["output"]["raw"] == [" A"]
    assert last["evaluation"] == {"score": 0.0, "is_correct": False}
    assert last["sample_hash"] == sha256("Question 3 on anatomy?d") and last["sample_id"] == "anatomy/test/3"
    results_ids = {each["evaluation_result_id"] for each in document["evaluation_results"]}
    assert {row["evaluation_result_id"] for row in rows} < results_ids
    assert {row["evaluation_id"] for row in rows} == {document["evaluation_id"]}


def test_exporting_again_replaces_the_files(exported):
    (_, path, _), (_, again, _) = exported(), exported()
    assert path == again


def test_questions_of_the_hub_are_named_as_a_data_set_at_its_commit(exported):
    source = StudyQuestions(name="mmlu", repository="cais/mmlu", commit="0" * 40)
    document, *_ = exported(questions=source)
    (data, *_) = (each["source_data"] for each in document["evaluation_results"])
    assert (data["source_type"], data["hf_repo"]) == ("hf_dataset", "cais/mmlu")
    assert data["additional_details"]["commit"] == "0" * 40


def test_cloze_has_the_choice_in_place_of_a_generated_text(exported):
    document, _, rows = exported(requested=results.asked(preset=Preset.CLOZE))
    assert rows[3]["output"]["raw"] == ["3 a"] and len(document["evaluation_results"]) == 3
    assert "generation_args" not in document["evaluation_results"][0]["generation_config"]


def test_options_that_do_not_fit_and_missing_questions_are_one_line(exported, kit, one_line, tmp_path):
    exported()
    folder, output = tmp_path / "results/made", ("--output", tmp_path / "other")
    form = ("--format", "every-eval-ever")
    one_line(kit("export", folder, *output, *form), "name it with --organization")
    one_line(kit("export", folder, *output, "--organization", "me"), "--organization is for --format every-eval-ever")
    with pytest.raises(UserError, match="m, question 0 of anatomy: the text of the question is not in the resources"):
        list(every_eval_ever.export(folder, tmp_path / "nothing", tmp_path / "other", ME))
    process = kit("export", folder, *output, *form, "--organization", "me", "--resources", tmp_path / "resources")
    assert process.returncode == 0 and re.fullmatch(r"m: \S+\.json, 8 samples\n", process.stdout), process.stderr
