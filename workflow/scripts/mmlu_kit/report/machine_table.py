"""The machines of a study beside each other: what they are, what ran on them how fast, and what their memory can hold."""

from mmlu_kit.models import memory
from mmlu_kit.results import summaries

# In the order of a table: dtype, quantization.
FORMATS = (("float32", "none"), ("bfloat16", "none"), ("bfloat16", "8bit"), ("bfloat16", "4bit"))


def compared(merged: dict) -> list[dict]:
    """Of merged.json's machines, each with `machine, sources` (folders of results that came from there), `runs` [{model,
    effective, questions, real_s}] and `largest` models by `FORMATS`; `real_s` is None where a run was resumed."""
    found = [{"machine": machine, "sources": [], "runs": {}, "largest": largest(machine)} for machine in merged["machines"]]
    for result in merged["results"]:
        if result["machine"] is None:
            continue
        here = found[result["machine"]]
        if result["source"] and result["source"] not in here["sources"]:
            here["sources"].append(result["source"])
        effective = merged["models"][result["model"]]["effective"]
        run = here["runs"].setdefault(result["model"], {"effective": effective, "questions": 0, "real_s": 0.0})
        run["questions"] += result["totals"]["questions"]
        known = run["real_s"] is not None and result["real_s"] is not None
        run["real_s"] = run["real_s"] + result["real_s"] if known else None
    ran = summaries.order(merged)
    return [{**one, "runs": [{"model": name, **one["runs"][name]} for name in ran if name in one["runs"]]} for one in found]


def largest(machine: dict) -> list[dict]:
    """`format, parameters`: the largest models that a machine's memory can hold, its GPU's where it has one."""
    room = machine["gpu_memory_bytes"] or machine["memory_bytes"]
    return [
        {
            "format": dtype if quantization == "none" else quantization,
            "parameters": memory.largest(room, dtype, quantization),
        }
        for dtype, quantization in FORMATS
    ]
