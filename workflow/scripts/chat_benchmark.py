#!/usr/bin/env python3
"""Tell a chat model facts, ask for them later, and see under each strategy what it still knows and what that costs."""

import argparse
import itertools
import json
import sys
from pathlib import Path
from typing import Any

from mmlu_kit import files, options, progress, sources, user_errors
from mmlu_kit.chat import views
from mmlu_kit.evaluation import records
from mmlu_kit.evaluation.journal import Journal
from mmlu_kit.inputs import checkpoints
from mmlu_kit.recall import conversations, sessions
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
    add("--name", help="how the model is called in results (default: its folder's name)")
    add("--conversations", type=Path, default=RECALL / "conversations.yaml", help="what conversations are made of")
    add("--examples", type=Path, default=RECALL / "transcripts.yaml", help="the file with the example with history on and off")
    add(
        "--strategies", nargs="+", type=views.parse, default=["none", "full", "last_turns(2)", "token_budget(128)"],
        metavar="STRATEGY", help="none, full, last_turns(N), token_budget(T) (default: one of each)",
    )  # fmt: skip
    add("--distances", nargs="+", type=int, default=[1, 2, 4, 8, 16], metavar="D", help="turns between fact and question")
    add("--trials", type=int, default=10, help="conversations of each kind and distance (default: 10)")
    add("--timed", type=int, default=2, help="how many of each strategy and distance are timed (default: 2)")
    add("--max-new-tokens", type=int, default=48, metavar="N", help="tokens of a reply at most (default: 48)")
    add("--seed", type=int, default=2026, help="chooses facts, values and what else is said (default: 2026)")
    options.add_loading(parser)
    add("--threads", type=int, help="processor threads (default: all cores)")
    add("--journal", type=Path, metavar="FILE", help="keep replies there, to go on after a kill")
    add("--recall", type=Path, required=True, metavar="FILE", help="the JSON file of prompts and replies to write")
    add("--times", type=Path, required=True, metavar="FILE", help="the JSON file of times to write")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    strategies = [views.parse(one) if isinstance(one, str) else one for one in args.strategies]
    material = conversations.read(args.conversations)
    alice = sessions.read(args.examples)["alice"]
    trials = conversations.trials(material, tuple(args.distances), args.trials, args.seed)
    manifest = checkpoints.opened(args.model)
    name = args.name or Path(manifest["folder"]).name

    # torch and transformers take seconds to import: --help and every mistake above come before them.
    import torch
    from mmlu_kit import settings
    from mmlu_kit.chat import replies
    from mmlu_kit.models import loading, transformers_model
    from mmlu_kit.recall import judging, probes, times
    from mmlu_kit.timing import machine

    if args.threads:
        torch.set_num_threads(args.threads)
    requested = {setting: getattr(args, setting) for setting in settings.SETTINGS}
    tokenizer = transformers_model.load_tokenizer(manifest["folder"])
    if not tokenizer.chat_template:
        raise UserError(f"{name} has no chat template, so it cannot chat: leave it out of the study's chat.models")
    model, effective, reason = loading.load(manifest, requested, args.on_unavailable)
    if model is None:
        print(f"Not run: {reason}")
        for path in (args.recall, args.times):
            files.write_json(path, records.not_run(name, requested, reason, "chat"))
        return

    context = transformers_model.context_length(model)
    limit = None if context is None else context - args.max_new_tokens
    replier = replies.Replier(model, tokenizer)
    asked = probes.probes(trials, strategies, tokenizer, limit)
    prompts = probes.distinct(asked)
    code = sources.sources(replies.__file__) + sources.sources(transformers_model.__file__)
    key = {
        "files": manifest["files"],
        "prompts": files.sha256(json.dumps(prompts)),
        "computed": [*(effective[setting] for setting in requested), args.max_new_tokens, torch.get_num_threads()],
        "device": machine.device_class(torch, model.device.type),
        "packages": machine.packages(),
        "code": [checkpoints.digest(Path(path)) for path in code],
    }
    journal = Journal(args.journal, key) if args.journal else None
    answers = ask(name, prompts, replier, args.max_new_tokens, journal)
    looked_up = probes.looked_up(asked, tokenizer, material)
    example = conversations.example(material, **alice)
    said = [message["content"] for message in example.messages if message["role"] == "user"]
    shown = {}
    for mode, kind in (("on", "full"), ("off", "none")):
        replier.forget()
        turns = sessions.converse(
            example.messages[:1], said, views.Strategy(kind), tokenizer, replier, limit, args.max_new_tokens
        )
        shown[mode] = {"turns": turns, "outcome": judging.outcome(turns[-1]["assistant"], example, material)}
    about = {"model": name, "repository": manifest["repository"], "commit": manifest["commit"]}
    result = {
        "schema": "mmlu-kit/recall/1",
        **about,
        "parameters": manifest["parameters"],
        "model_files": {name: entry["sha256"] for name, entry in manifest["files"].items()},
        "requested": requested,
        "effective": effective,
        "reason": reason,
        "context": context,
        "strategies": list(map(str, strategies)),
        "distances": args.distances,
        "trials_each": args.trials,
        "max_new_tokens": args.max_new_tokens,
        "seed": args.seed,
        "trials": [probes.described(trial) for trial in trials],
        "probes": [
            probes.record(probe, trials[probe.trial], {"model": answers[probe.ids], "oracle": looked_up[probe.ids]}, material)
            for probe in asked
        ],
        "alice": shown,
    }
    files.write_json(args.recall, result)
    chosen = [(probe, trials[probe.trial]) for probe in times.chosen(asked, trials, args.timed)]
    measured = {
        "schema": "mmlu-kit/recall_times/1",
        **about,
        "machine": machine.describe(torch),
        "threads": torch.get_num_threads(),
        **measure(name, chosen, material, tokenizer, replier, limit, args.max_new_tokens),
    }
    files.write_json(args.times, measured)
    if journal:
        journal.remove()
    recalled = sum(probe["replies"]["model"]["outcome"] == "right" for probe in result["probes"])
    print(f"{name}: {len(trials)} conversations under {len(strategies)} strategies, {len(prompts)} prompts asked")
    print(f"{recalled} of {len(asked)} replies name the right value")


def ask(name: str, prompts: list, replier: Any, max_new_tokens: int, journal: Journal | None) -> dict:
    """The replies to all prompts, by their tokens; `journal` has those of an earlier run and takes the new ones."""
    from mmlu_kit.recall import probes

    kept = journal.kept if journal else {}
    with progress.Bar(f"{name} recall", len(prompts) - sum(map(len, kept.values()))) as bar:

        def done(number: int, said: list[dict]) -> None:
            if journal:
                journal.append(number, said)
            bar.advance(len(said))

        return probes.answers(prompts, replier, max_new_tokens, kept, done)


def measure(name: str, chosen: list, material: Any, tokenizer: Any, replier: Any, limit: int | None, most: int) -> dict:
    """The times of `chosen` probes' first tokens and of messages that need no history."""
    from mmlu_kit.recall import times

    times.first_token(*chosen[0], replier)  # the first call on a device takes longer than any later one
    alone = material.independent
    with progress.Bar(f"{name} times", len(chosen) + len(times.MODES) * len(alone)) as bar:
        first = []
        for probe, trial in chosen:
            first.append(times.first_token(probe, trial, replier))
            bar.advance(1)
        asked = [
            times.independent(material.system, alone, mode, tokenizer, replier, limit, most, bar.advance)
            for mode in times.MODES
        ]
    return {"first_token": first, "independent": list(itertools.chain(*asked))}


if __name__ == "__main__":
    sys.exit(user_errors.run(main))
