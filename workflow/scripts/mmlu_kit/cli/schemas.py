"""Write workflow/schemas: the JSON schema of every file, from the data models."""

import argparse
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel

from mmlu_kit import files, sources
from mmlu_kit.analysis.document import AnalysisFile
from mmlu_kit.chat.states import SavedChat
from mmlu_kit.claims.document import ClaimsFile
from mmlu_kit.config import Config
from mmlu_kit.evaluation.records import Evaluation, NotRun, Timing
from mmlu_kit.evaluation.scores import Scores
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.provenance.diff_document import RunDiff
from mmlu_kit.provenance.documents import ProvenanceFile, RunFile
from mmlu_kit.recall.documents import ChatFile, RecallFile, RecallTimesFile, TranscriptsFile
from mmlu_kit.results.merged import Merged
from mmlu_kit.results.stability import StabilityFile
from mmlu_kit.results.timing_setups import SetupsFile
from mmlu_kit.timing.time_logs import Processes

EXAMPLE = "mmlu-kit schemas --folder schemas"
MODELS: dict[str, type[BaseModel]] = {
    "analysis": AnalysisFile,
    "chat": ChatFile,
    "claims": ClaimsFile,
    "config": Config,
    "conversation": SavedChat,
    "diff": RunDiff,
    "evaluation": Evaluation,
    "merged": Merged,
    "model": Manifest,
    "not_run": NotRun,
    "processes": Processes,
    "provenance": ProvenanceFile,
    "recall": RecallFile,
    "recall_times": RecallTimesFile,
    "run": RunFile,
    "scores": Scores,
    "setups": SetupsFile,
    "stability": StabilityFile,
    "timing": Timing,
    "transcripts": TranscriptsFile,
}


def schema(name: str) -> dict[str, Any]:
    """The JSON schema of one kind of file: config as people write it, all other files as the kit writes them."""
    mode: Literal["validation", "serialization"] = "validation" if name == "config" else "serialization"
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **MODELS[name].model_json_schema(mode=mode)}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--folder", type=Path, help="the folder to write to (default: the project's workflow/schemas)")


def run(args: argparse.Namespace) -> None:
    folder = args.folder or sources.clone("mmlu-kit schemas without --folder") / "workflow/schemas"
    for name in MODELS:
        files.write_json(folder / f"{name}.json", schema(name))
    print(f"{len(MODELS)} schemas written to {folder}")
