"""Which models are compared as two precisions of the same weights, and known numbers of hand-made answers."""

import itertools

import numpy
import pytest
from mmlu_kit.analysis import precision, reading, unchanged
from mmlu_kit.analysis.precision_document import Comparison
from mmlu_kit.evaluation import records
from mmlu_kit.inputs.adapters import AdapterIdentity
from mmlu_kit.results import study_results
from mmlu_kit.statistics.margins import Verdict
from mmlu_kit.user_errors import UserError
from pydantic import ValidationError
from scipy import stats

from tests.helpers import precisions as made
from tests.helpers import protocols, results

FULL, LOW = "ABCDABCDABCD", "ABCDBACDDBCD"
ANSWERS = made.sure(FULL)


def effective(dtype, quantization="none"):
    """Return what ran in this number format and quantization."""
    return results.effective(quantization=quantization).model_copy(update={"dtype": dtype})


def pairs(*evaluations):
    """Return the names of the reference and the other model of each comparison."""
    return [(each.reference, each.model) for each in made.analysed(evaluations)]


def test_flips_accuracies_and_tests_are_those_of_the_answers():
    reference = "ABCDABCDABBB"  # all but questions 10 and 11 are right
    model = "ABCDBACDDBAD"  # 4, 5 and 8 become wrong, 10 another wrong answer, and 11 right
    full, low = made.evaluation("full", made.sure(reference)), made.evaluation("low", made.sure(model), dtype="bfloat16")
    (compared,) = made.analysed([low, full])
    assert (compared.reference, compared.model) == ("full", "low")
    assert compared.differ == {"precision": "bfloat16 instead of float32"}
    assert (compared.questions, compared.reference_right, compared.model_right, compared.unread) == (12, 10, 8, 0)
    assert (compared.right_to_wrong, compared.wrong_to_right, compared.wrong_to_other_wrong, compared.same) == (3, 1, 1, 7)
    assert compared.difference == pytest.approx(-2 / 12) and compared.low < compared.difference < compared.high
    assert compared.p == compared.p_holm == pytest.approx(stats.binomtest(1, 4).pvalue)
    assert compared.verdict == Verdict.UNCLEAR and compared.questions_needed > 12


def test_the_divergence_is_the_mean_over_questions_of_scipys_from_the_reference():
    random = numpy.random.default_rng(1)
    one, other = numpy.round(numpy.log(0.9 * random.dirichlet(numpy.ones(4), (2, 20))), 6)
    full = made.evaluation("full", [made.record("anatomy", place, list(row)) for place, row in enumerate(one)])
    low = made.evaluation("low", [made.record("anatomy", place, list(row)) for place, row in enumerate(other)], dtype="float16")
    (compared,) = made.analysed([low, full])
    expected = stats.entropy(numpy.exp(one), numpy.exp(other), axis=1)
    assert compared.divergence.mean == pytest.approx(expected.mean()) and compared.no_divergence is None
    assert compared.divergence.low < expected.mean() < compared.divergence.high


def test_questions_may_have_different_numbers_of_choices():
    rows = [[-0.1, -3.0], [-1.0, -2.0, -0.7], [-2.0, -2.0, -2.0, -1.9, -2.2]]
    others = [[-0.3, -2.0], [-1.0, -2.0, -0.7], [-2.0, -2.5, -2.0, -1.8, -2.2]]
    full, low = ([made.record("anatomy", place, row) for place, row in enumerate(every)] for every in (rows, others))
    (compared,) = made.analysed([made.evaluation("full", full), made.evaluation("low", low, dtype="bfloat16")])
    pairs_of_rows = zip(rows, others, strict=True)
    expected = [stats.entropy(numpy.exp(one), numpy.exp(other)) for one, other in pairs_of_rows]
    assert compared.divergence.mean == pytest.approx(numpy.mean(expected))


def test_the_divergence_of_cloze_prompts_is_of_the_choices_texts_unnormalized():
    questions = [protocols.question("anatomy", place) for place in range(4)]
    full = [protocols.cloze(question, "A") for question in questions]
    low = [protocols.cloze(question, "B") for question in questions]
    evaluations = [
        made.evaluation("full", full, preset="cloze"),
        made.evaluation("low", low, preset="cloze", dtype="bfloat16"),
    ]
    (compared,) = made.analysed(evaluations)
    one, other = (numpy.exp([[choice.logprob for choice in record.cloze] for record in records]) for records in (full, low))
    assert compared.divergence.mean == pytest.approx(stats.entropy(one, other, axis=1).mean())


def test_the_probabilities_of_several_orders_are_their_mean():
    questions = [protocols.question("anatomy", place) for place in range(4)]
    full = [protocols.in_orders(question, "ADCB") for question in questions]
    low = [protocols.in_orders(question, "ADCA") for question in questions]
    (compared,) = made.analysed(
        [made.evaluation("full", full, orders="cyclic"), made.evaluation("low", low, orders="cyclic", dtype="bfloat16")]
    )
    one, other = (
        numpy.exp([[record.choice_logprobs[letter] for letter in "ABCD"] for record in records]) for records in (full, low)
    )
    assert compared.divergence.mean == pytest.approx(stats.entropy(one, other, axis=1).mean())


