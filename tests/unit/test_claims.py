"""The writeup's claims: verdicts by its own numbers, derived by hand, and by made-up runs."""

import os
import re
import shutil

import pytest
from mmlu_kit import files
from mmlu_kit.claims import audit, listing
from mmlu_kit.claims.counterparts import counterparts
from mmlu_kit.claims.document import ClaimsFile, ClaimVerdict, Judgement
from mmlu_kit.claims.published_evidence import published_evidence
from mmlu_kit.claims.reference import Published
from mmlu_kit.claims.reference_claims import Claims
from mmlu_kit.model_sources import AdapterSource
from mmlu_kit.results.merged import Merged
from mmlu_kit.settings import Preset
from mmlu_kit.user_errors import UserError

from tests.helpers import audits, results
from tests.helpers.audits import judge

HOLDS, DOES_NOT_HOLD, CANNOT_BE_TOLD, NOT_TESTABLE = ClaimVerdict

# What the published numbers say, and why.
EXPECTED = {
    "separate-effects": (DOES_NOT_HOLD, "all on the CPU is FP32, all on the GPU 4-bit, each model once"),
    "gated-model": (NOT_TESTABLE, "no number bears on it"),
    "five-configurations": (DOES_NOT_HOLD, "setups 2 and 3 did not run"),
    "setup-1-on-cpu": (HOLDS, "CPU time 1835 s beside setup 4's 1788 s: the processor did the work"),
    "no-gpu-setups": (HOLDS, "the five runs are of setups 1, 4, 5 and two unnamed"),
    "setup-5-as-setup-4": (HOLDS, "CPU time 1719 s beside 1788 s, 120 right in both"),
    "bitsandbytes-needs-cuda": (NOT_TESTABLE, "that nothing was quantized does not say why"),
    "same-252-questions": (HOLDS, "152 + 100"),
    "all-runs-fp32": (NOT_TESTABLE, "what was loaded is not published"),
    "real-time-varied": (HOLDS, "303 / 225 = 1.35"),
    "scheduling-variability": (NOT_TESTABLE, "the two longest runs have no CPU time; in the others it grew with real time"),
    "user-time-steady": (HOLDS, "1725 / 1669 = 1.03"),
    "user-time-7-8-times": (HOLDS, "1725/240 = 7.19, 1707/235 = 7.26, 1669/225 = 7.42"),
    "all-cores": (NOT_TESTABLE, "7.6 cores were busy; how many there are is not said"),
    "deterministic": (HOLDS, "120 five times"),
    "greedy": (NOT_TESTABLE, "equal counts do not tell why they are equal"),
    "no-benefit-on-cpu": (HOLDS, "225 / 235 s, same configuration, identical runs differ 1.35-fold"),
    "gpu-4bit-memory": (CANNOT_BE_TOLD, "0.5 + 1/64 bytes are 0.13 and 0.26 of 4 and 2, were nothing else in memory"),
    "gpu-4bit-speed": (NOT_TESTABLE, "no model ran on a GPU without quantization"),
    "ten-subjects": (HOLDS, "five models, ten subjects each"),
    "simultaneously": (NOT_TESTABLE, "no time by subject"),
    "verbose": (NOT_TESTABLE, "the program is not published"),
    "times-recorded": (NOT_TESTABLE, "no time is published by subject"),
    "small-on-cpu": (NOT_TESTABLE, "what was asked for, not what was loaded"),
    "medium-in-4bit": (NOT_TESTABLE, "what was asked for, not what was loaded"),
    "scales-with-size": (DOES_NOT_HOLD, "9.1 < 45.8 < 62.4, but 60.0 for 7B"),
    "3b-against-0.5b": (HOLDS, "854/124 = 6.89, of which the logarithm's standard error is 0.088; 145.2/20.3 = 7.15"),
    "cpu-time-8-times": (NOT_TESTABLE, "1153/145.2 = 7.94 for 3B; 'all models' has no numbers for the others"),
    "comparable-size": (DOES_NOT_HOLD, "7/3 = 2.3"),
    "gpu-26-times": (HOLDS, "145.2/5.6 = 25.9, as arithmetic of unlike models"),
    "systematic": (CANNOT_BE_TOLD, "subject averages of the same questions"),
    "hardest-three": (DOES_NOT_HOLD, "college_chemistry is eighth from the hardest for 0.5B"),
    "mathematics-lowest": (DOES_NOT_HOLD, "abstract_algebra 3.0 < 5.0 and 12.0 < 25.0, college_chemistry 50.0 < 54.0"),
    "algebra-second": (DOES_NOT_HOLD, "the hardest for 0.5B and 1.5B, third for 7B and 14B"),
    "chemistry-below-average": (DOES_NOT_HOLD, "11.0 for 0.5B, whose other subjects are at 8.9"),
    "easiest-three": (DOES_NOT_HOLD, "clinical_knowledge 81.9 above business_ethics 77.0 for 14B"),
    "ethics-near-highest": (DOES_NOT_HOLD, "eighth for 0.5B, fourth for 7B, fifth for 14B"),
    "astronomy-strong": (DOES_NOT_HOLD, "9.2 for 0.5B is below guessing"),
    "biology-high": (CANNOT_BE_TOLD, "third for 3B, with 71.5 against 70.2 for the fourth"),
    "same-questions": (NOT_TESTABLE, "subject averages only"),
    "rank-order": (HOLDS, "without 0.5B, correlations of .90 to .98"),
    "hard-for-both": (NOT_TESTABLE, "subject averages only"),
    "reasoning-against-recall": (CANNOT_BE_TOLD, "19 of 300 against 34 of 396 for 0.5B"),
    "intrinsic-difficulty": (NOT_TESTABLE, "one family, one training"),
    "jump-is-the-exception": (CANNOT_BE_TOLD, ".15, then .98, .90, .94, each with an interval that reaches about .7"),
    "near-random": (DOES_NOT_HOLD, "9.1 (7.6 to 10.7) is far below 25"),
    "genuine-knowledge": (HOLDS, "45.8 against 25"),
    "cannot-parse": (NOT_TESTABLE, "how many answers could be read is not published"),
    "colab-gpu": (NOT_TESTABLE, "no number bears on it"),
    "dramatically-faster": (HOLDS, "25.9 times, by a larger model"),
    "which-gpu": (DOES_NOT_HOLD, "T4 or A100"),
    "colab-steps": (NOT_TESTABLE, "task5.py here, task7.ipynb in the list of files"),
    "laptop-fp32-only": (NOT_TESTABLE, "that nothing was quantized does not say why"),
    "same-model-speed": (DOES_NOT_HOLD, "the laptop's model is the 3B"),
    "laptop-limit": (NOT_TESTABLE, "nothing larger is published"),
    "gpu-14b": (HOLDS, "14B has 1011 of 1369"),
    "gemini": (NOT_TESTABLE, "no number bears on it"),
    "from-scratch": (NOT_TESTABLE, "the program is not published"),
    "history-outgrows-context": (NOT_TESTABLE, "the chat agent has no numbers"),
    "context-in-practice": (NOT_TESTABLE, "no length is named"),
    "three-strategies": (NOT_TESTABLE, "the chat agent has no numbers"),
    "history-coherence": (NOT_TESTABLE, "the chat agent has no numbers"),
    "history-remembers": (NOT_TESTABLE, "the chat agent has no numbers"),
    "history-tokens": (NOT_TESTABLE, "the chat agent has no numbers"),
    "alice": (NOT_TESTABLE, "the chat agent has no numbers"),
}


