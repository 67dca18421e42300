"""Show every published number beside the run's number, every claim with its two verdicts, and the counts of both.

Nothing is run. The exit status does not depend on the verdicts; only a missing or damaged claims.json is an error.
"""

import argparse
from pathlib import Path

from mmlu_kit.jobs.places import Kit
from mmlu_kit.sources import PROJECT

EXAMPLE = "mmlu-kit verify results/demo"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    add("results", type=Path, metavar="FOLDER", help="a study's results: results/<study>")
    text = "the folder with published.yaml and claims.yaml (default: the one that the study names)"
    add("--reference", type=Path, help=text)
    text = "the folder with the fetched questions and manifests, to compare results with (default: resources)"
    add("--resources", type=Path, default=Path("resources"), help=text)


def run(args: argparse.Namespace) -> None:
    from mmlu_kit.claims import listing  # it imports scipy, for which help and completion should not wait

    listing.print_claims(args.results, args.resources, args.reference, Kit(PROJECT).locate)
