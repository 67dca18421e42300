"""Damaged results of a study's other parts: stability, timing setups, chats, claims; totals that contradict their entries."""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from mmlu_kit import files
from mmlu_kit.config import SubjectsOfModel
from mmlu_kit.provenance import run_record
from mmlu_kit.provenance.run_record import RunStart
from mmlu_kit.recall.documents import TranscriptsFile
from mmlu_kit.results import stability, timing_setups
from mmlu_kit.results.stability import Batching, RunSettings, StabilityFile
from mmlu_kit.settings import Device, DType, Quantization
from mmlu_kit.study import Setup, TimingSetups, setup_name

from tests.helpers import audits, chats, results
from tests.helpers.results import WORKFLOW
from tests.hostile import records, time_logs
from tests.hostile.inputs import Hostile
from tests.hostile.records import Change, edit, values

EVALUATION = results.evaluation("a", "anatomy", "ABCDAAAA")
SETUPS = TimingSetups(
    model="a",
    subjects=["anatomy"],
    repeats=2,
    setups=[
        Setup(
            name=setup_name(4, Device.CPU, Quantization.NONE),
            number=4,
            device=Device.CPU,
            dtype=DType.FLOAT32,
            quantization=Quantization.NONE,
            on_unavailable="fail",
        )
    ],
)
STUDY = results.study(["a"], ["anatomy"], stability=SubjectsOfModel(model="a", subjects=["anatomy"]), timing_setups=SETUPS)
TRANSCRIPTS = TranscriptsFile(**dict(chats.transcripts()))
TIMING = results.timing("a", "anatomy", questions_scored=8)


def measured_stability() -> StabilityFile:
    """Return a stability measurement of two runs, in which no answer changes."""
    settings = [RunSettings(dtype="float32", batching=Batching.PACKED, threads=threads) for threads in (1, 2)]
    runs = [stability.run(each, EVALUATION.records, results.packing(EVALUATION.records)) for each in settings]
    return StabilityFile(model="a", subjects=["anatomy"], questions=8, runs=runs, comparisons=stability.comparisons(runs))


def study(folder: Path) -> list[str | Path]:
    """Write a study with a stability measurement and timing setups, and return the options of programs that read it."""
    made, (setup,) = folder / "results/made", SETUPS.setups
    measured_stability().write(made / "stability.json")
    runs = [timing_setups.run(setup, repeat, [EVALUATION], [TIMING], results.process()) for repeat in (1, 2)]
    timing_setups.compare(SETUPS, runs).write(made / "setups.json")
    for repeat in (1, 2):
        run = made / f"setups/run_{repeat}/{setup.name}"
        EVALUATION.write(run / "evaluations/anatomy.json")
        TIMING.write(run / "timings/anatomy.json")
        log = re.sub(r"(Elapsed .*): 0:\S+", r"\1: 0:03.00", time_logs.GNU)
        files.write_text(run.with_name(f"{setup.name}.txt"), log)
    return results.write(folder, STUDY, [EVALUATION])


def compare(options: list[str | Path]) -> list[str | Path]:
    """Return the command that compares the timing setups again."""
    folder, resources = Path(options[3]) / "setups", Path(options[5])
    manifest, subject = resources / "models/a@local.json", resources / "subjects/q@local/anatomy.jsonl"
    chosen = ["--setups", SETUPS.model_dump_json(), "--folder", folder, "--model", manifest, "--questions", subject]
    return ["compare_setups.py", *chosen, "--output", "setups.json"]


edited = partial(records.edited, write=study)


def run(**changes: object) -> Change:
    """Return the change of a file's first run."""
    return lambda plain: plain["runs"][0].update(changes)


def measured(**changes: object) -> Change:
    """Return the change of the measurements of the first run of setups.json."""
    return lambda plain: plain["runs"][0]["measured"].update(changes)


def more_right(plain: Any) -> None:
    """Give every run of setups.json more right answers, in all places."""
    runs = [run["measured"] for run in plain["runs"]]
    for counts in [each["totals"] for each in (*runs, *plain["configurations"])]:
        counts.update(correct=7)
    plain["setups"][0].update(correct=[7])


def other_choices(number: int) -> Change:
    """Return the change that gives question 0 this number of choices in every run of stability.json."""

    def change(plain: Any) -> None:
        for each in plain["runs"]:
            each["logprobs"][0] = [-0.5, *[-9.0] * (number - 1)]

    return change