def by_published_numbers(claim: str) -> Judgement:
    """Return the verdict on a claim by the writeup's own numbers."""
    return audit.judge_claim(audits.CLAIMS[claim], published_evidence(audits.PUBLISHED))


def test_every_claim_has_a_verdict_derived_by_hand():
    assert list(audits.CLAIMS) == list(EXPECTED)


@pytest.mark.parametrize("claim", EXPECTED)
def test_verdicts_by_published_numbers_match_those_derived_by_hand(claim):
    judgement = by_published_numbers(claim)
    verdict, why = EXPECTED[claim]
    assert judgement.verdict == verdict, f"{judgement.evidence}; by hand: {why}"
    assert judgement.evidence and "\n" not in judgement.evidence


@pytest.mark.parametrize(
    ("claim", "numbers"),
    [
        ("3b-against-0.5b", ["62.4% / 9.1% = 6.89×", "145.2 min / 20.3 min = 7.15×"]),
        ("near-random", ["9.1% (7.6% to 10.7%)", "25.0%", "only 36.2% of the answers are parsed"]),
        ("scales-with-size", ["-2.4 points from 3B to 7B (4-bit)"]),
        ("mathematics-lowest", ["2 of 5 models", "3.0% on abstract_algebra", "50.0% on college_chemistry"]),
        ("gpu-26-times", ["25.9×", "the models differ", "7B (4-bit) (cuda, 4bit, ", "3B (cpu, no quantization, "]),
        ("user-time-7-8-times", ["from 7.19× to 7.42×"]),
        ("rank-order", ["over 4 models", "without 0.5B, which the claim exempts", "to 0.98"]),
        ("systematic", ["Kendall's W 0.67", "agreement on subjects may come from the questions alone"]),
        ("ethics-near-highest", ["8 (1 to 10) for 0.5B", "5 ("]),
    ],
)
def test_the_evidence_line_has_the_numbers(claim, numbers):
    line = by_published_numbers(claim).evidence
    assert all(number in line for number in numbers), line


