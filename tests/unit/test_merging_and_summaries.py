"""Merged results: every number can be computed from the answers by hand."""

import json

import pytest
from mmlu_kit.config import ModelEntry
from mmlu_kit.evaluation import records
from mmlu_kit.evaluation.answers import Totals
from mmlu_kit.evaluation.records import Evaluation, NotRun, Timing
from mmlu_kit.inputs.adapters import AdapterIdentity
from mmlu_kit.results import merging, summaries
from mmlu_kit.results.merged import Merged, Missing, NotRunHere
from mmlu_kit.settings import Device, DType, Orders, Preset
from mmlu_kit.statistics import intervals
from mmlu_kit.timing.time_logs import Processes
from mmlu_kit.user_errors import UserError

from tests.helpers import results

STUDY = results.study(["a", "b"], ["anatomy", "virology"])
NO_LOGS = Processes({})
ANSWERS = {"a": {"anatomy": "ABCD", "virology": "ABAAA"}, "b": {"anatomy": "AAAA", "virology": "BBBBB"}}


def test_counts_and_times_add_up_over_subjects():
    merged, _ = results.merged(STUDY, ANSWERS)
    summary = summaries.summarize(merged, "a", ["anatomy", "virology"])
    assert (summary.correct, summary.questions, summary.subjects) == (7, 9, 2)
    assert summary.accuracy == pytest.approx(7 / 9)
    assert (summary.real_s, summary.cpu_s, summary.gpu_s, summary.load_s) == (4.0, 8.0, None, 1.0)
    assert [row.accuracy for row in summaries.by_subject(merged, ["a", "b"])] == [
        {"a": 1.0, "b": 0.25},
        {"a": 0.6, "b": 0.2},
    ]


def test_one_process_of_several_subjects_loads_once():
    pairs = [("a", "anatomy"), ("a", "virology")]
    evaluations = [results.evaluation(model, subject, "ABCD") for model, subject in pairs]
    timings = [results.timing(model, subject, process="a/together.time") for model, subject in pairs]
    merged = merging.merge(STUDY, evaluations, timings, Processes({"a/together.time": results.process()}))
    assert summaries.summarize(merged, "a", ["anatomy", "virology"]).load_s == 0.5


def test_times_of_a_resumed_evaluation_are_never_compared():
    pairs = [("a", "anatomy"), ("a", "virology")]
    evaluations = [results.evaluation(model, subject, "ABCD") for model, subject in pairs]
    timings = [results.timing(*pairs[0]), results.timing(*pairs[1], resumed=True)]
    processes = {f"{model}/{subject}.time": results.process() for model, subject in pairs}
    merged = merging.merge(STUDY, evaluations, timings, Processes(processes))
    assert list(merged.processes) == ["a/anatomy.time"]
    summary = summaries.summarize(merged, "a", ["anatomy", "virology"])
    assert summary.resumed and summary.real_s is summary.cpu_s is summary.load_s is None
    assert summaries.summarize(merged, "a", ["anatomy"]).real_s == 2.0


def test_peak_memory_is_the_processs_own_measurement():
    process = results.process().model_copy(update={"peak_rss_bytes": 4 * 10**9})  # as GNU time 1.7 logs
    evaluations = [results.evaluation("a", subject, "ABCD") for subject in STUDY.subjects]
    timings = [
        results.timing("a", subject, process="a/together.time", peak_rss_bytes=peak)
        for subject, peak in zip(STUDY.subjects, (10**9, 11 * 10**8), strict=True)
    ]
    merged = merging.merge(STUDY, evaluations, timings, Processes({"a/together.time": process}))
    assert summaries.summarize(merged, "a", STUDY.subjects).processes["a/together.time"].peak_rss_bytes == 11 * 10**8


def test_an_unparsed_answer_is_not_right():
    evaluation = results.evaluation("a", "anatomy", "ABCD", "AB--")
    assert evaluation.totals == Totals(questions=4, guessed=1.0, correct=4, correct_generated=2, parsed=2)


