"""The table of a benchmark run: rows that have a bar to reach, and each program's own figures."""

import statistics


def rows(measured: dict[str, list[dict]], weights: int) -> list[dict]:
    """The rows that have a bar, from what each program measured in every round; `weights` are the checkpoint's bytes."""

    def seconds(name: str) -> list[float]:
        return [one["seconds"] for one in measured[name]]

    def whole(name: str) -> list[float]:
        return [one["process_s"] for one in measured[name]]

    def ratio(over: list[float], under: list[float]) -> float:
        """The median of each round's ratio, so that what slows a whole round down cancels."""
        return statistics.median(a / b for a, b in zip(over, under, strict=True))

    def percent_of_product(name: str) -> float:
        return 100 * statistics.median(one["flops_per_s"][0] / one["product_flops_per_s"][0] for one in measured[name])

    def peak(name: str) -> float:
        return max(one["peak_rss_bytes"] for one in measured[name]) / 1e9

    before_batch = [start - batch for start, batch in zip(whole("start"), seconds("first batch, forward"), strict=True)]
    less_load = [together - load for together, load in zip(whole("ten subjects together"), whole("load"), strict=True)]
    generate = seconds("generate float32, 5 tokens")
    gigabytes = weights / 1e9
    return [
        at_least(1.8, "speed against lm-eval, float32, 0-shot", ratio(seconds("lm_eval float32"), seconds("kit float32"))),
        at_least(
            8,
            "speed against lm-eval, bfloat16, 5-shot",
            ratio(seconds("lm_eval bfloat16, 5-shot"), seconds("kit bfloat16, 5-shot")),
        ),
        at_least(3, "speed against generate of 5 tokens, float32", ratio(generate, seconds("kit float32"))),
        at_least(6, "the same with the kit in bfloat16", ratio(generate, seconds("kit bfloat16"))),
        at_least(85, "rate against the matrix product, float32", percent_of_product("forward float32"), "%"),
        at_least(70, "rate against the matrix product, bfloat16", percent_of_product("forward bfloat16"), "%"),
        # Loading a bfloat16 checkpoint as float32 holds both.
        at_most(1.3 * 2 * gigabytes + 0.6 + gigabytes, "peak memory, float32 from bfloat16", peak("kit float32"), "GB"),
        at_most(1.3 * gigabytes + 0.6, "peak memory, bfloat16", peak("kit bfloat16, 5-shot"), "GB"),
        at_most(1.25, "a process that scores one batch, against one that only loads", ratio(whole("start"), whole("load"))),
        # The batch's own arithmetic takes as long as the processor needs for it: what the kit adds is the rest.
        at_most(1.25, "the same without that batch's forward pass", ratio(before_batch, whole("load"))),
        at_most(
            1.25, "ten subjects together less one load, against forward", ratio(less_load, seconds("ten subjects, forward"))
        ),
    ]


def at_least(bar: float, name: str, value: float, unit: str = "times") -> dict:
    """A row that holds from its bar up."""
    return {"name": name, "value": round(value, 3), "bar": bar, "unit": unit, "holds": value >= bar, "at_least": True}


def at_most(bar: float, name: str, value: float, unit: str = "times") -> dict:
    """A row that holds up to its bar."""
    row = {"name": name, "value": round(value, 3), "bar": round(bar, 3), "unit": unit}
    return {**row, "holds": value <= bar, "at_least": False}


def programs(measured: dict[str, list[dict]]) -> list[dict]:
    """Each program's own figures: seconds a question where it asked any, else seconds a process."""
    found = []
    for name, runs in measured.items():
        asks = "seconds" in runs[0]
        each = [one["seconds"] / one["questions"] if asks else one["process_s"] for one in runs]
        peaks = [one["peak_rss_bytes"] for one in runs if "peak_rss_bytes" in one]
        found.append(
            {
                "program": name,
                "unit": "s a question" if asks else "s a process",
                "median": statistics.median(each),
                "smallest": min(each),
                "largest": max(each),
                "peak_rss_bytes": max(peaks) if peaks else None,
                "flops_per_s": _median(runs, "flops_per_s"),
                "product_flops_per_s": _median(runs, "product_flops_per_s"),
            }
        )
    return found


def _median(runs: list[dict], name: str) -> float | None:
    return statistics.median(value for one in runs for value in one[name]) if name in runs[0] else None


def markdown(found: dict) -> str:
    """The content of bench.json for a reader."""
    about = found["machine"]
    lines = [
        f"{about['processor']}, {found['threads']} threads, {about['cpu_capability']}; torch {about['packages']['torch']}, "
        f"transformers {about['packages']['transformers']}; shape of {found['shape']}, random weights, real questions; medians "
        f"of {found['rounds']} alternating rounds, {found['took_s'] / 60:.0f} min. lm-eval at its fastest batch size: "
        + ", ".join(f"{size} in {name}" for name, size in found["tables"]["lm_eval_batch_size"].items()),
        "",
        "| Measured | Value | Bar | Holds |",
        "|---|---|---|---|",
    ]
    for row in found["rows"]:
        bar = f"{'≥' if row['at_least'] else '≤'} {row['bar']:.3g} {row['unit']}"
        lines.append(f"| {row['name']} | {row['value']:.3g} {row['unit']} | {bar} | {'yes' if row['holds'] else '**no**'} |")
    lines += [
        "",
        "| Program | Median | Range | Unit | Peak memory | GFLOP/s | Matrix product |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in found["tables"]["programs"]:
        range_ = f"{one['smallest']:.3f} to {one['largest']:.3f}"
        peak = f"{one['peak_rss_bytes'] / 1e9:.2f} GB" if one["peak_rss_bytes"] else "—"
        rates = [f"{one[name] / 1e9:.0f}" if one[name] else "—" for name in ("flops_per_s", "product_flops_per_s")]
        lines.append(f"| {one['program']} | {one['median']:.3f} | {range_} | {one['unit']} | {peak} | {' | '.join(rates)} |")
    return "\n".join(lines) + "\n"
