#!/usr/bin/env python3
"""Talk to a language model, with as much of the chat before each message as you choose to show it."""

import argparse
import gc
import sys
from pathlib import Path

import yaml
from mmlu_kit import options, user_errors
from mmlu_kit.chat import states, views
from mmlu_kit.inputs import checkpoints
from mmlu_kit.study import model_entry
from mmlu_kit.user_errors import UserError

PROJECT = Path(__file__).parents[2]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="Exit status: 0 left, 2 a mistake (one line says which; in a script, the first one ends it), 130 interrupted.",
    )
    add = parser.add_argument
    add("--model", default="demo-chat", help="a model's name in config, its folder, or its manifest (default: demo-chat)")
    add("--config", type=Path, default=PROJECT / "config.yaml", help="where models have names (default: the project's)")
    options.add_loading(parser, from_config=True, may_skip=False)
    add("--threads", type=int, help="processor threads (default: config's, else all cores)")
    add("--strategy", default="full", metavar="FORM", help=f"what the model is shown: {', '.join(views.FORMS)} (default: full)")
    add("--max-new-tokens", type=int, default=256, metavar="N", help="the longest reply, in tokens (default: 256)")
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument("--system", metavar="TEXT", help="a system message to begin with")
    begin.add_argument("--load", type=Path, metavar="FILE", help="a saved chat to go on with")
    add(
        "--script", type=Path, metavar="FILE", help="take the user's lines from a file; without a terminal, from standard input"
    )
    return parser.parse_args()


def chosen(model: str, config: Path) -> tuple[str, dict, dict]:
    """The name of a model, its manifest and its entry in config, which is empty where `model` is a folder or a manifest."""
    if Path(model).exists():
        return Path(model).resolve().name, checkpoints.opened(model), {}
    try:
        read = yaml.safe_load(config.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise UserError(f"{config} is not valid YAML: {error}") from None
    entry = model_entry(read if isinstance(read, dict) else {}, model)
    if "path" in entry:
        return model, checkpoints.opened(config.parent / entry["path"]), entry
    manifest = Path(f"resources/models/{model}@{entry['commit']}.json")
    if not manifest.is_file():
        raise UserError(
            f"{model} is not here yet; this fetches it: python workflow/scripts/fetch_model.py "
            f"--repository {entry['repository']} --commit {entry['commit']} --output {manifest}"
        )
    return model, checkpoints.opened(manifest), entry


def main() -> None:
    args = arguments()
    strategy = views.parse(args.strategy)
    if args.max_new_tokens < 1:
        raise UserError("--max-new-tokens must be at least 1")
    lines = args.script.open("rb") if args.script else sys.stdin.buffer
    if args.load:
        states.load(args.load)
    name, manifest, entry = chosen(args.model, args.config)
    asked = {
        "device": args.device or entry.get("device", "cpu"),
        "dtype": args.dtype or entry.get("dtype", "float32"),
        "quantization": args.quantization or entry.get("quantization", "none"),
    }

    print(f"Loading {name} …", file=sys.stderr, flush=True)
    # What is imported and loaded stays: to look through it for garbage, again and again, is a quarter of the start.
    gc.disable()
    # torch and transformers take seconds to import: --help and every mistake above come before them.
    import torch
    from mmlu_kit import settings
    from mmlu_kit.chat import replies, sessions, terminal
    from mmlu_kit.models import loading, transformers_model

    if args.threads or "threads" in entry:
        torch.set_num_threads(args.threads or min(entry["threads"], torch.get_num_threads()))
    tokenizer = transformers_model.load_tokenizer(manifest["folder"])
    # Nobody can talk to a model that is skipped.
    on_unavailable = args.on_unavailable or entry.get("on_unavailable", "fail").replace("skip", "fail")
    loaded = loading.load(manifest, asked, on_unavailable)
    gc.freeze()
    gc.enable()
    print(f"Model loaded: {settings.in_words(loaded.effective)}", file=sys.stderr)
    if loaded.reason:
        print(f"Not as asked: {loaded.reason}", file=sys.stderr, flush=True)
    session = sessions.Session(
        replies.Replier(loaded.model, tokenizer),
        states.model_identity(name, manifest),
        strategy,
        transformers_model.context_length(loaded.model),
        args.max_new_tokens,
        args.system,
    )
    if args.load:
        for line in session.restore(args.load):
            print(line, file=sys.stderr, flush=True)
    sys.stdout.reconfigure(errors="replace")
    if not args.script and sys.stdin.isatty() and sys.stdout.isatty():
        terminal.talk(session)
    else:
        terminal.play(session, lines, str(args.script or "standard input"))


if __name__ == "__main__":
    sys.exit(user_errors.run(main))
