"""Forged and impossible evaluations, timings and summaries: a number that no model answered, or that no machine measured."""

import json
import math
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from mmlu_kit import files
from mmlu_kit.config import ImportedEntry
from mmlu_kit.evaluation import records
from mmlu_kit.evaluation.answers import Record, Totals
from mmlu_kit.evaluation.records import Evaluation

from tests.helpers import results
from tests.hostile import time_logs
from tests.hostile.inputs import Hostile

SUBJECTS = ["anatomy", "virology"]
ANSWERS = {"a": "ABCDAAAA", "b": "AAAAABCD"}
STUDY = results.study(list(ANSWERS), SUBJECTS)
EVALUATION, TIMING = "evaluations/a/anatomy.json", "timings/a/anatomy.json"
MERGED, PROCESSES = "merged.json", "timings/processes.json"
QUESTIONS = "subjects/q@local/anatomy.jsonl"

Change = Callable[[Any], object]


def study(folder: Path) -> list[str | Path]:
    """Write a study of two models, and return the options of programs that read it."""
    outcomes = [results.evaluation(model, subject, answers) for model, answers in ANSWERS.items() for subject in SUBJECTS]
    return results.write(folder, STUDY, outcomes)


def merge(options: list[str | Path]) -> list[str | Path]:
    """Return the command that merges these results again."""
    return ["merge.py", *options, "--merged", "again.json", "--table", "again.csv"]


def describe(options: list[str | Path]) -> list[str | Path]:
    """Return the command of the quickest program that reads merged.json."""
    return ["describe_run.py", *options, "--output", "run.json"]


def edit(path: Path, *changes: Change) -> None:
    """Change a JSON file."""
    plain = json.loads(path.read_text(encoding="utf-8"))
    for change in changes:
        change(plain)
    path.write_text(json.dumps(plain), encoding="utf-8")


def edited(
    name: str, file: str, line: str | None, *changes: Change, command: Callable = merge, write: Callable = study
) -> Hostile:
    """Return the row in which these changes were made to a file of the results that `write` writes."""

    def make(folder: Path) -> list[str | Path]:
        options = write(folder)
        edit(folder / "results/made" / file, *changes)
        return command(options)

    return Hostile(name, make, line)


def rewritten(name: str, line: str | None, change: Callable[[Evaluation], Evaluation], models: Iterable[str] = "a") -> Hostile:
    """Return the row in which a consistent evaluation replaces that of `models` on anatomy."""

    def make(folder: Path) -> list[str | Path]:
        options = study(folder)
        for model in models:
            path = folder / f"results/made/evaluations/{model}/anatomy.json"
            change(Evaluation.read(path)).write(path)
        return merge(options)

    return Hostile(name, make, line)


def with_records(evaluation: Evaluation, answered: list[Record]) -> Evaluation:
    """Return an evaluation with these records and their totals."""
    changes = {"records": answered, "totals": Totals.over(answered), "packing": results.packing(answered)}
    return evaluation.model_copy(update=changes)


def all_right(evaluation: Evaluation) -> Evaluation:
    """Return an evaluation in which each right answer is the model's."""
    changes = [{"gold": record.predicted, "correct": True, "correct_generated": True} for record in evaluation.records]
    pairs = zip(evaluation.records, changes, strict=True)
    return with_records(evaluation, [record.model_copy(update=change) for record, change in pairs])


def only_right(evaluation: Evaluation) -> Evaluation:
    """Return an evaluation without the questions that were answered wrong."""
    right = [record for record in evaluation.records if record.correct]
    return with_records(evaluation, [record.model_copy(update={"index": place}) for place, record in enumerate(right)])


def other_hash(evaluation: Evaluation) -> Evaluation:
    """Return an evaluation of another question 2."""
    answered = list(evaluation.records)
    answered[2] = answered[2].model_copy(update={"question_sha256": "0" * 64})
    return with_records(evaluation, answered)


