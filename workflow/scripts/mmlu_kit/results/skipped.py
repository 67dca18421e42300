"""The "not run" placeholders of evaluations that a machine could not run (`on_unavailable: skip`)."""

from pathlib import Path

from mmlu_kit.evaluation import records
from mmlu_kit.user_errors import UserError


def forget(results: Path) -> int:
    """Delete a study's "not run" placeholders so that the next run tries those models again; return how many were deleted."""
    if not results.is_dir():
        raise UserError(f"{results}: this study has no results yet: run it first")
    folders = ("evaluations", "timings", "setups", "chat")
    paths = [path for folder in folders for path in sorted((results / folder).rglob("*.json"))]
    placeholders = [path for path in paths if records.is_not_run(path)]
    # Snakemake rebuilds a missing file only if an output made from it is missing too.
    outputs = [results / name for name in ("setups.json", "chat.json", "merged.json")] if placeholders else []
    for path in placeholders + outputs:
        path.unlink(missing_ok=True)
    return len(placeholders)
