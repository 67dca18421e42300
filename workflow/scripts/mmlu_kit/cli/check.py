"""Show what a study will fetch, need, skip and take, without running anything.

The exit status is 0 if nothing is known that keeps it from running here, else 2; the last line says what to do first.
"""

import argparse
import os
from pathlib import Path

from mmlu_kit import config as configs
from mmlu_kit import formatting, sources
from mmlu_kit.cli import study_options
from mmlu_kit.jobs import images
from mmlu_kit.user_errors import UserError

EXAMPLE = "mmlu-kit check --study writeup --only small"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    study_options.add_arguments(parser)
    text = "jobs run on other machines, as on a cluster: this one's memory and GPUs do not matter"
    parser.add_argument("--cluster", action="store_true", help=text)


def run(args: argparse.Namespace) -> None:
    config = study_options.read(args)
    study = study_options.resolve(config)
    if study.reference:
        from mmlu_kit.claims import reading  # it imports scipy, for which no other study should wait

        reading.reference(Path(study_options.KIT.locate(study.reference)))
    names = images.located(dict(configs.parse(config).images), study_options.KIT.locate)
    # As in the Snakefile; the hub's client reads it when it is imported.
    os.environ["HF_HUB_CACHE"] = os.environ.get("HF_HUB_CACHE") or "resources/hub"
    from mmlu_kit.jobs.overview import Overview

    overview = Overview(study, Path("results") / study.name, Path("resources"), names, args.cluster)
    print("\n".join(overview.lines), flush=True)
    if not overview.problems:
        sources.clone("running this study")
        print("\nNothing is known that keeps this study from running.")
        return
    first, *others = overview.problems
    if others:
        print("\n".join(["", "PROBLEMS", *overview.problems]), flush=True)
    number = f" (the first of {formatting.plural(len(overview.problems), 'problem')})" if others else ""
    raise UserError(f"{first}{number}")