def in_another_order(evaluation: Evaluation) -> Evaluation:
    """Return an evaluation with its first two records exchanged, and their indices with them."""
    first, second, *others = evaluation.records
    return with_records(evaluation, [second.model_copy(update={"index": 0}), first.model_copy(update={"index": 1}), *others])


def swapped(folder: Path) -> list[str | Path]:
    """Exchange two models' files, with the names in them."""
    options = study(folder)
    made = folder / "results/made"
    for kind in ("evaluations", "timings"):
        for subject in SUBJECTS:
            paths = {model: made / f"{kind}/{model}/{subject}.json" for model in ANSWERS}
            texts = {model: path.read_text() for model, path in paths.items()}
            for model, other in (("a", "b"), ("b", "a")):
                paths[model].write_text(texts[other])
                names = {"model": model} | ({"process": f"{model}/{subject}.time"} if kind == "timings" else {})
                edit(paths[model], values(**names))
    return merge(options)


def stale(folder: Path) -> list[str | Path]:
    """Another machine's results of a model whose weights have changed since."""
    options = study(folder)
    made = folder / "results/made"
    for kind in ("evaluations", "timings"):
        (made / "elsewhere/old" / kind).mkdir(parents=True)
        (made / kind / "a").rename(made / "elsewhere/old" / kind / "a")
    for subject in SUBJECTS:
        path = made / f"elsewhere/old/evaluations/a/{subject}.json"
        edit(path, lambda plain: plain.update(model_files={"x": "0" * 64}))
    return merge(options)


def other_log(folder: Path) -> list[str | Path]:
    """A log of /usr/bin/time that is not the one that was read."""
    options = study(folder)
    files.write_text(folder / "results/made/timings/a/anatomy.time", time_logs.GNU)
    return merge(options)


def renamed(folder: Path) -> list[str | Path]:
    """A copy of one model's evaluation in place of another's."""
    options = study(folder)
    (folder / "results/made" / EVALUATION).write_text((folder / "results/made/evaluations/b/anatomy.json").read_text())
    return merge(options)


def imported(change: Callable[[Path], object]) -> Callable[[Path], list[str | Path]]:
    """Return the function that makes results with imported answers, of which `change` changes the file."""

    def make(folder: Path) -> list[str | Path]:
        path = folder / "theirs.csv"
        path.write_text("the file of the answers")
        made = results.study(["theirs"], ["anatomy"])
        made = made.model_copy(update={"models": {"theirs": ImportedEntry(predictions=str(path))}})
        unknown = dict.fromkeys(("prompt_sha256", "prompt_tokens", "examples", "letter_logprobs", "letter_mass"))
        answered = [each.model_copy(update=unknown) for each in results.evaluation("theirs", "anatomy", "ABCD").records]
        outcome = records.imported("theirs", path.name, files.file_sha256(path), "anatomy", answered)
        options = results.write(folder, made, [outcome])
        change(folder)
        return [*merge(options), "--predictions", f"theirs={path}"]

    return make


def no_questions(folder: Path) -> list[str | Path]:
    """Results whose questions were removed."""
    options = study(folder)
    (folder / "resources" / QUESTIONS).unlink()
    return merge(options)


def record(**values: object) -> Change:
    """Return the change of question 2's record."""
    return lambda plain: plain["records"][2].update(values)


def logprobs(*values: float) -> Change:
    """Return the change of question 2's probabilities, of which C's is the largest; the mass is their sum."""
    letters = dict(zip("ABCD", values, strict=True))
    mass = sum(math.exp(min(value, 300)) for value in values if not math.isnan(value))
    return record(letter_logprobs=letters, letter_mass=mass)


def values(**values: object) -> Change:
    """Return the change of a file's values."""
    return lambda plain: plain.update(values)


def parts(total: float, **seconds: float) -> Change:
    """Return the change of a timing's phases."""
    names = ("tokenize_s", "forward_s", "parse_s", "write_s", "other_s")
    return values(**{**dict.fromkeys(names, 0.0), "real_s": total, **seconds})


def result(**values: object) -> Change:
    """Return the change of merged.json's first result."""
    return lambda plain: plain["results"][0].update(values)


