"""The numbers that are of timing runs, and ratios of numbers, beside this run's: rows of the comparison, see comparison.py."""

import statistics

from scipy.stats import contingency

from mmlu_kit.claims import stages
from mmlu_kit.claims.rows import because, elsewhere, row, share, within

_TIMES = {"real_s": "real time", "user_s": "user time", "system_s": "system time"}


def runs_by_setup(published: dict, setups: dict | None, stand_ins: dict) -> dict[int, list[dict]] | str:
    """The timing runs by the number of their setup, or why there are none that stand for the writeup's."""
    model = published["timing_runs"]["model"]
    if not setups or setups["model"] != stand_ins[model]:
        return f"no timing runs of {model} here"
    names = {setup["name"]: setup["number"] for setup in setups["setups"]}
    found: dict[int, list[dict]] = {}
    for run in setups["runs"]:
        if run["effective"]:
            found.setdefault(names[run["setup"]], []).append(run)
    return found


def of_run(published: dict, merged: dict, asked: dict, runs: dict[int, list[dict]] | str) -> list[dict]:
    """The rows of one of the writeup's timing runs: its times beside the medians of its setup, and its accuracy."""
    number = asked["setup"] or asked["as_setup"]
    mine = runs if isinstance(runs, str) else runs.get(number) or f"setup {number} was not run here"
    name = f"setup {number}, {asked['timestamp']}" if asked["setup"] else f"additional run, {asked['timestamp']}"
    rows = []
    for key in ("real_s", "user_s", "system_s"):
        if key in asked:
            here = mine
            if not isinstance(mine, str):
                value = statistics.median(run[key] for run in mine)
                stage, reason = _stage_of_runs(published, merged, mine, None)
                place = f"median of {len(mine)} runs, {elsewhere(value, asked[key], mine[0]['machine'])}"
                here = within(value, published["within_factor"]["time"])
                here = because(here, stage, f"{place}; {reason}" if stage else place)
            rows.append(row(name, "2", _TIMES[key], "s", asked[key], here))
    accuracy = asked["accuracy_percent"] / 100
    here = mine
    if not isinstance(mine, str):
        here = because(share(mine[0]["totals"]), *_stage_of_runs(published, merged, mine, accuracy))
    rows.append(row(name, "2", "accuracy", "fraction", accuracy, here))
    return rows


def _stage_of_runs(published: dict, merged: dict, runs: list[dict], accuracy: float | None) -> tuple[str | None, str]:
    timed, first = published["timing_runs"], runs[0]
    prompt = merged["study"]["models"][merged["setups"]["model"]]["prompt"]
    theirs = published["models"][timed["model"]]
    return stages.first(published, theirs, prompt, first["effective"], first["totals"], timed["questions"], accuracy)


def of_ratio(published: dict, found: dict[str, dict | str], asked: dict) -> dict:
    """The row of a ratio of one model's number to another's."""
    one, other = (found[name] for name in asked["models"])
    what = {"accuracy": "ratio of accuracies", "real_s": "ratio of real times"}[asked["what"]]
    here = _ratio(published, one, other, asked)
    return row(" to ".join(asked["models"]), asked["section"], what, "times", asked["value"], here)


def _ratio(published: dict, one: dict | str, other: dict | str, asked: dict) -> dict | str:
    for summary in (one, other):
        if isinstance(summary, str):
            return summary
    if asked["what"] == "accuracy":
        if not (one["correct_generated"] and other["correct_generated"]):
            return "one of the two models has no answer right here"
        risk = contingency.relative_risk(
            one["correct_generated"], one["questions"], other["correct_generated"], other["questions"]
        )
        low, high = risk.confidence_interval()
        here = {"run": float(risk.relative_risk), "low": float(low), "high": float(high)}
        return because(here, None, "see the rows of the two accuracies")
    if not (one["real_s"] and other["real_s"]):
        return "one of the two models has no time here"
    if one["device"] == other["device"] and one["machine"] != other["machine"]:
        return "the two models were timed on different machines"
    here = within(one["real_s"] / other["real_s"], published["within_factor"]["ratio"])
    return because(here, None, "see the rows of the two times")


def of_cpu_over_real(published: dict, found: dict, runs: dict[int, list[dict]] | str, asked: dict) -> list[dict]:
    """The rows of CPU time over real time: of models, or the ends of a range over timing runs."""
    factor = published["within_factor"]["ratio"]
    if "models" in asked:
        return [
            row(name, asked["section"], "CPU time over real time", "times", asked["value"], _cpu_over_real(found[name], factor))
            for name in asked["models"]
        ]
    here: dict[str, dict | str] = dict.fromkeys(("low", "high"), runs if isinstance(runs, str) else "these setups were not run")
    if not isinstance(runs, str):
        ratios = [run["user_s"] / run["real_s"] for number in asked["setups"] for run in runs.get(number, []) if run["real_s"]]
        cores = {run["machine"]["cores_usable"] for mine in runs.values() for run in mine}
        if ratios:
            reason = f"on {' or '.join(map(str, sorted(cores)))} cores; the writeup does not say how many its machine has"
            here = {end: because(within(pick(ratios), factor), None, reason) for end, pick in (("low", min), ("high", max))}
    words = {"low": "smallest user time over real time", "high": "largest user time over real time"}
    return [row("timing runs", asked["section"], words[end], "times", asked[end], here[end]) for end in ("low", "high")]


def _cpu_over_real(summary: dict | str, factor: float) -> dict | str:
    if isinstance(summary, str):
        return summary
    if not (summary["cpu_s"] and summary["real_s"]):
        return "no CPU time was measured"
    here = within(summary["cpu_s"] / summary["real_s"], factor)
    return because(here, None, "on another machine; the writeup does not name its own")
