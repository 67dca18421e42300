#!/usr/bin/env python3
"""Have a model chat with a scripted user under a sliding window, under a token budget, and across a save and a restore."""

import argparse
import concurrent.futures
import multiprocessing
import sys
import tempfile
from pathlib import Path

from mmlu_kit import files, options, progress, settings, user_errors
from mmlu_kit.evaluation import records
from mmlu_kit.inputs import checkpoints
from mmlu_kit.recall import conversations, sessions, transcripts

RECALL = Path(__file__).parents[1] / "recall"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--model", type=Path, required=True, help="a model folder in Hugging Face form, or a manifest by fetch_model.py")
    add("--name", help="how the model is called in results (default: its folder's name)")
    add("--conversations", type=Path, default=RECALL / "conversations.yaml", help="the file with the system message")
    add("--users", type=Path, default=RECALL / "transcripts.yaml", help="what the user says in each chat")
    add("--max-new-tokens", type=int, default=48, metavar="N", help="tokens of a reply at most (default: 48)")
    options.add_loading(parser)
    add("--threads", type=int, help="processor threads (default: all cores)")
    add("--folder", type=Path, required=True, help="where the three .md files and transcripts.json are written")
    return parser.parse_args()


def chat(manifest: dict, system: str, parts: list[tuple], args: argparse.Namespace, state: Path) -> dict:
    """Load the model and have these chats, each (strategy, what the user says, 'keep', 'save' or 'restore').

    A restored chat begins with what `state` holds, a saved one is written there. Runs in a process of its own.
    """
    import torch
    from mmlu_kit.chat import replies, states
    from mmlu_kit.models import loading, transformers_model

    if args.threads:
        torch.set_num_threads(args.threads)
    tokenizer = transformers_model.load_tokenizer(manifest["folder"])
    requested = {setting: getattr(args, setting) for setting in settings.SETTINGS}
    model, effective, reason = loading.load(manifest, requested, args.on_unavailable)
    if model is None:
        return {"effective": None, "reason": reason, "chats": []}
    context = transformers_model.context_length(model)
    limit = None if context is None else context - args.max_new_tokens
    found = []
    for strategy, said, what in parts:
        log = states.load(state)["messages"] if what == "restore" else sessions.messages(system, [])
        replier = replies.Replier(model, tokenizer)
        with progress.Bar(f"{strategy} chat", len(said)) as bar:
            turns = sessions.converse(log, said, strategy, tokenizer, replier, limit, args.max_new_tokens, bar.advance)
        if what == "save":
            about = states.model_identity(args.name, manifest)
            states.save(state, sessions.messages(system, turns), strategy, about, states.template_digest(tokenizer))
        found.append(turns)
    return {"effective": effective, "reason": reason, "chats": found}


def in_a_process(*given: object) -> dict:
    """`chat` in a new process, which has ended when this returns."""
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        return pool.submit(chat, *given).result()


def main() -> None:
    args = arguments()
    material, users = conversations.read(args.conversations), sessions.read(args.users)
    manifest = checkpoints.opened(args.model)
    args.name = args.name or Path(manifest["folder"]).name
    asked = {title: (users[title]["strategy"], users[title]["user"]) for title in transcripts.TITLES}
    strategy, said = asked["saved_and_restored"]
    place = users["saved_and_restored"]["saved_after"]
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "chat.json"
        parts = [(*asked[title], "keep") for title in asked if title != "saved_and_restored"]
        first = in_a_process(manifest, material.system, [*parts, (strategy, said[:place], "save")], args, state)
        if not first["effective"]:
            skip(args, first["reason"])
            return
        parts = [(strategy, said[place:], "restore"), (strategy, said, "keep")]
        second = in_a_process(manifest, material.system, parts, args, state)
    restored, unbroken = second["chats"]
    turns = dict(zip(asked, first["chats"], strict=True))
    turns["saved_and_restored"] += restored
    notes = {"saved_and_restored": [transcripts.comparison(turns["saved_and_restored"], unbroken, place)]}
    about = {
        "model": args.name,
        "commit": manifest["commit"],
        "effective": settings.in_words(first["effective"]),
        "max_new_tokens": args.max_new_tokens,
    }
    for title, found in turns.items():
        text = transcripts.document(title, about, str(asked[title][0]), material.system, found, notes.get(title, []))
        files.write_text(args.folder / f"{title}.md", text)
    result = {
        "schema": "mmlu-kit/transcripts/1",
        "model": args.name,
        "chats": [
            {
                "name": title,
                "strategy": str(asked[title][0]),
                "turns": len(found),
                "most_left_out": max(turn["left_out"] for turn in found),
                "most_prompt_tokens": max(turn["prompt_tokens"] for turn in found),
            }
            for title, found in turns.items()
        ],
        "restored": {"saved_after": place, "same": turns["saved_and_restored"] == unbroken},
    }
    files.write_json(args.folder / "transcripts.json", result)
    print(f"{args.name}: restored with {'the same' if result['restored']['same'] else 'other'} replies as in an unbroken run")


def skip(args: argparse.Namespace, reason: str) -> None:
    """Write why the model was not run in place of every file."""
    print(f"Not run: {reason}")
    for title in transcripts.TITLES:
        files.write_text(args.folder / f"{title}.md", transcripts.not_run(title, args.name, reason))
    requested = {setting: getattr(args, setting) for setting in settings.SETTINGS}
    files.write_json(args.folder / "transcripts.json", records.not_run(args.name, requested, reason, "chat"))


if __name__ == "__main__":
    sys.exit(user_errors.run(main))
