"""Show every published number beside the run's number, every claim with its two verdicts, and the counts of both.

Nothing is run. The exit status does not depend on the verdicts; only a missing or damaged claims.json is an error.
"""

import argparse
from pathlib import Path

from mmlu_kit.claims import listing
from mmlu_kit.sources import PROJECT

REFERENCE = PROJECT / "workflow/reference"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("results", type=Path, metavar="FOLDER", help="a study's results: results/<study>")


def run(args: argparse.Namespace) -> None:
    listing.print_claims(args.results, REFERENCE)
