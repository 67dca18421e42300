"""Predicates of claims on devices, quantization and size, tried on made-up runs that fit the claim and on others."""

import pytest
from mmlu_kit.claims import audit
from mmlu_kit.claims.document import ClaimVerdict, Judgement
from mmlu_kit.claims.published_evidence import published_evidence
from mmlu_kit.results.merged import NotRunHere

from tests.helpers import audits, results
from tests.helpers.audits import judge

HOLDS, DOES_NOT_HOLD, CANNOT_BE_TOLD, NOT_TESTABLE = ClaimVerdict
ONE, OTHER = (1, "cpu none"), (4, "cpu none")
EVERY = [(1, "cuda none"), (2, "cuda 4bit"), OTHER, (5, "cpu 4bit"), (5, "cpu 8bit")]


def timed(*runs):
    return audits.timed(audits.run("0.5B"), *runs)


def refused(run, short, memory="cpu"):
    """Return a run in which one of the writeup's models did not fit the memory."""
    reason = f"it needs about 30.0 GB, but 8.0 GB of {memory} memory are free"
    name = audits.NAMES.get(short, short).replace(" (4-bit)", "-4bit")
    more = audits.run(*(each for each in ("3B", "7B", "14B") if each in (short, "3B")))
    study = run.study.model_copy(update={"models": {**more.study.models, **run.study.models}})
    missing = NotRunHere(model=name, subject="anatomy", reason=reason)
    return run.model_copy(update={"study": study, "not_run": [missing]})


def without(subject, run):
    """Return a run that lacks a subject."""
    return run.model_copy(update={"results": [result for result in run.results if result.subject != subject]})


def in_format(dtype, run):
    """Return a run whose timing runs had weights in this number format."""
    runs = [
        each.model_copy(
            update={
                "measured": each.measured.model_copy(
                    update={"effective": each.measured.effective.model_copy(update={"dtype": dtype})}
                )
            }
        )
        for each in run.setups.runs
    ]
    groups = [
        group.model_copy(update={"effective": group.effective.model_copy(update={"dtype": dtype})})
        for group in run.setups.configurations
    ]
    return run.model_copy(update={"setups": run.setups.model_copy(update={"runs": runs, "configurations": groups})})


def on_gpu(name, *shorts):
    """Return a run on a machine with this GPU."""
    machine = results.MACHINE.model_copy(update={"gpu": name})
    return audits.run(*shorts).model_copy(update={"machines": [machine]})


