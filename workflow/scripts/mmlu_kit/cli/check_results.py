"""Compare every file of a study's results with its hash in provenance.json.

The exit status is 1 if a file is changed, missing or extra, and 2 if the results cannot be compared.
"""

import argparse
import os
import sys
from pathlib import Path

from mmlu_kit import files
from mmlu_kit.provenance import comparison
from mmlu_kit.provenance.documents import CRATE, FILE
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

EXAMPLE = "mmlu-kit check-results results/demo"
EPILOG = (
    "The hashes are stored beside the files, so a file that was changed together with its hashes is not detected. Publish the "
    f"printed SHA-256 of {FILE} elsewhere: only that makes later changes detectable."
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, metavar="FOLDER", help="a study's results: results/<study>")


def run(args: argparse.Namespace) -> None:
    path = args.results / FILE
    if not args.results.is_dir():
        raise UserError(f"{printable(args.results)} is not a folder of results: correct the path")
    if not os.path.lexists(path):
        command = f"snakemake --config study={printable(args.results.resolve().name)}"
        raise UserError(f"{printable(path)} does not exist: `{command}` writes it at the end of a run")
    provenance = comparison.read(args.results)
    differences = comparison.differences(provenance, args.results)
    for kind, names in differences._asdict().items():
        for name in names:
            print(f"{kind}: {printable(name)}")
    recorded = len(provenance.files) + 1
    changed = sum(name != CRATE for name in differences.changed)
    counts = ", ".join(f"{len(names)} {kind}" for kind, names in differences._asdict().items())
    print(f"{recorded - changed - len(differences.missing)} of {recorded} files are as recorded; {counts}")
    print(f"SHA-256 of {printable(path)}: {files.file_sha256(path)}")
    if any(differences):
        sys.exit(1)
