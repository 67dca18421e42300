"""How a study's results came to be: what was run on which data and machines, which jobs, and a hash of every file.

`run.json` is written before the report, which shows it; `provenance.json` holds the same and, after the report, all jobs and
hashes.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

from mmlu_kit import files
from mmlu_kit.evaluation import records
from mmlu_kit.inputs.checkpoints import digest
from mmlu_kit.provenance import revision
from mmlu_kit.provenance.jobs import iso

RUN = "mmlu-kit/run/1"
SCHEMA = "mmlu-kit/provenance/2"
FILE = "provenance.json"
CRATE = "ro-crate-metadata.json"
LOCKS = ("cpu.lock", "cuda.lock", "torch.txt")
# What is no result: what programs said, which may name folders of the machine, and batches of evaluations to be finished.
LEFT_OUT = ("logs", "journals")


def describe(
    merged: dict, results: Path, project: Path, begun: dict, images: dict[str, str], questions: Iterable[Path]
) -> dict:
    """The content of run.json.

    `merged` is merged.json's and `results` its folder; `begun` is what Snakemake's process knows (command, commit, changed,
    snakemake), each null or missing where nobody told; `images` are addresses or files by kind.
    """
    code = revision.hashes(project, revision.code_files(project))
    asked = merged["study"]["questions"]
    subjects = {path.name: digest(path) for path in questions}
    timings = timing_files(results)
    return {
        "schema": RUN,
        "study": merged["study"]["name"],
        "title": merged["study"]["title"],
        "command": begun.get("command"),
        "snakemake": begun.get("snakemake"),
        "started": min((timing["process_started"] for timing in timings), default=None),
        "code": {
            "commit": begun.get("commit"),
            "changed": begun.get("changed"),
            "sha256": together(code),
            "files": code,
        },
        "locks": locks(project),
        "images": {kind: image(name) for kind, name in images.items()},
        "questions": {
            "name": asked["name"],
            "repository": asked.get("repository"),
            "commit": asked.get("commit"),
            "sha256": together(subjects),
            "files": subjects,
        },
        "models": {name: model(path) for name, path in models(merged, results).items()},
        "machines": machines(timings),
    }


def models(merged: dict, results: Path) -> dict[str, Path]:
    """Of each model that ran, one of its result files: an evaluation, or what it said in a chat."""
    chatted = {
        one["model"]: results / f"chat/{one['model']}/recall.json" for one in (merged["chat"] or {"models": []})["models"]
    }
    asked = {}
    for one in merged["results"]:
        asked.setdefault(one["model"], results / (one["source"] or "") / f"evaluations/{one['model']}/{one['subject']}.json")
    return {**chatted, **asked}


def model(path: Path) -> dict:
    """Where a model came from, and the hashes of its files, as one of its result files has them."""
    found = files.read_json(path)
    about = {key: found[key] for key in ("repository", "commit")}
    return {**about, "sha256": together(found["model_files"]), "files": found["model_files"]}


def locks(project: Path) -> dict[str, str]:
    """The SHA-256 of each list of locked packages; an image has its own where the project's folder is not."""
    for folder in (project / "envs", Path("/opt/kit")):
        found = [path for name in LOCKS if (path := folder / name).is_file()]
        if found:
            return {path.name: digest(path) for path in found}
    return {}


def image(name: str) -> dict:
    """An image's name, and the SHA-256 of its file or that its address gives; null for an address without."""
    if "://" in name:
        _, _, given = name.partition("@sha256:")
        return {"name": name, "sha256": given or None}
    return {"name": Path(name).name, "sha256": digest(Path(name))}


def timing_files(results: Path) -> list[dict]:
    """Every timing file of a study, those of its timing setups too."""
    found = [files.read_json(path) for path in sorted(results.glob("**/timings/**/*.json")) if path.name != "processes.json"]
    return [timing for timing in found if records.was_run(timing)]


def machines(timings: Iterable[dict]) -> list[dict]:
    """The machines that models ran on, each once: `machine, threads` (numbers used), `models`."""
    found: list[dict] = []
    for timing in timings:
        entry = next((one for one in found if one["machine"] == timing["machine"]), None)
        if entry is None:
            entry = {"machine": timing["machine"], "threads": [], "models": []}
            found.append(entry)
        entry["threads"] = sorted({*entry["threads"], timing["threads"]})
        entry["models"] = sorted({*entry["models"], timing["model"]})
    return found


def record(run: dict, results: Path, jobs: list[dict], ended: float) -> dict:
    """The content of provenance.json; `ended` in seconds of the epoch.

    It began with the first job that made a result, or with the first evaluation, where that was another machine's.
    """
    begins = [job["started"] for job in jobs] + [run["started"] or iso(ended)]
    hashed = {name: {"bytes": (results / name).stat().st_size, "sha256": digest(results / name)} for name in listed(results)}
    return {"schema": SCHEMA, "run": run, "started": min(begins), "ended": iso(ended), "jobs": jobs, "files": hashed}


def listed(results: Path) -> list[str]:
    """The result files below a study's folder, sorted: all but logs, journals, hidden files and the two with the hashes."""
    names = [path.relative_to(results) for path in results.rglob("*") if path.is_file()]
    return sorted(
        name.as_posix()
        for name in names
        if name.parts[0] not in (*LEFT_OUT, FILE, CRATE) and not any(part.startswith(".") for part in name.parts)
    )


def differences(recorded: dict, results: Path) -> dict[str, list[str]]:
    """What is not as provenance.json's `files` have it: names that are `changed`, `missing` or `extra`."""
    there = listed(results)
    changed = [name for name in there if name in recorded and digest(results / name) != recorded[name]["sha256"]]
    return {
        "changed": changed,
        "missing": sorted(set(recorded) - set(there)),
        "extra": [name for name in there if name not in recorded],
    }


def together(hashes: dict[str, str]) -> str:
    """One SHA-256 for several files: that of what `sha256sum` prints for them, sorted by name."""
    lines = "".join(f"{value}  {name}\n" for name, value in sorted(hashes.items()))
    return hashlib.sha256(lines.encode()).hexdigest()
