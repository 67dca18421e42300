"""Compare every file of a study's results with the hash that provenance.json has for it.

The exit status is 1 where a file is changed, missing or extra, and 2 where nothing can be compared.
"""

import argparse
import sys
from pathlib import Path

from mmlu_kit import files
from mmlu_kit.inputs.checkpoints import digest
from mmlu_kit.provenance import run_record
from mmlu_kit.provenance.documents import ProvenanceFile
from mmlu_kit.user_errors import UserError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, metavar="FOLDER", help="a study's results: results/<study>")


def run(args: argparse.Namespace) -> None:
    path = args.results / run_record.FILE
    if not path.is_file():
        raise UserError(f"{path} does not exist: `snakemake --config study={args.results.name}` writes it at a run's end")
    recorded = ProvenanceFile.read(path).files
    differences = run_record.differences(recorded, args.results)
    if digest(path) != own_hash(args.results / run_record.CRATE):
        differences.changed.append(run_record.FILE)
    for kind, names in differences._asdict().items():
        for name in names:
            print(f"{kind}: {name}")
    files_recorded = len(recorded) + 1
    unchanged = files_recorded - len(differences.changed) - len(differences.missing)
    counts = ", ".join(f"{len(names)} {kind}" for kind, names in differences._asdict().items())
    print(f"{unchanged} of {files_recorded} files are as recorded; {counts}")
    print(f"SHA-256 of {path}: {digest(path)}")
    if any(differences):
        sys.exit(1)


def own_hash(path: Path) -> str | None:
    """The hash of provenance.json, which it cannot hold itself and the crate's description does."""
    crate = files.read_json(path)
    graph = crate.get("@graph", []) if isinstance(crate, dict) else []
    hashes = [entity.get("sha256") for entity in graph if isinstance(entity, dict) and entity.get("@id") == run_record.FILE]
    return str(hashes[0]) if hashes else None