def test_counts_behind_published_percentages_sum_to_the_published_totals():
    for name, model in audits.PUBLISHED.models.items():
        questions = {subject: audits.PUBLISHED.questions[subject] for subject in model.subjects}
        correct = sum(subject.correct for subject in model.subjects.values())
        assert (correct, sum(questions.values())) == (model.correct, model.total), name
        shares = [(model, model.total), *((model.subjects[subject], total) for subject, total in questions.items())]
        for share, total in shares:
            # Section 1 prints two digits, the others one.
            digits = 2 if name == audits.NAMES["Llama"] else 1
            assert round(100 * share.correct / total, digits) == share.accuracy_percent, (name, share)


def test_published_ratios_follow_from_published_numbers():
    values = {"accuracy": lambda model: model.correct / model.total, "real_s": lambda model: model.real_s}
    for ratio in audits.PUBLISHED.ratios:
        first, second = (values[ratio.what](audits.PUBLISHED.models[name]) for name in ratio.models)
        assert first / second == pytest.approx(ratio.value, rel=0.03), ratio


def test_every_predicate_is_used_and_takes_the_parameters_that_claims_give():
    assert {claim.predicate for claim in audits.CLAIMS.values()} == set(audit.PREDICATES)


def test_verdicts_are_listed_with_what_is_tested_and_the_threshold():
    text = results.report(*results.merged(results.study(["s"], ["anatomy"]), {"s": {"anatomy": "ABCD"}}))
    cards = text.split("<summary>Section ")[1:]
    (varied,) = [card for card in cards if card.startswith("2: Real time varied from")]
    assert "*Tested:* the longest of the identical runs took at least 1.1 times as long as the shortest" in varied
    assert "(published: ✓ holds; this run: – not testable here)</summary>" in varied
    assert "- By the published numbers, **holds**: " in varied and "- By this run, **not testable here**: " in varied
    assert "{" not in "".join(cards)


def test_each_claim_says_what_is_tested_with_thresholds():
    varied = audits.CLAIMS["real-time-varied"].tested_in_words()
    assert varied.startswith("the longest of the identical runs took at least 1.1 times as long as the shortest")
    for claim in audits.CLAIMS.values():
        tested = claim.tested_in_words()
        assert bool(tested) == (claim.predicate != "cannot_be_tested"), claim.id
        assert "{" not in (tested or ""), claim.id


