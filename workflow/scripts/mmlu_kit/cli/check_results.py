"""Compare every file of a study's results with its hash in provenance.json.

The exit status is 1 if a file is changed, missing or extra, and 2 if the results cannot be compared.
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
        raise UserError(f"{path} does not exist: `snakemake --config study={args.results.name}` writes it at the end of a run")
    recorded = ProvenanceFile.read(path).files
    differences = run_record.differences(recorded, args.results)
    if digest(path) != provenance_hash(args.results / run_record.CRATE):
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


def provenance_hash(path: Path) -> str | None:
    """The hash of provenance.json, which the RO-Crate's metadata in `path` records; None if they do not."""
    crate = files.read_json(path)
    graph = crate.get("@graph", []) if isinstance(crate, dict) else []
    hashes = [entity.get("sha256") for entity in graph if isinstance(entity, dict) and entity.get("@id") == run_record.FILE]
    return str(hashes[0]) if hashes else None
