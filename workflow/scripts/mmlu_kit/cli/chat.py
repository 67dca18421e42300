"""Chat with a language model, and choose how much of the earlier chat it sees."""

import argparse
import gc
import sys
from pathlib import Path

from mmlu_kit import options
from mmlu_kit.chat import states, views
from mmlu_kit.inputs import checkpoints, model_choice
from mmlu_kit.settings import OnUnavailable, in_words
from mmlu_kit.user_errors import UserError

EXAMPLE = "mmlu-kit chat --model demo-chat --system 'Answer in one sentence.'"
EPILOG = "Exit status: 0 after leaving, 2 after an error (a script stops at its first one), 130 if interrupted."


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add = parser.add_argument
    model_choice.add_arguments(parser, default="demo-chat")
    options.add_loading(parser, from_config=True, may_skip=False)
    options.add_template_arguments(parser, from_config=True)
    add("--threads", type=options.positive, help="processor threads (default: config's, else all cores)")
    add("--strategy", default="full", metavar="FORM", help=f"how much the model sees: {', '.join(views.FORMS)} (default: full)")
    add("--max-new-tokens", type=options.positive, default=256, metavar="N", help="the longest reply, in tokens (default: 256)")
    begin = parser.add_mutually_exclusive_group()
    begin.add_argument("--system", metavar="TEXT", help="the system message of a new chat")
    begin.add_argument("--load", type=Path, metavar="FILE", help="a saved chat to continue")
    text = "read the user's lines from a file (without a terminal they are read from standard input)"
    add("--script", type=Path, metavar="FILE", help=text)


def run(args: argparse.Namespace) -> None:
    strategy = views.parse(args.strategy)
    if args.max_new_tokens < 1:
        raise UserError("--max-new-tokens must be at least 1")
    script = args.script.open("rb") if args.script else sys.stdin.buffer
    if args.load:
        states.load(args.load)
    model = model_choice.choose(args.model, args.config, args.adapter)
    requested = options.load_settings(args, model.entry)
    template_arguments = options.template_arguments(args, model.entry.prompt.template_arguments if model.entry else {})
    on_unavailable = OnUnavailable(args.on_unavailable or (model.entry.on_unavailable if model.entry else "fail"))
    if on_unavailable == OnUnavailable.SKIP:
        on_unavailable = OnUnavailable.FAIL  # a skipped model cannot chat
    manifest = checkpoints.verified_manifest(model.path, model.adapter)

    print(f"Loading {model.name} …", file=sys.stderr, flush=True)
    # Imported modules and the loaded model are never garbage, and looking through them takes a quarter of the start-up time.
    gc.disable()
    # torch and transformers take seconds to import, so --help and the checks above come first.
    import torch

    from mmlu_kit.chat.replies import Replier
    from mmlu_kit.chat.sessions import Session
    from mmlu_kit.chat.terminal import play, talk
    from mmlu_kit.evaluation.chat_templates import ChatTemplate
    from mmlu_kit.models import loading, positions, tokenizers

    if args.threads:
        torch.set_num_threads(args.threads)
    elif model.entry:
        torch.set_num_threads(min(model.entry.threads, torch.get_num_threads()))
    template = ChatTemplate(tokenizers.load_tokenizer(manifest.path), template_arguments)
    loaded = loading.load(manifest, requested, on_unavailable)
    assert loaded.model is not None and loaded.effective is not None
    gc.freeze()
    gc.enable()
    print(f"Model loaded: {in_words(loaded.effective)}", file=sys.stderr)
    if loaded.reason:
        print(f"Not as requested: {loaded.reason}", file=sys.stderr, flush=True)
    session = Session(
        Replier(loaded.model, template),
        states.model_identity(model.name, manifest),
        strategy,
        positions.context_length(loaded.model),
        args.max_new_tokens,
        args.system,
    )
    if args.load:
        for line in session.restore(args.load):
            print(line, file=sys.stderr, flush=True)
    if not args.script and sys.stdin.isatty() and sys.stdout.isatty():
        talk(session)
    else:
        play(session, script, str(args.script or "standard input"))
