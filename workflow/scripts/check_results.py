#!/usr/bin/env python3
"""Compare every file of a study's results with the hash that run_record.json has for it.

The exit status is 1 where a file is changed, missing or extra, and 2 where nothing can be compared.
"""

import argparse
import sys
from pathlib import Path

from mmlu_kit import files, user_errors
from mmlu_kit.evaluation import records
from mmlu_kit.inputs import checkpoints
from mmlu_kit.provenance import run_record
from mmlu_kit.user_errors import UserError


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="results/<study>")
    return parser.parse_args()


def main() -> None:
    folder = arguments().folder
    path = folder / run_record.FILE
    if not path.is_file():
        raise UserError(f"{path} does not exist: `snakemake --config study={folder.name}` writes it at a run's end")
    recorded = records.read(path, "provenance")["files"]
    found = run_record.differences(recorded, folder)
    if checkpoints.digest(path) != own_hash(folder / run_record.CRATE):
        found["changed"].append(run_record.FILE)
    for kind, names in found.items():
        for name in names:
            print(f"{kind}: {name}")
    counts = {kind: len(names) for kind, names in found.items()}
    good = len(recorded) + 1 - counts["changed"] - counts["missing"]
    print(f"{good} of {len(recorded) + 1} files are as recorded; " + ", ".join(f"{n} {kind}" for kind, n in counts.items()))
    print(f"SHA-256 of {path}: {checkpoints.digest(path)}")
    if any(counts.values()):
        sys.exit(1)


def own_hash(path: Path) -> str | None:
    """The hash of run_record.json, which it cannot hold itself and the crate's description does."""
    crate = files.read_json(path)
    graph = crate.get("@graph", []) if isinstance(crate, dict) else []
    entities = [one for one in graph if isinstance(one, dict) and one.get("@id") == run_record.FILE]
    return entities[0].get("sha256") if entities else None


if __name__ == "__main__":
    sys.exit(user_errors.run(main))
