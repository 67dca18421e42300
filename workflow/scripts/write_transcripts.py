#!/usr/bin/env python3
"""Write three transcripts of a scripted user's chats: with a sliding window, with a token budget, and saved and restored."""

import argparse
import tempfile
from pathlib import Path

from mmlu_kit import files, options, user_errors
from mmlu_kit.evaluation.records import NotRun
from mmlu_kit.inputs import checkpoints
from mmlu_kit.recall import conversations, scripted_chats, scripts, transcripts
from mmlu_kit.recall.documents import Restored, TranscriptsFile
from mmlu_kit.recall.scripted_chats import Part, Setting
from mmlu_kit.settings import OnUnavailable, in_words

RECALL = Path(__file__).parents[1] / "recall"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--model", type=Path, required=True, help="a model folder in Hugging Face form, or a manifest by fetch_model.py")
    add("--name", help="the model's name in results (default: its folder's name)")
    add("--conversations", type=Path, default=RECALL / "conversations.yaml", help="the file with the system message")
    add("--users", type=Path, default=RECALL / "transcripts.yaml", help="the file with the user's messages in each chat")
    add("--max-new-tokens", type=int, default=48, metavar="N", help="the longest reply, in tokens (default: 48)")
    options.add_loading(parser)
    options.add_template_arguments(parser)
    add("--threads", type=options.positive, help="processor threads (default: all cores)")
    add("--folder", type=Path, required=True, help="where the three .md files and transcripts.json are written")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    system, users = conversations.read(args.conversations).system, scripts.read(args.users)
    requested, on_unavailable = options.load_settings(args), OnUnavailable(args.on_unavailable)
    manifest = checkpoints.verified_manifest(args.model)
    name = args.name or manifest.path.name
    arguments_of_template = options.template_arguments(args)
    setting = Setting(
        name, manifest, requested, on_unavailable, args.threads, system, args.max_new_tokens, arguments_of_template
    )
    window, budget, broken = users.sliding_window, users.token_budget_history_on, users.saved_and_restored
    saved_after = broken.saved_after
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "chat.json"
        first = scripted_chats.in_new_process(
            setting,
            [
                Part(window.strategy, window.user),
                Part(budget.strategy, budget.user),
                Part(broken.strategy, broken.user[:saved_after], saved=state),
            ],
        )
        if first.effective is None:
            write_not_run(args.folder, NotRun(model=name, requested=requested, reason=first.reason or "", subject="chat"))
            return
        second = scripted_chats.in_new_process(
            setting,
            [Part(broken.strategy, broken.user[saved_after:], restored=state), Part(broken.strategy, broken.user)],
        )
    window_turns, budget_turns, begun = first.turns
    continued, unbroken = second.turns
    restored = begun + continued
    header = transcripts.Header(name, manifest.commit, in_words(first.effective), args.max_new_tokens, system)
    chats = {
        "sliding_window": (window, window_turns, []),
        "token_budget_history_on": (budget, budget_turns, []),
        "saved_and_restored": (broken, restored, [transcripts.comparison(restored, unbroken, saved_after)]),
    }
    for title, (script, turns, notes) in chats.items():
        text = transcripts.document(title, header, str(script.strategy), turns, notes)
        files.write_text(args.folder / f"{title}.md", text)
    same = restored == unbroken
    TranscriptsFile(
        model=name,
        chats=[transcripts.summarize(title, str(script.strategy), turns) for title, (script, turns, _) in chats.items()],
        restored=Restored(saved_after=saved_after, same=same),
    ).write(args.folder / "transcripts.json")
    print(f"{name}: the restored chat's replies {'equal' if same else 'differ from'} those of an uninterrupted run")


def write_not_run(folder: Path, outcome: NotRun) -> None:
    """Write a "not run" placeholder in place of every file."""
    print(f"Not run: {outcome.reason}")
    for title in transcripts.TITLES:
        files.write_text(folder / f"{title}.md", transcripts.not_run(title, outcome.model, outcome.reason))
    outcome.write(folder / "transcripts.json")


if __name__ == "__main__":
    user_errors.run(main)
