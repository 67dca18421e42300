#!/usr/bin/env python3
"""Draw the figures of every group of models, of the error analysis and of the chat models, as SVG and PNG."""

import argparse
import sys
from pathlib import Path

from mmlu_kit import files, user_errors
from mmlu_kit.evaluation import records
from mmlu_kit.report import captions, chat_figures, figures, mistake_figures
from mmlu_kit.results import summaries


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--merged", type=Path, required=True, help="merged.json")
    parser.add_argument("--analysis", type=Path, required=True, help="analysis.json")
    parser.add_argument(
        "--folder", type=Path, required=True, help="where <group>_<figure>.svg, <figure>.svg and .png are written"
    )
    return parser.parse_args()


def main() -> None:
    args = arguments()
    merged = records.read(args.merged, "merged")
    args.folder.mkdir(parents=True, exist_ok=True)  # there may be nothing to draw
    for group in merged["study"]["groups"]:
        models = summaries.of_group(merged, group)
        if not models:
            print(f"{group['name']}: no results, no figures")
            continue
        rows = summaries.by_subject(merged, [summary["model"] for summary in models])
        for name, draw in figures.DRAW.items():
            for form in ("svg", "png"):
                files.write_bytes(args.folder / f"{group['name']}_{name}.{form}", figures.render(draw, form, models, rows))
        print(f"{group['name']}: {len(figures.DRAW)} figures of {len(models)} models")
    analysis = records.read(args.analysis, "analysis")
    calibrated = sum(model["calibration"] is not None for model in analysis["models"])
    names = captions.drawable(len(analysis["models"]), calibrated)
    for name in names:
        for form in ("svg", "png"):
            files.write_bytes(args.folder / f"{name}.{form}", figures.render(mistake_figures.DRAW[name], form, analysis))
    print(f"error analysis: {len(names)} figures of {len(analysis['models'])} models")
    chat = merged["chat"]
    if chat and any(model["effective"] for model in chat["models"]):
        for name, draw in chat_figures.DRAW.items():
            for form in ("svg", "png"):
                files.write_bytes(args.folder / f"{name}.{form}", figures.render(draw, form, chat))
        print(f"chat: {len(chat_figures.DRAW)} figure of {len(chat['models'])} models")


if __name__ == "__main__":
    sys.exit(user_errors.run(main))
