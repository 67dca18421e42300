#!/usr/bin/env python3
"""Show what of a study is done, what is in progress and how long is left, while it runs or after."""

import argparse
import sys
from pathlib import Path

import yaml
from mmlu_kit import user_errors
from mmlu_kit.results import status
from mmlu_kit.study import resolve
from mmlu_kit.user_errors import UserError


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--study", help="which study (default: the one that config names)")
    add("--only", nargs="*", help="which of its groups, as in config")
    add("--configfile", type=Path, nargs="*", default=[], help="files that add to config.yaml, as for snakemake")
    return parser.parse_args()


def added(config: dict, more: dict) -> dict:
    """`config` with what `more` changes, key by key and as deep as both go: what Snakemake makes of several files."""
    both = {key: added(config[key], more[key]) for key in config.keys() & more.keys() if isinstance(config[key], dict)}
    return {**config, **more, **both}


def read(path: Path) -> dict:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"there is no {path}: run this in the project's folder") from None
    except yaml.YAMLError as error:
        raise UserError(f"{path} is not a YAML file: {error}") from None


def main() -> None:
    args = arguments()
    config: dict = {}
    for path in [Path("config.yaml"), *args.configfile]:
        config = added(config, read(path))
    chosen = {"study": args.study, "only": args.only}
    study = resolve(config | {key: value for key, value in chosen.items() if value})
    for line in status.lines(study, Path("results") / study["name"], Path("resources")):
        print(line)


if __name__ == "__main__":
    sys.exit(user_errors.run(main))
