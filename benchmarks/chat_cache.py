#!/usr/bin/env python3
"""Measure the time to a chat's first token with and without the KV cache kept from turn to turn.

The conversation is fixed and grows by a turn at a time; both ways answer each prompt, and their replies are compared. With
`full` all but the newest turn is reused. With `last_turns(4)` the window slides: everything after the system message changes
its place at every turn, so little of the cache can be reused.
"""

import argparse
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from make_random_model import published_shape, save
from mmlu_kit import user_errors
from mmlu_kit.chat import views
from mmlu_kit.chat.views import Message
from mmlu_kit.inputs import checkpoints
from mmlu_kit.settings import Device, DType, LoadSettings, OnUnavailable
from mmlu_kit.user_errors import UserError

SHAPE = "Qwen/Qwen2.5-0.5B-Instruct"
STRATEGIES = ("full", "last_turns(4)")
SYSTEM = "You are a helpful assistant who answers in a few plain sentences."
USER = "Point {number}: what should somebody who plants a small garden in a wet and windy place think of before they begin?"
ASSISTANT = (
    "For point {number} I would look at the soil first, as wet ground drowns most roots. Raised beds help, and so does a "
    "hedge on the side that the wind comes from. Choose plants that grow wild nearby, and start with a few of them."
)


@dataclass(frozen=True)
class Measurement:
    """One turn: its prompt's tokens, how many of them the kept cache had, and seconds to the reply's tokens."""

    turn: int
    prompt_tokens: int
    cached_tokens: int
    kept_s: float  # to the first token, with the cache kept
    cold_s: float  # to the first token, without
    token_s: float  # for each later token
    same: bool  # whether both replies are the same


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--model", type=Path, help="a model folder")
    source.add_argument("--data", type=Path, help=f"a folder with tokenizers/ and model_shapes.json: {SHAPE}, random weights")
    add("--dtype", choices=("float32", "bfloat16"), default="float32", help="number format (default: float32)")
    add("--device", choices=list(map(str, Device)), default="cpu", help="where the model runs (default: cpu)")
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
        measured, where = measure(model, args)
    name = f"{SHAPE}, random weights" if args.data else args.model.name
    print(f"{name}, {args.device}, {args.dtype}; {where}; the conversation held {args.rounds} times, medians\n")
    print(table(measured))
    later = statistics.median(turn.token_s for turns in measured.values() for turn in turns)
    print(f"\nA token after a reply's first: {later:.3f} s")


def measure(folder: Path, args: argparse.Namespace) -> tuple[dict[str, list[Measurement]], str]:
    """Every turn of every round by strategy, and the processor in words."""
    import torch
    from mmlu_kit.chat.replies import Replier
    from mmlu_kit.evaluation import token_ids
    from mmlu_kit.evaluation.chat_templates import ChatTemplate
    from mmlu_kit.models import loading, positions, tokenizers
    from mmlu_kit.timing import machine

    if args.threads:
        torch.set_num_threads(args.threads)
    template = ChatTemplate(tokenizers.load_tokenizer(folder))
    requested = LoadSettings(device=Device(args.device), dtype=DType(args.dtype))
    model = loading.load(checkpoints.verified_manifest(folder), requested, OnUnavailable.FAIL).model
    context = positions.context_length(model)
    kept, cold = Replier(model, template), Replier(model, template)
    list(cold.reply(token_ids.prompt_ids([{"role": "user", "content": USER}], template), 2))  # the first one takes longer
    measured: dict[str, list[Measurement]] = {strategy: [] for strategy in STRATEGIES}
    for strategy in STRATEGIES * args.rounds:
        kept.forget()
        log: list[Message] = [{"role": "system", "content": SYSTEM}]
        for turn in range(1, args.turns + 1):
            log.append({"role": "user", "content": USER.format(number=turn)})
            view = views.view(
                log, views.parse(strategy), lambda messages: len(token_ids.prompt_ids(messages, template)), context
            )
            ids = token_ids.prompt_ids(view.messages, template)
            list(kept.reply(ids, args.new_tokens))
            list(cold.reply(ids, args.new_tokens, cold=True))
            measured[strategy].append(
                Measurement(
                    turn=turn,
                    prompt_tokens=len(ids),
                    cached_tokens=kept.last.cached_tokens,
                    kept_s=kept.last.first_token_s,
                    cold_s=cold.last.first_token_s,
                    token_s=(kept.last.total_s - kept.last.first_token_s) / max(1, kept.last.new_tokens - 1),
                    same=kept.last.ids == cold.last.ids,
                )
            )
            log.append({"role": "assistant", "content": ASSISTANT.format(number=turn)})
    here = machine.describe(torch)
    return measured, f"{here.gpu or here.processor}, {torch.get_num_threads()} threads"


def table(measured: dict[str, list[Measurement]]) -> str:
    """The measurements as a Markdown table, a row for each strategy and some turns."""
    lines = [
        "| View | Turn | Prompt tokens | From the cache | First token, cache kept | Without | Without / kept | Same replies |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for strategy, turns in measured.items():
        last = max(turn.turn for turn in turns)
        for number in [number for number in range(1, last + 1) if number in (1, 2, 4, last) or number % 8 == 0]:
            rounds = [turn for turn in turns if turn.turn == number]
            kept, cold = (statistics.median(getattr(turn, name) for turn in rounds) for name in ("kept_s", "cold_s"))
            lines.append(
                f"| `{strategy}` | {number} | {rounds[0].prompt_tokens} | {rounds[0].cached_tokens} | {kept:.3f} s "
                f"| {cold:.3f} s | {cold / kept:.1f} | {sum(turn.same for turn in rounds)} of {len(rounds)} |"
            )
    return "\n".join(lines)


if __name__ == "__main__":
    user_errors.run(main)
