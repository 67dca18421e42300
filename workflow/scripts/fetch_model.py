#!/usr/bin/env python3
"""Fetch a model from the hub at a pinned commit, or use local files; check it and write its manifest."""

import argparse
from pathlib import Path

from mmlu_kit import options, user_errors
from mmlu_kit.inputs import checkpoints
from mmlu_kit.model_sources import AdapterSource, ModelSource
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
    # The adapter first, since what is wrong with it is known before the model's weights are fetched.
    adapter = local(source.adapter, "--source: adapter") if source.adapter else None
    path = local(source, "--source")
    manifest = checkpoints.describe(path, source.repository, source.commit)
    if source.adapter and adapter:
        manifest = checkpoints.adapted(manifest, adapter, source.adapter.repository, source.adapter.commit)
    manifest.write(args.output)
    print(f"{path}: {manifest.parameters:,} parameters in {manifest.checkpoint_bytes:,} bytes")
    if manifest.adapter:
        print(f"with {manifest.adapter.in_words()}")


def local(source: ModelSource | AdapterSource, where: str) -> Path:
    """Return the local folder or file of a source, which are fetched first if it is a repository."""
    if source.path:
        return Path(source.path)
    if not (source.repository and source.commit):
        raise UserError(f"{where}: needs either 'path' or 'repository' with 'commit'")
    from mmlu_kit.inputs import hub

    print(f"Fetching {source.repository} at {source.commit} …", flush=True)
    if isinstance(source, AdapterSource):
        path = hub.fetch_adapter(source.repository, source.commit)
    elif source.file:
        path = hub.fetch_gguf(source.repository, source.commit, source.file)
    else:
        path = hub.fetch_model(source.repository, source.commit)
    # Relative, so that the project can be moved with its cache.
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


if __name__ == "__main__":
    user_errors.run(main)
