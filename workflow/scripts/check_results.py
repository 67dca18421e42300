#!/usr/bin/env python3
"""Compare every file of a study's results with the hash that provenance.json has for it.

The exit status is 1 where a file is changed, missing or extra, and 2 where nothing can be compared.
"""

import argparse
import sys
from pathlib import Path

from mmlu_kit import checkpoints, files, problems, provenance, records
from mmlu_kit.problems import Problem


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="results/<study>")
    return parser.parse_args()


def main() -> None:
    folder = arguments().folder
    path = folder / provenance.FILE
    if not path.is_file():
        raise Problem(f"{path} does not exist: `snakemake --config study={folder.name}` writes it at a run's end")
    recorded = records.read(path, "provenance")["files"]
    found = provenance.differences(recorded, folder)
    if checkpoints.digest(path) != own_hash(folder / provenance.CRATE):
        found["changed"].append(provenance.FILE)
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
    """The hash of provenance.json, which it cannot hold itself and the crate's description does."""
    crate = files.read_json(path)
    graph = crate.get("@graph", []) if isinstance(crate, dict) else []
    entities = [one for one in graph if isinstance(one, dict) and one.get("@id") == provenance.FILE]
    return entities[0].get("sha256") if entities else None


if __name__ == "__main__":
    sys.exit(problems.run(main))