MIXED = {"small": results.REQUESTED, "cloze": results.asked(preset=Preset.CLOZE), "all": results.asked(orders=Orders.CYCLIC)}


def of_protocols(subject_choices=(2, 3, 4, 10)):
    """Return merged.json and questions.csv of models asked in several ways, on a subject with these numbers of choices."""
    study = results.study_asked(MIXED, ["anatomy"])
    evaluations = [
        results.evaluation(name, "anatomy", "ABCJ", "ABC-", choices=subject_choices, requested=how)
        for name, how in MIXED.items()
    ]
    timings = [results.timing(name, "anatomy") for name in MIXED]
    return merging.merge(study, evaluations, timings, NO_LOGS), merging.table(study, evaluations)


def test_guessing_is_the_mean_of_one_in_the_number_of_choices():
    merged, _ = of_protocols()
    summary = summaries.summarize(merged, "small", ["anatomy"])
    assert summary.guessed == pytest.approx(1 / 2 + 1 / 3 + 1 / 4 + 1 / 10)
    assert summary.guessing == pytest.approx(summary.guessed / 4)


def test_where_nothing_is_generated_counts_are_null_with_the_reason():
    merged, table = of_protocols()
    names = ("correct_generated", "parsed")
    reason = "nothing is generated with the preset cloze"
    for result in merged.results:
        reasons = {name: result.reasons.get(name) for name in names}
        assert reasons == dict.fromkeys(names, reason if result.model == "cloze" else None)
    summary = summaries.summarize(merged, "cloze", ["anatomy"])
    assert (summary.accuracy_generated, summary.parse_rate, summary.unread) == (None, None, 0)
    assert summary.reasons["parsed"] == reason and summary.protocol == "cloze, per character"
    rows = table[table["model"] == "cloze"]
    assert rows[["generated", "parsed", "correct_generated"]].isna().all(axis=None) and not rows["predicted"].isna().any()


def test_the_table_has_as_many_probabilities_as_the_question_with_the_most_choices():
    _, table = of_protocols()
    columns = [name for name in table if name.startswith("logprob_")]
    assert columns == [f"logprob_{letter}" for letter in "ABCDEFGHIJ"]
    assert list(table[columns].notna().sum(axis=1)) == [2, 3, 4, 10] * 3
    over_orders = table[(table["model"] == "all") & (table["index"] == 1)].iloc[0]
    assert over_orders["predicted"] == "B" and over_orders["logprob_B"] == pytest.approx(-0.239545)


def test_a_gpu_and_a_cpu_are_compared_only_if_asked_in_the_same_way():
    merged = ran_on("cuda")
    requested = merged.models["b"].requested.model_copy(update={"orders": Orders.CYCLIC})
    in_all_orders = merged.models["b"].model_copy(update={"requested": requested})
    assert speedups(merged.model_copy(update={"models": {**merged.models, "b": in_all_orders}})) == []


# Published values: Newcombe 1998 (Statistics in Medicine 17, 857-872), table I, method 3.
@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"), [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0, 0.1611)]
)
def test_wilson_intervals_equal_published_ones(successes, trials, low, high):
    assert intervals.wilson(successes, trials) == pytest.approx((low, high), abs=5e-5)


def test_missing_evaluations_are_named_and_not_counted():
    merged, table = results.merged(STUDY, {"a": ANSWERS["a"], "b": {"anatomy": "AAAA"}})
    assert merged.missing == [Missing(model="b", subject="virology")]
    assert summaries.summarize(merged, "b", ["virology"]) is None
    assert len(table) == 4 + 5 + 4


def test_the_table_has_a_row_for_each_model_and_question():
    _, table = results.merged(STUDY, ANSWERS)
    assert list(table["model"]) == ["a"] * 9 + ["b"] * 9
    row = table[(table["model"] == "a") & (table["subject"] == "virology")].iloc[2]
    assert (row["index"], row["gold"], row["predicted"], bool(row["correct"])) == (2, "C", "A", False)
    assert row["logprob_A"] == -0.5 and row["logprob_C"] == -2.5