def test_a_run_with_the_published_counts_gives_the_published_verdicts_on_accuracy():
    run = audits.run("0.5B", "1.5B", "3B", "7B", "14B")
    on_accuracy = """
        3b-against-0.5b astronomy-strong biology-high rank-order reasoning-against-recall jump-is-the-exception near-random
        genuine-knowledge
    """
    for claim in on_accuracy.split():
        assert judge(claim, run).verdict == by_published_numbers(claim).verdict, claim


@pytest.mark.parametrize(
    ("claim", "models"),
    [
        ("hardest-three", "0.5B"),
        ("mathematics-lowest", "0.5B, 1.5B, 14B (4-bit)"),
        ("algebra-second", "0.5B, 1.5B, 7B (4-bit), 14B (4-bit)"),
        ("chemistry-below-average", "0.5B"),
        ("easiest-three", "0.5B, 7B (4-bit), 14B (4-bit)"),
        ("ethics-near-highest", "0.5B, 7B (4-bit), 14B (4-bit)"),
    ],
)
def test_published_numbers_contradict_a_claim_that_describes_them_where_a_runs_equal_counts_leave_it_open(claim, models):
    published = by_published_numbers(claim)
    assert published.verdict == DOES_NOT_HOLD
    assert published.evidence.endswith(f"; the published numbers contradict it for {models}")
    run = judge(claim, audits.run("0.5B", "1.5B", "3B", "7B", "14B"))
    assert run.verdict == CANNOT_BE_TOLD and "published" not in run.evidence


def test_models_are_recognised_by_repository_or_name_and_by_quantization():
    entries = dict(audits.run("0.5B", "7B").study.models)
    names = counterparts(entries, audits.PUBLISHED)
    assert names[audits.NAMES["0.5B"]] == "Qwen2.5-0.5B-Instruct" and names[audits.NAMES["7B"]] == "Qwen2.5-7B-Instruct-4bit"
    assert names[audits.NAMES["3B"]] is None
    small, medium = entries["Qwen2.5-0.5B-Instruct"], entries["Qwen2.5-7B-Instruct-4bit"]
    entries["Qwen2.5-7B-Instruct-4bit"] = medium.model_copy(update={"quantization": "none"})
    entries["Qwen2.5-0.5B-Instruct"] = small.model_copy(update={"repository": "someone/fine-tuned"})
    assert set(counterparts(entries, audits.PUBLISHED).values()) == {None}
    entries["mine"] = small.model_copy(update={"repository": "Qwen/Qwen2.5-0.5B-Instruct"})
    assert counterparts(entries, audits.PUBLISHED)[audits.NAMES["0.5B"]] == "mine"
    for others in ({"adapter": AdapterSource(path="lora")}, {"file": "q4_k_m.gguf"}):
        entries["other"] = entries["mine"].model_copy(update=others)
        assert counterparts({"other": entries["other"]}, audits.PUBLISHED)[audits.NAMES["0.5B"]] is None
    local = {"Qwen2.5-0.5B-Instruct-q4": small.model_copy(update={"repository": None, "commit": None, "path": "m.gguf"})}
    assert counterparts(local, audits.PUBLISHED)[audits.NAMES["0.5B"]] is None


def test_of_two_entries_of_a_model_the_one_with_the_writeups_prompt_is_its_counterpart():
    entry = audits.run("3B").study.models["Qwen2.5-3B-Instruct"]
    other = entry.model_copy(update={"prompt": entry.prompt.model_copy(update={"preset": Preset.LM_EVAL})})
    names = counterparts({"Qwen2.5-3B-Instruct": other, "Qwen2.5-3B-Instruct-bare": entry}, audits.PUBLISHED)
    assert names[audits.NAMES["3B"]] == "Qwen2.5-3B-Instruct-bare"


