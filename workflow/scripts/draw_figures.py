#!/usr/bin/env python3
"""Draw the figures for every group of models, the error analysis and the chat models, as SVG and PNG."""

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any

from mmlu_kit import files, user_errors
from mmlu_kit.analysis import reading
from mmlu_kit.report import captions, chat_figures, figures, leaderboard, mistake_figures, protocol_figures, size_figure
from mmlu_kit.results import study_results, summaries


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    study_results.add_options(parser)
    parser.add_argument("--analysis", type=Path, required=True, help="analysis.json")
    parser.add_argument(
        "--folder", type=Path, required=True, help="where <group>_<figure>.svg, <figure>.svg and .png are written"
    )
    return parser.parse_args()


def main() -> None:
    args = arguments()
    results = study_results.checked(args)
    merged, analysis = results.merged, reading.read(args.analysis, results)
    args.folder.mkdir(parents=True, exist_ok=True)  # there may be nothing to draw

    def draw(name: str, figure: Callable[..., Any], *data: Any) -> None:
        for form in ("svg", "png"):
            files.write_bytes(args.folder / f"{name}.{form}", figures.render(figure, form, *data))

    for group in merged.study.groups:
        models = summaries.summarize_group(merged, group)
        if not models:
            print(f"{group.name}: no results, no figures")
            continue
        rows = summaries.by_subject(merged, [summary.model for summary in models])
        drawn = captions.drawable_of_group(models)
        for name in drawn:
            draw(f"{group.name}_{name}", figures.DRAW[name], models, rows)
        print(f"{group.name}: {len(drawn)} figures of {len(models)} models")
    placed = leaderboard.entries(merged)
    if size_figure.drawable(placed):
        for name, of_sizes in size_figure.DRAW.items():
            draw(name, of_sizes, placed)
        print(f"sizes: 1 figure of {len(placed)} models")
    names = captions.drawable(analysis)
    for name in names:
        draw(name, mistake_figures.DRAW[name], analysis)
    print(f"error analysis: {len(names)} figures of {len(analysis.models)} models")
    for name in captions.of_protocols(analysis):
        draw(name, protocol_figures.DRAW[name], analysis)
        print("protocols: 1 figure")
    if merged.chat and merged.chat.models:
        for name, chat_figure in chat_figures.DRAW.items():
            draw(name, chat_figure, merged.chat)
        print(f"chat: {len(chat_figures.DRAW)} figure of {len(merged.chat.models)} models")


if __name__ == "__main__":
    user_errors.run(main)
