#!/usr/bin/env python3
"""Fetch a model from the hub at a pinned commit, or use a local folder; check it and write its manifest."""

import argparse
from pathlib import Path

from mmlu_kit import user_errors
from mmlu_kit.inputs import checkpoints


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="Models are cached in HF_HUB_CACHE; gated ones need HF_TOKEN or `hf auth login`."
    )
    add = parser.add_argument
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--folder", type=Path, help="a local model folder")
    source.add_argument("--repository", help="a repository of the hub, owner/name")
    add("--commit", help="the repository's full commit")
    add("--output", type=Path, required=True, help="the manifest to write")
    args = parser.parse_args()
    if (args.repository is None) != (args.commit is None):
        parser.error("--repository and --commit go together")
    return args


def main() -> None:
    args = arguments()
    folder = args.folder
    if args.repository:
        from mmlu_kit.inputs import hub

        print(f"Fetching {args.repository} at {args.commit} …", flush=True)
        folder = hub.fetch_model(args.repository, args.commit)
        if folder.is_relative_to(Path.cwd()):
            folder = folder.relative_to(Path.cwd())  # so that the project can be moved with its cache
    manifest = checkpoints.describe(folder, args.repository, args.commit)
    manifest.write(args.output)
    print(f"{folder}: {manifest.parameters:,} parameters in {manifest.checkpoint_bytes:,} bytes")


if __name__ == "__main__":
    user_errors.run(main)