def test_of_two_entries_of_a_model_the_one_that_generates_answers_is_its_counterpart():
    entry = audits.run("3B").study.models["Qwen2.5-3B-Instruct"]
    cloze, letters = (
        entry.model_copy(update={"prompt": entry.prompt.model_copy(update={"preset": preset})})
        for preset in (Preset.CLOZE, Preset.LM_EVAL)
    )
    models = {"Qwen2.5-3B-Instruct-cloze": cloze, "Qwen2.5-3B-Instruct": letters}
    assert counterparts(models, audits.PUBLISHED)[audits.NAMES["3B"]] == "Qwen2.5-3B-Instruct"
    del models["Qwen2.5-3B-Instruct"]
    assert counterparts(models, audits.PUBLISHED)[audits.NAMES["3B"]] == "Qwen2.5-3B-Instruct-cloze"


def test_claims_compare_with_the_guessing_of_the_runs_own_questions():
    tenths = audits.with_counts(audits.run("0.5B"), lambda result: {"guessed": result.totals.questions / 10})
    judgement = audit.judge_claim(audits.CLAIMS["near-random"], audits.published_counts(tenths))
    assert judgement.verdict == HOLDS and "guessing gives 10.0%" in judgement.evidence
    assert judge("astronomy-strong", tenths) == Judgement(
        verdict=NOT_TESTABLE, evidence="not all questions of abstract_algebra have 4 choices here, so these are other questions"
    )


def test_how_many_answers_are_parsed_is_not_tested_where_nothing_is_generated():
    judgement = judge("cannot-parse", audits.run("0.5B", preset="cloze"))
    assert judgement == Judgement(verdict=NOT_TESTABLE, evidence="nothing is generated with the preset cloze")


def test_a_study_of_other_models_says_so_and_names_the_missing_model():
    subjects = ["anatomy", "astronomy", "virology"]
    answers = {"s": dict.fromkeys(subjects, "AAAA" * 25), "l": dict.fromkeys(subjects, "ABCD" * 25)}
    merged, _ = results.merged(results.study(["s", "l"], subjects), answers, {"s": 1000, "l": 2000})
    judgement = judge("scales-with-size", merged)
    assert judgement.verdict == HOLDS
    assert "s 25.0%" in judgement.evidence and "own models, not the writeup's" in judgement.evidence
    missing = Judgement(verdict=NOT_TESTABLE, evidence="no result of Qwen2.5-0.5B-Instruct here")
    assert judge("near-random", merged) == missing
    assert "anatomy has 100 questions here and 135 in the publication" in judge("biology-high", merged).evidence


def test_the_program_writes_a_valid_file_and_the_terminal_shows_it(run, kit, root, tmp_path):
    names = list(map(audits.model_name, ("0.5B", "3B")))
    gold = "".join(results.question("anatomy", index).answer for index in range(135))
    outcomes = [results.evaluation(name, "anatomy", gold, gold[:80] + "-" * 55) for name in names]
    options = results.write(tmp_path, results.study(names, ["anatomy"]), outcomes)
    folder = tmp_path / "results/made"
    made = run("audit_claims.py", *options, "--reference", root / "workflow/reference", "--output", folder / "claims.json")
    assert made.returncode == 0, made.stderr
    claims = ClaimsFile.read(folder / "claims.json")
    assert claims.same_models and len(claims.claims) == len(EXPECTED)
    (near_random,) = [claim.run for claim in claims.claims if claim.id == "near-random"]
    assert near_random.evidence.startswith("0.5B: 59.3% (50.8% to 67.2%); guessing gives 25.0%, the same letters without")
    assert "(by the best letter: does not hold, 0.5B: 100.0%" in near_random.evidence
    shown = kit("verify", folder, "--resources", tmp_path / "resources")
    assert shown.returncode == 0, shown.stderr
    assert re.search(
        r"accuracy on anatomy of Qwen2.5-0.5B-Instruct +8.9% +59.3% \(58.5% to 60.0%\) +differs +prompt: 68 more right of 135",
        shown.stdout,
    )
    assert re.search(r"accuracy on anatomy of Qwen2.5-3B-Instruct +64.4% .* differs +prompt: 7 fewer right", shown.stdout)
    assert "not run, 15 numbers: no result of Qwen2.5-1.5B-Instruct here" in shown.stdout
    assert "   tested: every timing run answered the same questions, however many\n" in shown.stdout
    counts = shown.stdout.strip().splitlines()[-3:]
    assert counts == made.stdout.strip().splitlines() and counts[0].startswith(f"{len(claims.numbers)} published numbers: ")