@pytest.mark.parametrize(
    ("claim", "run", "verdict", "words"),
    [
        ("small-on-cpu", audits.run("0.5B", "1.5B", "3B"), HOLDS, "3B cpu, no quantization"),
        ("small-on-cpu", audits.run("0.5B", "1.5B", "3B", device="cuda"), DOES_NOT_HOLD, "cuda"),
        ("small-on-cpu", audits.run("0.5B"), NOT_TESTABLE, "no result of Qwen2.5-1.5B"),
        ("medium-in-4bit", audits.run("7B", "14B"), HOLDS, "7B (4-bit) cuda, 4bit"),
        ("medium-in-4bit", audits.run("7B", "14B", quantization="none"), DOES_NOT_HOLD, "no quantization"),
        ("medium-in-4bit", audits.run("3B"), NOT_TESTABLE, "no result of Qwen2.5-7B"),
        ("setup-1-on-cpu", timed(ONE, OTHER), HOLDS, "setup 1 ran as cpu"),
        ("setup-1-on-cpu", timed((1, "cuda none"), OTHER), DOES_NOT_HOLD, "setup 1 ran as cuda"),
        ("setup-1-on-cpu", timed(OTHER), NOT_TESTABLE, "no setup 1"),
        ("setup-5-as-setup-4", timed((5, "cpu none"), OTHER), HOLDS, "setup 5 ran as cpu, no quantization"),
        ("setup-5-as-setup-4", timed((5, "cpu 4bit"), OTHER), DOES_NOT_HOLD, "setup 5 ran as cpu, 4bit"),
        ("setup-5-as-setup-4", timed((5,), OTHER), NOT_TESTABLE, "setup 5 was not run"),
        (
            "no-gpu-setups",
            timed((2,), (3,), OTHER),
            HOLDS,
            "setup 2: this machine has no cuda; setup 3: this machine has no cuda",
        ),
        ("no-gpu-setups", timed((2,), OTHER), NOT_TESTABLE, "no setup 3"),
        ("no-gpu-setups", timed((2, "cuda 4bit"), OTHER), DOES_NOT_HOLD, "setup 2 ran as cuda, 4bit"),
        ("five-configurations", timed(*EVERY), HOLDS, "4 setups of 4 ran, as 5 configurations: cpu, 4bit; cpu, 8bit; cpu, no"),
        ("five-configurations", timed(ONE, (2,), OTHER), DOES_NOT_HOLD, "2 setups of 3 ran, as 1 configuration: cpu, no quant"),
        ("five-configurations", audits.run("0.5B"), NOT_TESTABLE, "no timing setups"),
        ("all-runs-fp32", timed(ONE, OTHER), HOLDS, "2 runs as cpu, no quantization"),
        ("all-runs-fp32", timed((1, "cuda none"), OTHER), DOES_NOT_HOLD, "1 run as cuda, no quantization"),
        ("all-runs-fp32", in_format("bfloat16", timed(ONE, OTHER)), DOES_NOT_HOLD, "2 runs as cpu, no quantization, bfloat16"),
        ("all-runs-fp32", audits.run("0.5B"), NOT_TESTABLE, "no timing setups"),
        ("separate-effects", timed(*EVERY), HOLDS, "what ran: cpu, 4bit"),
        ("separate-effects", timed(OTHER, (5, "cpu 4bit")), DOES_NOT_HOLD, "no weights ran with the device alone changed"),
        ("separate-effects", audits.run("3B", "7B"), DOES_NOT_HOLD, "with the device or with the quantization alone changed"),
        ("bitsandbytes-needs-cuda", timed((5, "cpu 4bit")), DOES_NOT_HOLD, "requested in 1 case and loaded in 1"),
        (
            "bitsandbytes-needs-cuda",
            timed((5, "cpu none", 9, 9, {"reason": "bitsandbytes does not quantize on cpu"})),
            HOLDS,
            "loaded in 0",
        ),
        (
            "laptop-fp32-only",
            timed((5, "cpu none", 9, 9, {"reason": "bitsandbytes does not quantize on cpu"})),
            HOLDS,
            "loaded in 0",
        ),
        ("laptop-fp32-only", timed((5, "cpu 4bit")), DOES_NOT_HOLD, "loaded in 1"),
        ("laptop-fp32-only", timed(OTHER), NOT_TESTABLE, "no record of what was loaded"),
        (
            "bitsandbytes-needs-cuda",
            timed((5, "cpu none", 9, 9, {"reason": "bitsandbytes cannot be used here"})),
            NOT_TESTABLE,
            "cannot be used",
        ),
        ("comparable-size", audits.run("3B"), NOT_TESTABLE, "no result of Qwen2.5-7B"),
        ("comparable-size", audits.run("3B", "7B"), DOES_NOT_HOLD, "= 2.33×"),
        ("same-model-speed", audits.run("3B", "7B"), DOES_NOT_HOLD, "= 2.33×"),
        ("same-model-speed", audits.with_model(audits.run("3B", "7B"), "7B", parameters=3 * 10**9), HOLDS, "= 1.00×"),
        ("same-model-speed", audits.run("3B"), NOT_TESTABLE, "no result"),
        ("which-gpu", on_gpu("NVIDIA T4", "7B", "14B"), HOLDS, "7B (4-bit): NVIDIA T4; 14B (4-bit): NVIDIA T4"),
        ("which-gpu", on_gpu(None, "7B"), DOES_NOT_HOLD, "7B (4-bit): no name"),
        ("which-gpu", on_gpu("NVIDIA T4", "3B"), NOT_TESTABLE, "no model ran on a GPU"),
        ("gpu-14b", audits.run("7B", "14B"), HOLDS, "1011 of 1369"),
        ("gpu-14b", refused(audits.run("7B"), "14B", "cuda"), DOES_NOT_HOLD, "8.0 GB of cuda memory"),
        ("gpu-14b", audits.run("7B"), NOT_TESTABLE, "nothing larger was tried"),
        ("gpu-14b", audits.run("3B"), NOT_TESTABLE, "no model ran as cuda, 4bit"),
        ("laptop-limit", refused(audits.run("0.5B"), "7B"), HOLDS, "7.00 B parameters: it needs about 30.0 GB"),
        ("laptop-limit", refused(audits.run("0.5B"), "3B"), DOES_NOT_HOLD, "3.00 B parameters: it needs"),
        ("laptop-limit", audits.run("3B", "7B", device="cpu"), DOES_NOT_HOLD, "7B (4-bit) with 7.00 B parameters ran on cpu"),
        ("laptop-limit", refused(audits.run("3B"), "big"), NOT_TESTABLE, "its number of parameters is not known"),
        ("laptop-limit", audits.run("3B"), NOT_TESTABLE, "no larger model was tried"),
        ("ten-subjects", audits.run("0.5B", "3B"), HOLDS, "2 models on 10 subjects each"),
        ("ten-subjects", without("anatomy", audits.run("0.5B", "3B")), DOES_NOT_HOLD, "2 models on 9 subjects each"),
    ],
)
def test_a_claim_on_a_made_up_run(claim, run, verdict, words):
    judgement = judge(claim, run)
    assert judgement.verdict == verdict and words in judgement.evidence, judgement