def in_all_runs(predicted: str | None = None, **totals: object) -> Change:
    """Return the change of the best answers and totals of setups.json, in all places."""

    def change(plain: Any) -> None:
        for each in [*(run["measured"] for run in plain["runs"]), *plain["configurations"]]:
            each["totals"].update(totals)
            each["predicted"] = predicted or each["predicted"]

    return change


def more_cached(plain: Any) -> None:
    """Give the first probe or time more cached tokens than its prompt has."""
    plain["probes" if "probes" in plain else "first_token"][0].update(cached_tokens=10**6)


def summarise(folder: Path) -> list[str | Path]:
    """Write the files of a chat model, and return the command that summarises them."""
    chats.default().write(folder / "chat/m/recall.json")
    chats.times().write(folder / "chat/m/times.json")
    files.write_json(folder / "chat/transcripts.json", TRANSCRIPTS.plain())
    options = ["--models", "m", "--manifests", chats.manifest(folder / "m.json"), "--folder", "chat"]
    return ["summarise_chat.py", *options, "--output", "chat.json"]


def chat(name: str, file: str, line: str | None, change: Change) -> Hostile:
    """Return the row in which a file of a chat model was changed."""

    def make(folder: Path) -> list[str | Path]:
        command = summarise(folder)
        edit(folder / "chat" / file, change)
        return command

    return Hostile(name, make, line)


def analysis(change: Change) -> Callable[[Path], list[str | Path]]:
    """Return the function that makes an analysis.json with this change."""

    def make(folder: Path) -> list[str | Path]:
        options = study(folder)
        made, table = results.merged(results.study(["a", "b"], ["anatomy"]), {name: {"anatomy": "ABCDAAAA"} for name in "ab"})
        results.analysis(made, table).write(folder / "analysis.json")
        edit(folder / "analysis.json", change)
        return ["draw_figures.py", *options, "--analysis", "analysis.json", "--folder", "figures"]

    return make


def claims(folder: Path) -> list[str | Path]:
    """claims.json with a verdict that its own numbers contradict."""
    options = study(folder)
    model = audits.run("0.5B")
    results.claims(model).write(Path(options[3]) / "claims.json")
    edit(Path(options[3]) / "claims.json", lambda plain: plain["numbers"][-1].update(verdict="reproduced"))
    return ["mmlu-kit", "verify", options[3]]


def report(line: str | None, **changes: Change) -> Hostile:
    """Return the row in which a report is written after these changes of 'analysis', 'claims' and 'run'."""
    answers = {"a": {"anatomy": "ABCDAAAA"}, "b": {"anatomy": "AAAAABCD"}}
    study = results.study(list(answers), ["anatomy"])

    def make(folder: Path) -> list[str | Path]:
        outcomes = [results.evaluation(model, "anatomy", by_subject["anatomy"]) for model, by_subject in answers.items()]
        options = results.write(folder, study, outcomes)
        merged, table = results.merged(study, answers)
        analysed, subject = results.analysis(merged, table), folder / "resources/subjects/q@local/anatomy.jsonl"
        run = run_record.describe(merged, folder / "results/made", WORKFLOW.parent, RunStart(), {}, [subject])
        documents = {"analysis": analysed, "claims": results.claims(merged, outcomes), "run": run}
        for name, document in documents.items():
            document.write(folder / f"{name}.json")
            edit(folder / f"{name}.json", changes.get(name, values()))
        folders = ["--reference", WORKFLOW / "reference", "--templates", WORKFLOW / "report"]
        files = [text for name in documents for text in (f"--{name}", f"{name}.json")]
        return ["write_report.py", *options, *files, *folders, "--output", "report.md", "--tables", "tables"]

    return Hostile(f"a report of forged {' and '.join(changes) or 'nothing'}: {line}", make, line)


def first(**changes: object) -> Change:
    """Return the change of the first model of analysis.json."""
    return lambda plain: plain["models"][0].update(changes)


def other_verdict(plain: Any) -> None:
    """Turn a verdict of claims.json that the run's numbers give."""
    claim = next(each for each in plain["claims"] if each["run"]["verdict"] not in ("holds", "not testable here"))
    claim["run"]["verdict"] = "holds"


def better(plain: Any) -> None:
    """Give the first model of analysis.json one more right answer, wherever that is counted."""
    model = plain["models"][0]
    for share in (model["best_letter"], model["generated"]):
        share.update(correct=share["correct"] + 1, wrong=share["wrong"] - 1, accuracy=0.75, low=0.4, high=0.9)


def time_log(folder: Path) -> list[str | Path]:
    """The log of a timing setup whose process took less time than its phases."""
    options = study(folder)
    path = folder / "results/made/setups/run_1/setup_4_cpu_no_quant.txt"
    path.write_text(path.read_text().replace("0:03.00", "0:00.01"))
    return compare(options)