def test_equal_probabilities_have_no_divergence_and_no_flip():
    (compared,) = made.analysed([made.evaluation("full", ANSWERS), made.evaluation("low", ANSWERS, dtype="bfloat16")])
    assert (compared.divergence.mean, compared.divergence.low, compared.divergence.high) == (0, 0, 0)
    assert compared.same == 12 and compared.p == 1


ORDER = [
    effective("float32"),
    effective("bfloat16"),
    effective("float32", "8bit"),
    effective("bfloat16", "fp8"),
    effective("float32", "4bit"),
    effective("float16", "partly 4bit (39.0% of the weights)"),
]


def test_the_more_precise_model_is_the_reference():
    assert sorted(reversed(ORDER), key=precision.rank) == ORDER
    assert precision.rank(effective("bfloat16")) == precision.rank(effective("float16"))
    assert precision.rank(ORDER[1]) < precision.rank(effective("bfloat16", "awq")) < precision.rank(ORDER[2])  # unknown bits
    assert precision.rank(None) > precision.rank(ORDER[-1])


def test_every_two_precisions_are_compared_whatever_the_order_of_the_models():
    quarter = made.evaluation("quarter", ANSWERS, dtype="bfloat16", quantization="4bit")
    half, full = made.evaluation("half", ANSWERS, dtype="bfloat16"), made.evaluation("full", ANSWERS)
    expected = {("full", "half"), ("full", "quarter"), ("half", "quarter")}
    for order in itertools.permutations([quarter, half, full]):
        assert set(pairs(*order)) == expected


def test_of_two_formats_of_16_bits_the_first_is_the_reference():
    one, other = made.evaluation("one", ANSWERS, dtype="float16"), made.evaluation("other", ANSWERS, dtype="bfloat16")
    assert pairs(one, other) == [("one", "other")] and pairs(other, one) == [("other", "one")]


@pytest.mark.parametrize(
    "changes",
    [
        {},  # the same precision
        {"dtype": "bfloat16", "weights": "saved quantized"},
        {"weights": "other"},
        {"dtype": "bfloat16", "device": "cuda"},
        {"dtype": "bfloat16", "examples": 2},
        {"dtype": "bfloat16", "preset": "writeup"},
    ],
)
def test_models_that_differ_in_more_or_in_nothing_are_no_pair(changes):
    assert pairs(made.evaluation("full", ANSWERS), made.evaluation("low", ANSWERS, **changes)) == []


def test_an_adapter_is_a_difference_of_weights_and_not_of_precision():
    base = made.evaluation("base", ANSWERS)
    adapter = AdapterIdentity(
        name="o/lora", repository="o/lora", commit="0" * 40, kind="LORA", rank=8, parameters=10, trained_on=None
    )
    ran_as = base.effective.model_copy(update={"adapter": "LoRA merged into 2 layers"})
    changes = {"adapter": adapter, "effective": ran_as, "model_files": {**base.model_files, "adapter/a": "0" * 64}}
    assert precision.differ(base, base.model_copy(update=changes)) == {
        "weights": "local files with adapter o/lora (LoRA, rank 8, 10 parameters) at 000000000000 instead of local files"
    }


def test_what_ran_counts_and_not_what_was_requested():
    """A model that fell back to no quantization is the same model twice."""
    full, low = made.evaluation("full", ANSWERS), made.evaluation("low", ANSWERS, quantization="4bit")
    fell_back = low.model_copy(update={"effective": full.effective, "reason": "no bitsandbytes"})
    assert pairs(full, low) == [("full", "low")] and pairs(full, fell_back) == []


def test_a_checkpoint_that_was_dequantized_when_it_was_loaded_is_another_precision_of_the_same_files():
    saved, dequantized = (
        made.evaluation(name, ANSWERS).model_copy(
            update={"effective": effective("float32", quantization).model_copy(update={"saved": words})}
        )
        for name, quantization, words in [("saved", "fp8", "fp8"), ("dequantized", "none", "fp8, dequantized")]
    )
    (compared,) = made.analysed([saved, dequantized])
    assert (compared.reference, compared.model) == ("dequantized", "saved")
    assert compared.differ["precision"] == "float32 fp8 saved as fp8 instead of float32 saved as fp8 dequantized"


def test_p_values_are_corrected_for_the_number_of_pairs_and_intervals_are_not():
    full, half = made.evaluation("full", made.sure(results.GOLD)), made.sure("B" * 8 + results.GOLD[8:])
    evaluations = [full, made.evaluation("half", half, dtype="bfloat16")]
    (alone,) = made.analysed(evaluations)
    every = made.analysed([*evaluations, made.evaluation("quarter", half, quantization="4bit")])
    assert [each.p for each in every] == pytest.approx([alone.p, alone.p, 1.0])
    assert [each.p_holm for each in every] == pytest.approx([3 * alone.p, 3 * alone.p, 1.0])
    assert (every[0].low, every[0].high) == (alone.low, alone.high)