LARGE = {"questions": 50, "guessed": 12.5, "correct": 40, "correct_generated": 40, "parsed": 50}

FORGED = [
    rewritten("the right answers are the model's", "evaluations/a/anatomy.json: the right answer to question ", all_right),
    rewritten("the same for every model", "the right answer to question", all_right, ANSWERS),
    rewritten("questions answered wrong are removed", "has 5 records, but", only_right),
    rewritten("another question", "question 2 is not question 2 of", other_hash),
    rewritten("another order", "question 0 is not question 0 of", in_another_order),
    rewritten("the last question is removed", "has 7 records, but", lambda e: with_records(e, e.records[:-1]), ANSWERS),
    Hostile("two models are exchanged", swapped, "a/anatomy.json was made by another model: x is not the one that"),
    Hostile("a stale archive", stale, "elsewhere/old/evaluations/a/anatomy.json was made by another model: x is not"),
    Hostile("a renamed file", renamed, "is the result of b on anatomy: the file was renamed or changed"),
    Hostile("another log", other_log, "timings/processes.json: a/anatomy.time is not what "),
    Hostile("no questions", no_questions, "resources/subjects/q@local/anatomy.jsonl does not exist"),
    Hostile("imported answers", imported(lambda folder: None), None),
    Hostile(
        "other imported answers",
        imported(lambda folder: (folder / "theirs.csv").write_text("another")),
        "theirs/anatomy.json was made by another model: theirs.csv is not the one that",
    ),
    edited("another commit", EVALUATION, "its commit is " + "0" * 40 + ", but None", values(commit="0" * 40)),
    edited("other parameters", EVALUATION, "its parameters is 7, but 1000", values(parameters=7)),
    edited("another file of the model", EVALUATION, "y is not the one", lambda e: e["model_files"].update(y="0" * 64)),
]
PROBABILITIES = [
    edited(f"record {number}", EVALUATION, line, change)
    for number, (line, change) in enumerate(
        [
            ("records.2.letter_logprobs.C: needs at most 0.0", logprobs(-2, -2, 0.5, -2)),
            ("records.2.letter_logprobs.A: needs at least -3.4", logprobs(-1e308, -2, -0.5, -2)),
            ("records.2.letter_mass: needs at most 1.0", logprobs(-0.5, -0.5, -0.4, -0.5)),
            ("letter_logprobs.A: needs a finite number", logprobs(math.nan, -2, -0.5, -2)),
            ("letter_logprobs.A: needs a finite number", logprobs(-math.inf, -2, -0.5, -2)),
            ("records.2.letter_logprobs: needs 2 or more entries, not 1", record(letter_logprobs={"A": -1.0})),
            ("records.2.letter_logprobs: needs one number for each of A, B", record(letter_logprobs={"A": -1.0, "C": -1.0})),
            ("records.2.letter_logprobs.A: needs a number", record(letter_logprobs=dict.fromkeys("ABCD", "-1"))),
            ("predicted is not the most probable letter", logprobs(-0.5, -2, -2.5, -2)),
            ("letter_mass is not the sum", record(letter_mass=0.9)),
            ("letter_mass is not the sum", record(letter_mass=0.8529)),
            ("letter_mass is not the sum", record(letter_mass=0.0)),
            ("letter_mass is not the sum", record(letter_mass=None)),
            ("records.2.letter_mass: needs at most", record(letter_mass=1e308)),
            ("records.2.letter_mass: needs at least 0", record(letter_mass=-0.1)),
            ("its prompt and probabilities are null for imported", record(letter_logprobs=None, letter_mass=None)),
            ("records.2.prompt_tokens: needs at least 1", record(prompt_tokens=0)),
            ("records.2.prompt_tokens: needs at most 10000000", record(prompt_tokens=10**12)),
            ("records.2.prompt_tokens: needs a whole number", record(prompt_tokens=True)),
            ("question 2 has more examples than requested", record(examples=5)),
            ("records.2.examples: needs at least 0", record(examples=-1)),
            ("records.2: correct contradicts", record(correct=False)),
            ("records.2: correct_generated contradicts", record(correct_generated=False)),
            ("question 2: parsed is not the letter", record(parsed="D", correct_generated=False)),
            ("question 2 is of another subject", record(subject="virology")),
            ("question 7 is where question 2 should be", record(index=7)),
            ("records.2.index: needs at least 0", record(index=-1)),
            ("gold, predicted or parsed is beyond D, and the question has 4 choices", record(gold="E")),
        ]
    )
]
TOTALS = [
    edited("totals", EVALUATION, "the totals contradict", lambda e: e["totals"].update(correct=8)),
    edited(
        "more right than questions", EVALUATION, "correct is larger than questions", lambda e: e["totals"].update(correct=9)
    ),
    edited("no records", EVALUATION, "records: needs 1 or more entries, not 0", lambda e: e.update(records=[])),
    edited("packing", EVALUATION, "the counts of packed questions", lambda e: e["packing"].update(packed=7)),
    edited("no scoring", EVALUATION, "scoring, effective and packing are null for", values(scoring=None)),
    edited("claimed to be imported", EVALUATION, "scoring, effective and packing are null for", values(requested=None)),
]
TIMES = [
    edited(f"timing {number}", TIMING, line, change)
    for number, (line, change) in enumerate(
        [
            ("real_s is 9.0, but its phases add up to 2.0", values(real_s=9)),
            ("real_s is 0.1, but its phases add up to 2.0", values(real_s=0.1)),
            ("forward_s: needs at least 0.0, not -1", values(forward_s=-1)),
            ("forward_s: needs a finite number", values(forward_s=math.nan)),
            ("forward_s: needs at most 1000000000", parts(1e300, forward_s=1e300)),
            ("99.0 s of CPU time are more than 2 cores have in 2", values(cpu_user_s=98)),
            ("cpu_system_s: needs at least 0", values(cpu_system_s=-0.1)),
            ("gpu_s took 50.0 s, longer than forward_s", values(gpu_s=50.0)),
            ("gpu_energy_j is more than a GPU uses in 2", values(gpu_energy_j=1e9)),
            ("peak_rss_bytes: needs at least 1", values(peak_rss_bytes=0)),
            ("peak_rss_bytes is more than the machine's memory", values(peak_rss_bytes=10**12)),
            ("peak_gpu_bytes is more than the memory of the GPU", values(peak_gpu_bytes=10**12)),
            ("process_started: 'yesterday' is not a time like", values(process_started="yesterday")),
            ("started: '2026-02-30T00:00:00+00:00' is not a time", values(started="2026-02-30T00:00:00+00:00")),
            ("started: '2026-01-01T00:00:00' is not in UTC", values(started="2026-01-01T00:00:00")),
            ("started: '2026-01-01T00:00:00+02:00' is not in UTC", values(started="2026-01-01T00:00:00+02:00")),
            ("before its process, which began at 2026", values(started="1999-01-01T00:00:00+00:00")),
            ("'b/anatomy.time' is not the log of a process of a", values(process="b/anatomy.time")),
            ("'a/../b/anatomy.time' is not the log of a process of a", values(process="a/../b/anatomy.time")),
            ("9 of 8 questions scored by a process that was not resumed", values(questions_scored=9)),
            ("3 of 8 questions scored by a process that was not resumed", values(questions_scored=3)),
            ("8 of 8 questions scored by a process that was resumed", values(resumed=True)),
            (None, values(resumed=True, questions_scored=3)),
            ("is the result of b on anatomy", values(model="b")),
            ("threads: needs at least 1", values(threads=0)),
            (None, parts(2.0002, forward_s=2.0)),  # each number is rounded
            (None, values(process_started="2026-01-01T05:00:00+00:00")),  # a clock that was set back
        ]
    )
]
LOGS = [
    edited(f"process {number}", PROCESSES, line, lambda p, values=values: p["a/anatomy.time"].update(values))
    for number, (line, values) in enumerate(
        [
            ("a/anatomy.time: its subjects took 2.9 s, longer than real_s, 0.1 s", {"real_s": 0.1}),
            ("a/anatomy.time: 1001.0 s of CPU time are more than 2 cores have in 3", {"user_s": 1000.0}),
            ("user_s: needs at least 0", {"user_s": -1.0}),
            ("real_s: needs at most 1000000000", {"real_s": 1e30}),
        ]
    )
]
SUMMARIES = [
    edited(f"merged.json {number}", MERGED, line, change, command=describe)
    for number, (line, change) in enumerate(
        [
            ("results.a on anatomy.totals.", result(totals=LARGE)),
            ("results.a on anatomy.totals.", result(totals={**LARGE, "questions": 10**6})),
            ("results.a on anatomy.real_s is 1.0, but the files that it was made from give 2.0", result(real_s=1.0)),
            ("results.a on anatomy.peak_rss_bytes is 1,", result(peak_rss_bytes=1)),
            ("results.a on anatomy.machine is 1,", result(machine=1)),
            ("results.a on anatomy.machine is null,", result(machine=None)),
            ('results.a on anatomy.source is "elsewhere/x"', result(source="elsewhere/x")),
            ("results.a on anatomy.process is null", result(process=None)),
            ('machines.0.processor is "fast"', lambda m: m["machines"][0].update(processor="fast")),
            ("models.a is missing", lambda m: m["models"].pop("a")),
            ("models.b.parameters is 5", lambda m: m["models"]["b"].update(parameters=5)),
            ("models.b.effective.dtype", lambda m: m["models"]["b"]["effective"].update(dtype="bfloat16")),
            ("results.a on anatomy is missing", lambda m: m["results"].pop(0)),
            ("results is in this order, but the files", lambda m: m["results"].reverse()),
            ("missing", lambda m: m.update(missing=[{"model": "a", "subject": "anatomy"}])),
            ("processes.a/anatomy.time.real_s is 1.0", lambda m: m["processes"]["a/anatomy.time"].update(real_s=1.0)),
            ("is of another study than this run's", lambda m: m["study"].update(title="Another")),
            ("is of another study than this run's", lambda m: m["study"].update(subjects=["anatomy"])),
        ]
    )
]