@pytest.mark.parametrize(
    ("key", "value"), [("effective", results.effective("cuda")), ("parameters", 1), ("model_files", {"other": "0" * 64})]
)
def test_results_of_other_models_and_subjects_are_left_out(key, value):
    evaluations = [results.evaluation("a", subject, "ABCD") for subject in STUDY.subjects]
    evaluations[1] = evaluations[1].model_copy(update={key: value})
    timings = [results.timing("a", subject) for subject in STUDY.subjects]
    with pytest.raises(UserError, match=f"evaluations/a/virology.json: its {key} differs"):
        merging.merge(STUDY, evaluations, timings, NO_LOGS)


def auto(*dtypes, device=Device.CUDA):
    """Return evaluations of one model on the study's subjects, requested with dtype auto, that ran in these number formats."""
    for subject, dtype in zip(STUDY.subjects, dtypes, strict=True):
        yield results.evaluation("a", subject, "ABCD").model_copy(
            update={
                "requested": results.REQUESTED.model_copy(update={"device": device, "dtype": DType.AUTO}),
                "effective": results.effective(device).model_copy(update={"dtype": dtype}),
            }
        )


def merge_auto(*dtypes, device=Device.CUDA):
    entry = ModelEntry(path="p", device=device, dtype="auto", tokens_per_batch=64)
    study = STUDY.model_copy(update={"models": {**STUDY.models, "a": entry}})
    return merging.merge(
        study, list(auto(*dtypes, device=device)), [results.timing("a", subject) for subject in STUDY.subjects], NO_LOGS
    )


def test_a_number_format_that_was_left_to_the_device_is_no_difference():
    merged = merge_auto("float16", "float16")
    assert summaries.label(merged, "a") == "a"
    assert (merged.models["a"].requested.dtype, merged.models["a"].effective.dtype) == ("auto", "float16")


@pytest.mark.parametrize(("device", "other"), [(Device.CUDA, "float16"), (Device.CPU, "float32")])
def test_subjects_on_devices_with_other_number_formats_are_not_merged(device, other):
    with pytest.raises(UserError) as problem:
        merge_auto("bfloat16", other, device=device)
    assert str(problem.value) == (
        f"evaluations/a/virology.json: its effective differs from that of the model's other subjects ({other} instead of "
        "bfloat16): dtype auto depends on the device, so run all subjects on one kind of device, or set another dtype in config"
    )


@pytest.mark.parametrize(
    ("name", "value"), [("dtype", "bfloat16"), ("examples", 5), ("preset", "chat"), ("tokens_per_batch", 1)]
)
def test_an_evaluation_made_with_other_settings_is_not_merged(name, value):
    evaluation = results.evaluation("a", "anatomy", "ABCD")
    evaluation = evaluation.model_copy(update={"requested": results.REQUESTED.model_copy(update={name: value})})
    with pytest.raises(UserError, match=f"anatomy.json was made with {name} {value}, but the study requests"):
        merging.merge(STUDY, [evaluation], [results.timing("a", "anatomy")], NO_LOGS)


def test_an_evaluation_with_an_adapter_that_the_study_does_not_name_is_not_merged():
    origin = {"name": "owner/lora", "repository": "owner/lora", "commit": "c" * 40, "trained_on": None}
    adapter = AdapterIdentity(kind="LORA", rank=8, parameters=10, **origin)
    evaluation = results.evaluation("a", "anatomy", "ABCD").model_copy(update={"adapter": adapter})
    words = f"was made with adapter owner/lora at {'c' * 40}, but the study requests None"
    with pytest.raises(UserError, match=words):
        merging.merge(STUDY, [evaluation], [results.timing("a", "anatomy")], NO_LOGS)