def test_only_questions_that_both_answered_count_and_each_once():
    full = [made.evaluation("full", made.sure("ABCD", subject)) for subject in ("anatomy", "virology")]
    low = made.evaluation("low", made.sure("ABCA", "virology"), dtype="bfloat16")
    (compared,) = made.analysed([*full, low])
    assert (compared.questions, compared.reference_right, compared.model_right) == (4, 4, 3)


def test_models_without_a_common_question_are_no_pair():
    full = made.evaluation("full", made.sure("ABCD", "anatomy"))
    assert pairs(full, made.evaluation("low", made.sure("ABCD", "virology"), dtype="bfloat16")) == []


def test_imported_answers_have_no_divergence():
    unknown = dict.fromkeys(("prompt_sha256", "prompt_tokens", "examples", "letter_logprobs", "letter_mass"))
    other = records.imported("b", "p.csv", "0" * 64, "anatomy", [record.model_copy(update=unknown) for record in ANSWERS])
    full = made.evaluation("full", ANSWERS)
    assert "imported" in precision.differ(full, other)["origin"]
    candidates = [
        precision.Candidate(each.model, each, {("anatomy", r.index): r for r in each.records}) for each in (full, other)
    ]
    compared = precision.compare(*candidates)
    assert compared.divergence is None and compared.no_divergence == "the answers of b were imported without probabilities"


FORGED = [
    ({"verdict": "worse"}, "verdict is not what the interval shows"),
    ({"margin": 0.9}, "verdict is not what the interval shows"),
    ({"margin": 0}, "greater than 0"),
    ({"questions_needed": None}, "questions_needed is for a verdict that cannot be told"),
    ({"model_right": 12}, "contradict right_to_wrong and wrong_to_right"),
    ({"right_to_wrong": 13}, "contradict right_to_wrong and wrong_to_right"),
    ({"wrong_to_other_wrong": 4}, "the numbers of answers are more than questions"),
    ({"difference": 0.2}, "difference is not model_right minus reference_right"),
    ({"low": 0.0}, "difference is not within its interval"),
    ({"p_holm": 0.0}, "p_holm is smaller than p"),
    ({"no_divergence": "x"}, "there is a divergence and a reason"),
    ({"divergence": {"mean": 1.0, "low": 0.0, "high": 0.5}}, "mean is not within its interval"),
    ({"divergence": {"mean": float("nan"), "low": 0.0, "high": 0.5}}, "finite number"),
]


@pytest.fixture(scope="module")
def compared():
    """A comparison of twelve answers, of which three differ."""
    (made_comparison,) = made.analysed(
        [made.evaluation("full", ANSWERS), made.evaluation("low", made.sure(LOW), dtype="bfloat16")]
    )
    return made_comparison


@pytest.mark.parametrize(("changes", "problem"), FORGED)
def test_a_comparison_that_contradicts_itself_is_refused(compared, changes, problem):
    with pytest.raises(ValidationError, match=problem):
        Comparison(**{**compared.plain(), **changes})


def test_a_forged_analysis_is_refused_and_its_first_wrong_value_named(tmp_path):
    evaluations = [made.evaluation("full", ANSWERS), made.evaluation("low", made.sure(LOW), dtype="bfloat16")]
    folder = made.write(tmp_path, evaluations)
    found = study_results.checked_folder(folder, tmp_path / "resources")
    compared = precision.analyse_precisions(found.merged, found.outcomes)
    whole = results.analysis(found.merged, found.table()).model_copy(update={"precisions": compared})
    whole.write(tmp_path / "analysis.json")
    assert reading.read(tmp_path / "analysis.json", found) == whole
    forged = compared[0].model_copy(update={"margin": 0.02})
    whole.model_copy(update={"precisions": [forged]}).write(tmp_path / "analysis.json")
    with pytest.raises(UserError, match=r"precisions\.0\.margin is 0\.02, but the answers give 0\.01; delete it and run again"):
        reading.read(tmp_path / "analysis.json", found)


def test_values_that_the_answers_do_not_give_are_named(compared, tmp_path):
    plain = compared.plain()
    unchanged.check(tmp_path, "precisions", [plain], [compared.plain()])
    plain["divergence"]["mean"] += 1e-6
    with pytest.raises(
        UserError, match=r"changed after it was made: precisions\.0\.divergence\.mean is .*, but the answers give"
    ):
        unchanged.check(tmp_path, "precisions", [plain], [compared.plain()])
    with pytest.raises(UserError, match=r"precisions\.0 is missing, but the answers give something else"):
        unchanged.check(tmp_path, "precisions", [], [plain])