def by(program: str, *more: str) -> Callable[[list[str | Path]], list[str | Path]]:
    """Return the function that gives the command of another program that reads merged.json."""
    return lambda options: [program, *options, *more]


PROGRAMS = [
    edited(
        f"read by {command[0]}",
        MERGED,
        "merged.json was changed after it was made",
        result(real_s=1.0),
        command=by(*command),
    )
    for command in [
        ("analyse.py", "--output", "x"),
        ("audit_claims.py", "--reference", "x", "--output", "x"),
        ("draw_figures.py", "--analysis", "x", "--folder", "x"),
        (
            "write_report.py",
            "--tables",
            "x",
            "--analysis",
            "x",
            "--claims",
            "x",
            "--reference",
            "x",
            "--run",
            "x",
            "--templates",
            "x",
            "--output",
            "x",
        ),
    ]
]


def exported(options: list[str | Path]) -> list[str | Path]:
    return ["mmlu-kit", "export", "results/made", "--output", "out"]


def table(options: list[str | Path]) -> list[str | Path]:
    """Change an answer in questions.csv."""
    path = Path(options[3]) / "questions.csv"
    lines = path.read_text().split("\n")
    path.write_text("\n".join([*lines[:3], lines[3].replace(",C,", ",D,"), *lines[4:]]))
    return ["analyse.py", *options, "--output", "analysis.json"]


EXPORTS = [
    edited("forged, exported", MERGED, "merged.json was changed after it was made", result(real_s=1.0), command=exported),
    edited("questions.csv", MERGED, "questions.csv was changed after it was made: line 4 is not what", command=table),
    edited("unchanged", MERGED, None, command=describe),
    edited("merged again", EVALUATION, None),
]
INPUTS = [*FORGED, *PROBABILITIES, *TOTALS, *TIMES, *LOGS, *SUMMARIES, *PROGRAMS, *EXPORTS]