def test_an_evaluation_of_another_gguf_file_of_the_repository_is_not_merged():
    origin = {"repository": "owner/gguf", "commit": "c" * 40}
    entry = STUDY.models["a"].model_copy(update={**origin, "path": None, "file": "4bit/m-q4_0.gguf"})
    study = STUDY.model_copy(update={"models": {**STUDY.models, "a": entry}})
    same = results.evaluation("a", "anatomy", "ABCD").model_copy(update={**origin, "model_files": {"m-q4_0.gguf": "0" * 64}})
    other = same.model_copy(update={"model_files": {"m-q8_0.gguf": "0" * 64}})
    assert merging.merge(study, [same], [results.timing("a", "anatomy")], NO_LOGS).models["a"].repository == "owner/gguf"
    with pytest.raises(UserError, match=r"was made with file m-q8_0.gguf, but the study requests m-q4_0.gguf: "):
        merging.merge(study, [other], [results.timing("a", "anatomy")], NO_LOGS)


@pytest.mark.parametrize(
    ("spoil", "where"),
    [
        (lambda e: e["records"][1].pop("gold"), "records.1.gold"),
        (lambda e: e["records"][0].update(predicted="E"), "records.0"),
        (lambda e: e["records"][0].update(letter_logprobs={"A": -1}), "records.0.letter_logprobs"),
        (lambda e: e.update(extra=1), "extra"),
        (lambda e: e.update(schema="mmlu-kit/timing/4"), "schema"),
    ],
)
def test_a_damaged_evaluation_is_named_with_its_place(spoil, where):
    evaluation = results.evaluation("a", "anatomy", "ABCD").plain()
    spoil(evaluation)
    with pytest.raises(UserError, match=f"e.json: not a valid evaluation file at {where}: "):
        Evaluation.parse(json.dumps(evaluation), "e.json")


def changed(**values):
    return lambda evaluation: evaluation["records"][2].update(values)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (changed(predicted="A"), "records.2: correct contradicts"),
        (changed(predicted="A", correct=False), "records.2: predicted is not the most probable letter"),
        (changed(gold="D"), "records.2: correct contradicts"),
        (changed(generated=" A"), "question 2: parsed is not the letter"),
        (changed(generated=" A", parsed="A"), "records.2: correct_generated contradicts"),
        (changed(index=1), "question 1 is where question 2 should be"),
        (changed(subject="virology"), "question 2 is of another subject"),
        (changed(prompt_tokens=None), "question 2: its prompt and probabilities are null for imported answers"),
        (changed(letter_logprobs=None), "records.2: letter_mass or other_orders without"),
        (changed(letter_logprobs=None, letter_mass=None), "question 2: its prompt and probabilities are null for imported"),
        (lambda evaluation: evaluation["totals"].update(correct=3), "the totals contradict the records"),
        (lambda evaluation: evaluation["records"].pop(), "the totals contradict the records"),
    ],
)
def test_a_manually_changed_answer_is_detected(tmp_path, change, words):
    path = tmp_path / "anatomy.json"
    evaluation = results.evaluation("a", "anatomy", "ABCD")
    evaluation.write(path)
    assert records.read_evaluation(path) == evaluation
    plain = evaluation.plain()
    change(plain)
    path.write_text(json.dumps(plain))
    with pytest.raises(UserError, match=rf"anatomy.json: not a valid evaluation file.*{words}"):
        records.read_evaluation(path)


def test_another_version_of_scoring_may_parse_letters_by_other_rules():
    plain = results.evaluation("a", "anatomy", "ABCD").plain()
    plain["records"][2]["generated"] = " (A) or so"
    with pytest.raises(UserError, match="question 2: parsed"):
        Evaluation.parse(json.dumps(plain), "e.json")
    assert Evaluation.parse(json.dumps({**plain, "scoring": records.SCORING + 1}), "e.json").totals.parsed == 4


def test_an_evaluation_of_another_version_of_the_kit_is_named_as_such():
    evaluation = {**results.evaluation("a", "anatomy", "ABCD").plain(), "schema": "mmlu-kit/evaluation/2"}
    message = f"e.json was made by another version of the kit .mmlu-kit/evaluation/2, this one writes {Evaluation.form()}."
    with pytest.raises(UserError, match=message):
        Evaluation.parse(json.dumps(evaluation), "e.json")