@pytest.mark.parametrize(
    ("claim", "verdict", "words"),
    [
        ("five-configurations", DOES_NOT_HOLD, "3 setups of 5 ran"),
        ("separate-effects", DOES_NOT_HOLD, "no weights ran with the device or with the quantization alone changed"),
        ("which-gpu", DOES_NOT_HOLD, "7B (4-bit): NVIDIA T4 or NVIDIA A100"),
        ("gpu-26-times", HOLDS, "7B (4-bit) (cuda, 4bit, NVIDIA T4 or NVIDIA A100) and 3B (cpu, no quantization, MacBook)"),
        ("dramatically-faster", HOLDS, "25.9×"),
        ("all-runs-fp32", NOT_TESTABLE, "what was loaded in 5 runs is not published"),
    ],
)
def test_the_writeup_contradicts_itself(claim, verdict, words):
    judgement = audit.judge_claim(audits.CLAIMS[claim], published_evidence(audits.PUBLISHED))
    assert judgement.verdict == verdict and words in judgement.evidence, judgement


def test_a_gpus_name_from_another_machine_cannot_break_the_line():
    judgement = judge("which-gpu", on_gpu("NVIDIA\nT4\x1b[31m", "7B"))
    assert judgement == Judgement(verdict=HOLDS, evidence="7B (4-bit): NVIDIA T4\u241b[31m")


def test_models_of_equal_size_are_comparable():
    run = audits.with_model(audits.run("3B", "7B"), "7B", parameters=4_000_000_000)
    assert judge("comparable-size", run).verdict == HOLDS


def test_setups_that_could_not_run_were_skipped():
    evidence = audits.evidence(timed((2,), OTHER))
    claim = audits.CLAIMS["no-gpu-setups"].model_copy(update={"parameters": {"setups": [2]}})
    assert audit.judge_claim(claim, evidence) == Judgement(verdict=HOLDS, evidence="setup 2: this machine has no cuda")
