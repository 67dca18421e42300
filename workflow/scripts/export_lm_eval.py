#!/usr/bin/env python3
"""Export a study's results in the form of lm-eval's results and samples files, one folder a model."""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from mmlu_kit import files, user_errors
from mmlu_kit.evaluation import records
from mmlu_kit.inputs import checkpoints, questions
from mmlu_kit.results import lm_eval_export, summaries


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--results", type=Path, required=True, help="the study's results, results/<study>, with merged.json")
    add("--resources", type=Path, default=Path("resources"), help="where questions were fetched (default: resources)")
    add("--output", type=Path, required=True, metavar="FOLDER", help="write <model>/results_*.json and samples_*.jsonl there")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    merged = records.read(args.results / "merged.json", "merged")
    source = merged["study"]["questions"]
    folder = args.resources / "subjects" / f"{source['name']}@{source.get('commit', 'local')}"
    for model in merged["models"]:
        if summaries.imported(merged, model):
            print(f"{model}: left out, as nothing is known of its answers but letters")
            continue
        made = [result for result in merged["results"] if result["model"] == model]
        homes = [args.results / (result["source"] or "") for result in made]
        names = [f"{model}/{result['subject']}.json" for result in made]
        evaluations = [records.read(home / "evaluations" / name, "evaluation") for home, name in zip(homes, names, strict=True)]
        timings = [records.read(home / "timings" / name, "timing") for home, name in zip(homes, names, strict=True)]
        reader = tokenizer(args.resources, model, merged["study"]["models"][model], evaluations[0])
        asked = [questions.read_jsonl(folder / f"{result['subject']}.jsonl") for result in made]
        samples = [lm_eval_export.samples(one, found, reader) for one, found in zip(evaluations, asked, strict=True)]
        place, when = args.output / lm_eval_export.sanitized(model), lm_eval_export.date(timings)
        written = lm_eval_export.results(merged, model, evaluations, timings, samples)
        for name, found in zip(written["results"], samples, strict=True):
            lines = [json.dumps(sample, ensure_ascii=False) + "\n" for sample in found]
            files.write_text(place / f"samples_{name}_{when}.jsonl", "".join(lines))
        text = json.dumps(written, indent=2, ensure_ascii=False, allow_nan=False)
        files.write_text(place / f"results_{when}.json", text)
        print(f"{model}: {place}, {len(samples)} tasks, {sum(map(len, samples))} samples")


def tokenizer(resources: Path, model: str, entry: dict, evaluation: dict) -> Any:
    """The model's tokenizer where its chat template made the prompts, else None: it takes seconds to import."""
    if evaluation["requested"]["preset"] != "chat":
        return None
    from mmlu_kit.models import transformers_model

    manifest = checkpoints.opened(resources / "models" / f"{model}@{entry.get('commit', 'local')}.json")
    return transformers_model.load_tokenizer(manifest["folder"])


if __name__ == "__main__":
    sys.exit(user_errors.run(main))