def test_a_timing_round_trips(tmp_path):
    results.timing("a", "anatomy").write(tmp_path / "t.json")
    assert Timing.read(tmp_path / "t.json") == results.timing("a", "anatomy")


def not_run(model, subject):
    return NotRun(model=model, requested=results.REQUESTED, reason="no such device", subject=subject)


def test_a_skipped_evaluation_is_neither_a_result_nor_missing():
    evaluations = [results.evaluation("a", "anatomy", "ABCD"), not_run("a", "virology"), not_run("b", "anatomy")]
    timings = [results.timing("a", "anatomy"), not_run("a", "virology"), not_run("b", "anatomy")]
    merged = merging.merge(STUDY, evaluations, timings, NO_LOGS)
    assert merged.not_run == [
        NotRunHere(model="a", subject="virology", reason="no such device"),
        NotRunHere(model="b", subject="anatomy", reason="no such device"),
    ]
    assert merged.missing == [Missing(model="b", subject="virology")]
    assert [(result.model, result.subject) for result in merged.results] == [("a", "anatomy")]
    assert len(merging.table(STUDY, evaluations)) == 4


def test_a_not_run_placeholder_can_replace_either_file(tmp_path):
    path, placeholder = tmp_path / "x.json", not_run("a", "anatomy")
    for read in (records.read_evaluation, records.read_timing):
        placeholder.write(path)
        assert read(path) == placeholder
        path.write_text(json.dumps({**placeholder.plain(), "reason": ""}))
        with pytest.raises(UserError, match="not a valid not_run file at reason"):
            read(path)


def test_merged_json_round_trips(tmp_path):
    merged, _ = results.merged(STUDY, ANSWERS)
    merged.write(tmp_path / "merged.json")
    assert Merged.read(tmp_path / "merged.json") == merged


def ran_on(device, reason=None, **changes):
    """Return merged.json of both models on anatomy, `b` on `device`."""
    on_cuda = {"requested": results.REQUESTED.model_copy(update={"device": Device.CUDA})}
    on_cuda |= {"effective": results.effective(device), "reason": reason}
    evaluations = [
        results.evaluation("a", "anatomy", "ABCD"),
        results.evaluation("b", "anatomy", "ABCD").model_copy(update=on_cuda),
    ]
    entries = {"a": STUDY.models["a"], "b": ModelEntry(path="p", device="cuda", tokens_per_batch=64)}
    study = results.study(["a", "b"], ["anatomy"]).model_copy(update={"models": entries})
    timings = [results.timing("a", "anatomy", real_s=6.0), results.timing("b", "anatomy", real_s=0.5, **changes)]
    return merging.merge(study, evaluations, timings, NO_LOGS)


def test_a_model_that_fell_back_is_labelled_with_both():
    merged = ran_on("cpu", "device 'cuda' was requested, but this machine has none")
    assert summaries.summarize(merged, "b", ["anatomy"]).label == "b (cpu instead of cuda)"
    assert summaries.summarize(merged, "a", ["anatomy"]).label == "a"
    assert merged.models["b"].reason.startswith("device 'cuda'")


def speedups(merged):
    models = [summaries.summarize(merged, model, ["anatomy"]) for model in ("a", "b")]
    return summaries.speedups(models, {name: model.machine for name, model in merged.models.items()})


def test_a_gpu_is_compared_with_a_cpu_on_the_same_questions():
    (speedup,) = speedups(ran_on("cuda"))
    assert (speedup.cpu.model, speedup.gpu.model, speedup.ratio) == ("a", "b", 12.0)
    assert speedup.cpu_machine == speedup.gpu_machine == results.MACHINE


def test_cpu_pairs_resumed_runs_and_other_questions_are_not_compared():
    assert speedups(ran_on("cpu")) == []
    assert speedups(ran_on("cuda", resumed=True)) == []
    merged = ran_on("cuda")
    other_questions = merged.results[1].model_copy(update={"questions_sha256": "another"})
    assert speedups(merged.model_copy(update={"results": [merged.results[0], other_questions]})) == []
