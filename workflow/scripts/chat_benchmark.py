#!/usr/bin/env python3
"""Run the recall experiment: tell a chat model facts, ask for them later, and measure recall and cost under each strategy."""

import argparse
from pathlib import Path

from mmlu_kit import options, user_errors
from mmlu_kit.chat import views
from mmlu_kit.evaluation.journal import Journal
from mmlu_kit.evaluation.records import NotRun
from mmlu_kit.inputs import checkpoints
from mmlu_kit.recall import conversations, scripts
from mmlu_kit.settings import OnUnavailable
from mmlu_kit.user_errors import UserError

RECALL = Path(__file__).parents[1] / "recall"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="Example: python workflow/scripts/chat_benchmark.py --model workflow/demo/models/demo-chat --trials 2 "
        "--recall /tmp/recall.json --times /tmp/times.json",
    )
    add = parser.add_argument
    add("--model", type=Path, required=True, help="a model folder in Hugging Face form, or a manifest by fetch_model.py")
    add("--name", help="the model's name in results (default: its folder's name)")
    add("--conversations", type=Path, default=RECALL / "conversations.yaml", help="the file that conversations are made from")
    add("--examples", type=Path, default=RECALL / "transcripts.yaml", help="the file with the writeup's example")
    add(
        "--strategies", nargs="+", default=["none", "full", "last_turns(2)", "token_budget(128)"],
        metavar="STRATEGY", help="none, full, last_turns(N), token_budget(T) (default: one of each)",
    )  # fmt: skip
    add("--distances", nargs="+", type=int, default=[1, 2, 4, 8, 16], metavar="D", help="turns between fact and question")
    add("--trials", type=int, default=10, help="conversations of each kind at each distance (default: 10)")
    add("--timed", type=int, default=2, help="conversations timed for each strategy and distance (default: 2)")
    add("--max-new-tokens", type=int, default=48, metavar="N", help="the longest reply, in tokens (default: 48)")
    add("--seed", type=int, default=2026, help="seed for facts, values and small talk (default: 2026)")
    options.add_loading(parser)
    options.add_template_arguments(parser)
    add("--threads", type=options.positive, help="processor threads (default: all cores)")
    add("--journal", type=Path, metavar="FILE", help="keep replies in this file, so that a killed run resumes")
    add("--recall", type=Path, required=True, metavar="FILE", help="the JSON file of prompts and replies to write")
    add("--times", type=Path, required=True, metavar="FILE", help="the JSON file of times to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    strategies = list(map(views.parse, args.strategies))
    material = conversations.read(args.conversations)
    example = scripts.read(args.examples).alice
    requested = options.load_settings(args)
    template_arguments = options.template_arguments(args)
    manifest = checkpoints.verified_manifest(args.model)
    name = args.name or manifest.path.name

    # torch and transformers take seconds to import, so --help and the checks above come first.
    import torch
    from mmlu_kit.evaluation.chat_templates import ChatTemplate
    from mmlu_kit.models import loading, tokenizers
    from mmlu_kit.recall.experiment import Experiment, Plan

    if args.threads:
        torch.set_num_threads(args.threads)
    tokenizer = tokenizers.load_tokenizer(manifest.path)
    if not tokenizer.chat_template:
        raise UserError(f"{name} has no chat template, so it cannot chat: leave it out of the study's chat.models")
    template = ChatTemplate(tokenizer, template_arguments)
    loaded = loading.load(manifest, requested, OnUnavailable(args.on_unavailable))
    if loaded.model is None:
        print(f"Not run: {loaded.reason}")
        for path in (args.recall, args.times):
            NotRun(model=name, requested=requested, reason=loaded.reason or "", subject="chat").write(path)
        return

    plan = Plan(strategies, args.distances, args.trials, args.timed, args.max_new_tokens, args.seed)
    experiment = Experiment(name, manifest, requested, loaded, template, material, example, plan)
    journal = Journal(args.journal, experiment.journal_key()) if args.journal else None
    recall = experiment.recall(journal)
    recall.write(args.recall)
    experiment.times().write(args.times)
    if journal:
        journal.remove()
    prompts = len(experiment.prompts)
    recalled = sum(probe.replies.model.outcome == "right" for probe in recall.probes)
    print(f"{name}: {len(recall.trials)} conversations under {len(strategies)} strategies, {prompts} prompts")
    print(f"{recalled} of {len(recall.probes)} replies name the right value")


if __name__ == "__main__":
    user_errors.run(main)
