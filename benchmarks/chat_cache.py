#!/usr/bin/env python3
"""Measure how long a chat's model takes to its first token, with the cache kept from turn to turn and without.

The conversation is fixed and grows by a turn at a time; both ways answer the same prompt in turn, and their replies are
compared. With `full` all but the newest turn was computed before. With `last_turns(4)` the window slides: what stands
after the system message changes place at every turn, and little of the cache can be kept.
"""

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

from make_random_model import published_shape, save
from mmlu_kit import user_errors
from mmlu_kit.chat import views
from mmlu_kit.inputs import checkpoints
from mmlu_kit.user_errors import UserError

SHAPE = "Qwen/Qwen2.5-0.5B-Instruct"
STRATEGIES = ("full", "last_turns(4)")
SYSTEM = "You are a helpful assistant who answers in a few plain sentences."
SAID = "Point {number}: what should somebody who plants a small garden in a wet and windy place think of before they begin?"
ANSWERED = (
    "For point {number} I would look at the soil first, as wet ground drowns most roots. Raised beds help, and so does a "
    "hedge on the side that the wind comes from. Choose plants that grow wild nearby, and start with a few of them."
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--model", type=Path, help="a model folder")
    source.add_argument("--data", type=Path, help=f"a folder with tokenizers/ and model_shapes.json: {SHAPE}, random weights")
    add("--dtype", choices=("float32", "bfloat16"), default="float32", help="number format (default: float32)")
    add("--device", choices=("cpu", "cuda", "mps"), default="cpu", help="where the model runs (default: cpu)")
    add("--threads", type=int, help="processor threads (default: all cores)")
    add("--turns", type=int, default=16, help="turns of the conversation (default: 16)")
    add("--new-tokens", type=int, default=4, help="tokens of each measured reply (default: 4)")
    add("--rounds", type=int, default=3, help="how often the conversation is held (default: 3)")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        model = args.model
        if args.data:
            if not (args.data / "model_shapes.json").is_file():
                raise UserError(f"{args.data} has no model_shapes.json")
            shape = published_shape(args.data / "model_shapes.json", SHAPE)
            model = save(Path(folder), args.data / "tokenizers/qwen2.5-instruct", shape, "bfloat16")
        measured, about = measure(model, args)
    print(f"{about}; the conversation held {args.rounds} times, medians\n")
    print(table(measured))
    later = statistics.median(row["token_s"] for rows in measured.values() for row in rows)
    print(f"\nA token after a reply's first: {later:.3f} s")


def measure(folder: Path, args: argparse.Namespace) -> tuple[dict[str, list[dict]], str]:
    """By strategy, what each turn took: turn, prompt and cached tokens, seconds to the first token, kept and cold, and to
    each later one."""
    import torch
    from mmlu_kit.chat import replies
    from mmlu_kit.evaluation import encoding
    from mmlu_kit.models import loading, transformers_model
    from mmlu_kit.timing import machine

    if args.threads:
        torch.set_num_threads(args.threads)
    tokenizer = transformers_model.load_tokenizer(folder)
    asked = {"device": args.device, "dtype": args.dtype, "quantization": "none"}
    model = loading.load(checkpoints.opened(folder), asked, "fail").model
    kept, cold = replies.Replier(model, tokenizer), replies.Replier(model, tokenizer)
    list(cold.reply(encoding.prompt_ids([{"role": "user", "content": SAID}], tokenizer), 2))  # the first one takes longer
    found: dict[str, list[dict]] = {strategy: [] for strategy in STRATEGIES}
    for strategy in STRATEGIES * args.rounds:
        kept.forget()
        messages = [{"role": "system", "content": SYSTEM}]
        for turn in range(1, args.turns + 1):
            messages.append({"role": "user", "content": SAID.format(number=turn)})
            count = lambda shown: len(encoding.prompt_ids(shown, tokenizer))  # noqa: E731
            shown = views.view(messages, views.parse(strategy), count, transformers_model.context_length(model))
            ids = encoding.prompt_ids(shown.messages, tokenizer)
            list(kept.reply(ids, args.new_tokens))
            list(cold.reply(ids, args.new_tokens, cold=True))
            found[strategy].append(
                {
                    "turn": turn,
                    "prompt": len(ids),
                    "cached": kept.last.cached_tokens,
                    "kept_s": kept.last.first_token_s,
                    "cold_s": cold.last.first_token_s,
                    "token_s": (kept.last.total_s - kept.last.first_token_s) / max(1, kept.last.new_tokens - 1),
                    "same": kept.last.ids == cold.last.ids,
                }
            )
            messages.append({"role": "assistant", "content": ANSWERED.format(number=turn)})
    where = machine.describe(torch)
    name = SHAPE + ", random weights" if args.data else folder.name
    return (
        found,
        f"{name}, {args.device}, {args.dtype}; {where['gpu'] or where['processor']}, {torch.get_num_threads()} threads",
    )


def table(measured: dict[str, list[dict]]) -> str:
    """The measurements as a Markdown table, a row for each strategy and some turns."""
    lines = [
        "| View | Turn | Prompt tokens | From the cache | First token, cache kept | Without | Without / kept | Same replies |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for strategy, rows in measured.items():
        last = max(row["turn"] for row in rows)
        for turn in [turn for turn in range(1, last + 1) if turn in (1, 2, 4, last) or turn % 8 == 0]:
            held = [row for row in rows if row["turn"] == turn]
            kept, cold = (statistics.median(row[name] for row in held) for name in ("kept_s", "cold_s"))
            lines.append(
                f"| `{strategy}` | {turn} | {held[0]['prompt']} | {held[0]['cached']} | {kept:.3f} s | {cold:.3f} s "
                f"| {cold / kept:.1f} | {sum(row['same'] for row in held)} of {len(held)} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(user_errors.run(main))
