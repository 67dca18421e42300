#!/usr/bin/env python3
"""Fetch a model from the hub at a pinned commit, or use local files; check it and write its manifest."""

import argparse
from pathlib import Path

from mmlu_kit import options, user_errors
from mmlu_kit.inputs import checkpoints
from mmlu_kit.model_sources import ModelSource
from mmlu_kit.user_errors import UserError


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog="Models are cached in HF_HUB_CACHE; gated ones need HF_TOKEN or `hf auth login`."
    )
    add = parser.add_argument
    text = 'where the model comes from, as in config, as JSON text: \'{"repository": "owner/name", "commit": "…"}\''
    add("--source", required=True, help=text)
    add("--output", type=Path, required=True, help="the manifest to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    source = options.from_json(ModelSource, args.source, "--source")
    if source.path:
        path = Path(source.path)
    elif source.repository and source.commit:
        from mmlu_kit.inputs import hub

        print(f"Fetching {source.repository} at {source.commit} …", flush=True)
        where = source.repository, source.commit
        path = hub.fetch_gguf(*where, source.file) if source.file else hub.fetch_model(*where)
        if path.is_relative_to(Path.cwd()):
            path = path.relative_to(Path.cwd())  # so that the project can be moved with its cache
    else:
        raise UserError("--source: needs either 'path' or 'repository' with 'commit'")
    manifest = checkpoints.describe(path, source.repository, source.commit)
    manifest.write(args.output)
    print(f"{path}: {manifest.parameters:,} parameters in {manifest.checkpoint_bytes:,} bytes")


if __name__ == "__main__":
    user_errors.run(main)