@pytest.mark.parametrize("name", ["merged.json", "evaluations/a/anatomy.json", "elsewhere/colab/evaluations/a/anatomy.json"])
def test_claims_that_are_out_of_date_are_shown_as_such(tmp_path, capsys, name):
    study, reference = tmp_path / "results/mine", tmp_path / "reference"
    shutil.copytree(audits.REFERENCE, reference)
    model = audits.model_name("0.5B")
    outcomes = [results.evaluation(model, "anatomy", "ABCD")]
    results.write(tmp_path, results.study([model], ["anatomy"], name="mine"), outcomes)
    merged = Merged.read(study / "merged.json")
    claims = audit.audit(merged, audits.PUBLISHED, Claims.read_yaml(reference / "claims.yaml"), outcomes)
    if name != "merged.json":
        files.write_json(study / name, {})
    claims.write(study / "claims.json")

    def last_line():
        listing.print_claims(study, tmp_path / "resources", reference)
        return capsys.readouterr().out.splitlines()[-1]

    assert last_line().startswith(f"{len(claims.claims)} claims by this run: ")
    (reference / "claims.yaml").touch()  # its time does not matter, as it comes with the kit
    assert last_line().startswith(f"{len(claims.claims)} claims by this run: ")
    command = "`snakemake --cores 8 --config study=mine --until audit_claims`"
    os.utime(study / name, (3e9, 3e9))
    newer = f"OUT OF DATE: {study / name} is newer than {study / 'claims.json'}; to check the claims again, run {command}"
    assert last_line() == newer
    os.utime(study / name, (0, 0))
    published = reference / "published.yaml"
    published.write_text(published.read_text().replace("  parameters: 1.1\n", "  parameters: 1.5\n"))
    assert last_line().startswith(f"OUT OF DATE: the results, the published numbers or the claims of {reference} have changed")
    (study / "merged.json").unlink()
    assert last_line().startswith(f"OUT OF DATE: {study / 'merged.json'} is missing; ")


def test_missing_results_are_reported_in_one_line(run, kit, root, tmp_path, one_line):
    advice = f"run the study with `snakemake --cores 8 --config study={tmp_path.name} --until audit_claims`"
    one_line(kit("verify", tmp_path), "claims.json does not exist", advice)
    options = results.write(tmp_path, results.study(["m"], ["anatomy"]), [results.evaluation("m", "anatomy", "ABCD")])
    program = run("audit_claims.py", *options, "--reference", root, "--output", tmp_path / "claims.json")
    one_line(program, "published.yaml does not exist", "a reference has published.yaml and claims.yaml")


@pytest.mark.parametrize(
    ("kind", "before", "after", "words"),
    [
        (Published, "  time: 2.0\n", "  time: fast\n", "within_factor.time: needs a number, not 'fast'"),
        (Published, "device: cuda\n", "device: gpu\n", "'gpu' is not known"),
        (Published, "schema: mmlu-kit/published/1\n", "", "schema: missing"),
        (Published, "questions:\n", "questions: [\n", "is not valid YAML"),
        (Claims, "tested: none of", "test: none of", "claims.4: 'test' is not a key here; did you mean 'tested'"),
        (Claims, "    predicate: can_run\n", "", r"claims.\d+.predicate: missing"),
    ],
)
def test_a_damaged_reference_file_is_reported_in_one_line(tmp_path, kind, before, after, words):
    name = {Published: "published.yaml", Claims: "claims.yaml"}[kind]
    text = (audits.REFERENCE / name).read_text(encoding="utf-8")
    assert before in text
    (tmp_path / name).write_text(text.replace(before, after, 1), encoding="utf-8")
    with pytest.raises(UserError, match=words) as refused:
        kind.read_yaml(tmp_path / name)
    assert name in str(refused.value)