def no_provenance(folder: Path) -> list[str]:
    """An empty results folder."""
    (folder / "results/demo").mkdir(parents=True)
    return ["mmlu-kit", "check-results", "results/demo"]


STABILITY = [
    edited(f"stability {number}", "stability.json", line, change)
    for number, (line, change) in enumerate(
        [
            ("correct or a comparison's flips is larger than questions", run(correct=9)),
            ("stability.json: run 0 has 7 right answers, and 5 are", run(correct=7)),
            ("predicted and logprobs are null only together", run(predicted=None)),
            ("are of different numbers of questions", run(predicted=["A"])),
            ("predicted is not the most probable letter of answer 0", run(predicted=["B", *"BCDAAAA"])),
            ("needs at most 0.0", lambda s: s["runs"][0]["logprobs"][0].__setitem__(0, 0.5)),
            ("the letters' probabilities add up to more than 1", lambda s: s["runs"][0]["logprobs"].__setitem__(0, [-0.1] * 4)),
            ("needs 2 or more entries", lambda s: s["runs"][0]["logprobs"].__setitem__(0, [-2.0])),
            ("needs 26 or fewer entries, not 27", lambda s: s["runs"][0]["logprobs"].__setitem__(0, [-9.0] * 27)),
            ("run 0 has 2 choices of anatomy/test/0, which has 4", other_choices(2)),
            ("run 0 has 5 choices of anatomy/test/0, which has 4", other_choices(5)),
            ("run 0 has 26 choices of anatomy/test/0, which has 4", other_choices(26)),
            ("predicted is beyond the 4 choices of answer 0", run(predicted=["E", *"BCDAAAA"])),
            ("predicted.0: 'AB' does not match", run(predicted=["AB", *"BCDAAAA"])),
            ("two runs have the same settings", run(threads=2)),
            ("comparisons are not those of the runs", lambda s: s["comparisons"].clear()),
            ("comparisons are not those of the runs", lambda s: s["comparisons"][0].update(largest_difference=0.1)),
            ("flips is not the number of margins", lambda s: s["comparisons"][0].update(flips=1)),
            ("its runs do not differ in dtype alone", lambda s: s["comparisons"][0].update(changed="dtype")),
            ("packing is of another number of questions", values(questions=9)),
            ("is of another number of questions", values(questions=50)),
            (None, values()),
        ]
    )
]
TIMING_SETUPS = [
    edited(f"setups {number}", "setups.json", line, change)
    for number, (line, change) in enumerate(
        [
            ("its phases took 2.9 s, longer than real_s, 0.1 s", measured(real_s=0.1)),
            ("1001.0 s of CPU time are more than 2 cores have in 3", measured(user_s=1000.0)),
            ("peak_rss_bytes: needs at least 1, not 0", measured(peak_rss_bytes=0)),
            ("peak_rss_bytes is more than the machine's memory", measured(peak_rss_bytes=10**13)),
            ("started: 'now' is not a time like", measured(started="now")),
            ("predicted is not one letter for each question", measured(predicted="ABC")),
            ("setups are not the summaries of the runs", measured(real_s=3.5)),
            ("configurations are not those of the runs", measured(predicted="DBCDAAAD")),
            ("setups.json: run 0 has 7 right answers, and 5 are", more_right),
            ("setups.json: run 0 has the answer E to anatomy/test/4, which has 4 choices", in_all_runs("ABCDEAAA")),
            ("setups.json: run 0 has the answer Z to anatomy/test/0, which has 4 choices", in_all_runs("ZBCDAAAA")),
            *(("measured.predicted: '", in_all_runs(f"ABCDAAA{letter}")) for letter in ("a", "-", "1", " ", "Ä", "\u202e")),
            ("setups.json: run 0 has 1.0 guessed answers, and 2.0 are", in_all_runs(guessed=1.0)),
            ("totals: guessed is larger than questions", in_all_runs(guessed=9.0)),
            ("totals.guessed: needs at least 0", in_all_runs(guessed=-1.0)),
            ("setups.json: its runs were not made with the preset of a", in_all_runs(correct_generated=None, parsed=None)),
            ("setups are not the summaries of the runs", lambda s: s["setups"][0]["real_s"].update(median=2.0)),
            ("setups are not the summaries of the runs", lambda s: s["setups"][0].update(correct=[8])),
            ("configurations are not those of the runs", lambda s: s["configurations"][0].update(answers_not_shared=3)),
            ("configurations are not those of the runs", lambda s: s["configurations"].clear()),
            ("a setup or a run occurs twice", run(repeat=2)),
            ("the runs are not those of the setups", run(repeat=3)),
            ("the runs are not those of the setups", run(setup="x")),
            (None, values()),
        ]
    )
]
CHATS = [
    chat(f"chat {number}", file, line, change)
    for number, (file, line, change) in enumerate(
        [
            ("m/recall.json", "probes are not each trial under each strategy", lambda r: r["probes"].pop()),
            ("m/recall.json", "probes are not each trial under each strategy", lambda r: r["probes"][0].update(trial=10**6)),
            ("m/recall.json", "trials are not trials_each of each kind", values(trials_each=11)),
            (
                "m/recall.json",
                "cached_tokens is larger than prompt_tokens",
                lambda r: r["probes"][0].update(cached_tokens=10**6),
            ),
            ("m/recall.json", "value contradicts the kind", lambda r: r["trials"][0].update(value=None)),
            ("m/recall.json", "is not the one that", values(model_files={"x": "0" * 64})),
            ("m/recall.json", "its parameters is 7, but 1000", values(parameters=7)),
            ("m/recall.json", "has results of n and m", values(model="n")),
            ("m/times.json", "first_token_s is larger than total_s", lambda t: t["independent"][0].update(first_token_s=9.0)),
            (
                "m/times.json",
                "cached_tokens is larger than prompt_tokens",
                lambda t: t["first_token"][0].update(cached_tokens=99),
            ),
            ("m/times.json", "warm_s: needs at least 0", lambda t: t["first_token"][0].update(warm_s=-1)),
            ("m/times.json", None, values()),
        ]
    )
]
RUN = "setups/run_1/setup_4_cpu_no_quant/evaluations/anatomy.json"
COMPARED = [
    edited(
        "a setup's other model",
        RUN,
        "was made by another model: x is not",
        values(model_files={"x": "0" * 64}),
        command=compare,
    ),
    edited("a setup's renamed model", RUN, "is the result of b on anatomy", values(model="b"), command=compare),
    edited("a setup", RUN, None, values(), command=compare),
    Hostile("a setup's short process", time_log, "setup_4_cpu_no_quant.txt: its phases took 2.9 s, longer than real_s, 0.01 s"),
]
REPORTS = [
    report(None),
    report(
        "analysis.json was changed after it was made: a: best_letter.correct is 6, but merged.json gives 5", analysis=better
    ),
    report("a: label is x, but merged.json gives a", analysis=first(label="x")),
    report("a: best_letter.low is 0.5, but", analysis=lambda plain: plain["models"][0]["best_letter"].update(low=0.5)),
    report("it is of other models than merged.json", analysis=lambda plain: plain["models"].reverse()),
    report("it is of other models than merged.json", analysis=lambda plain: plain["models"].pop()),
    report("it is of other models than merged.json", analysis=values(study="x")),
    report("claims.json was changed after it was made, or its sources were (", claims=other_verdict),
    report("run.json was changed after it was made: title is not that of the results", run=values(title="x")),
    report("models is not that of the results", run=lambda plain: plain["models"].pop("a")),
    report("models is not that of the results", run=lambda plain: plain["models"]["a"]["files"].update(x="0" * 64)),
    report("questions is not that of the results", run=lambda plain: plain["questions"]["files"].update(x="0" * 64)),
    report("or its sources were (", claims=lambda plain: plain["claims"].pop()),
]
OTHERS = [
    Hostile("nothing was run", no_provenance, "results/demo/provenance.json does not exist"),
    Hostile("a verdict", claims, "claims.json: not a valid claims file at numbers"),
]
ANALYSES = [
    Hostile(f"analysis {number}", analysis(change), line)
    for number, (line, change) in enumerate(
        [
            ("accuracy is not within its interval", lambda a: a["models"][0]["best_letter"].update(accuracy=1.0)),
            ("low is larger than high", lambda a: a["models"][0]["best_letter"].update(low=0.9, high=0.1)),
            ("correct and wrong are more than questions", lambda a: a["models"][0]["best_letter"].update(correct=8)),
            ("observed is not every question once", lambda a: a["models_wrong"]["observed"].__setitem__(0, 50)),
            ("same_wrong is larger than both_wrong", lambda a: a["pairs"][0].update(same_wrong=8)),
        ]
    )
]
INPUTS = [*STABILITY, *TIMING_SETUPS, *COMPARED, *CHATS, *ANALYSES, *REPORTS, *OTHERS]
