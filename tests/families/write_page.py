"""Write docs/known_models.md from a sweep of tiny models: python -m tests.families.write_page (a minute)."""

from pathlib import Path

import torch
import transformers
from mmlu_kit.inputs import model_configs
from mmlu_kit.timing import machine
from mmlu_kit.user_errors import UserError
from transformers.models.auto.modeling_auto import MODEL_FOR_CAUSAL_LM_MAPPING_NAMES

from tests.helpers import families, scored_prompts

PAGE = Path(__file__).parents[2] / "docs/known_models.md"
# A subject with few-shot examples in small: tokens that all prompts share, and each prompt's own.
PREFIX, SUFFIXES = 100, (3, 3, 7, 9, 20, 22, 22, 23)
HEAD = """# Models that are known to work

Made by `python -m tests.families.write_page` with transformers {version} on {machine}.
Each family of transformers is a tiny model with random weights in float32, which scores {questions} questions behind a shared
prefix of {prefix} tokens. The scores are compared with those of each prompt alone by the model's own attention. The kit makes
the same comparison for every subject of a real model.

- *packed*: all prompts in one row without padding, the shared prefix computed once. The fastest way.
- *from the shared prefix*: the prefix's cache is computed once and continued for each question; *token by token* where the
  model reads its cache only so.
- *in batches of whole prompts*: nothing is shared.
- *one at a time*: the slowest way.

A word behind a family is a form of it: *small window* has prompts longer than its attention window.

| Family | How it is scored | Largest difference, nats |
|---|---|---|
"""


def scored(name: str) -> tuple[str, float]:
    """How a family's prompts are scored, and the largest difference from each prompt alone, in nats."""
    prompts = scored_prompts.make_prompts(SUFFIXES, PREFIX)
    _, packing, error = scored_prompts.compared(families.model(name), prompts, 512)
    return packing.in_words(), error


def stated() -> dict[str, str]:
    """How each family is scored, as the page says."""
    rows = [line.split(" | ") for line in PAGE.read_text().splitlines() if line.startswith("| ") and line.count("|") == 4]
    return {row[0].removeprefix("| "): row[1] for row in rows[1:]}


def refused() -> dict[str, list[str]]:
    """The families with a causal model in transformers that the kit refuses, by the reason."""
    reasons: dict[str, list[str]] = {}
    for kind in sorted(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES):
        try:
            model_configs.check_decoder(kind, {"model_type": kind})
        except UserError as error:
            reasons.setdefault(str(error).removeprefix(f"{kind}: {kind} is ").partition(",")[0], []).append(kind)
    return reasons


def main() -> None:
    transformers.utils.logging.set_verbosity_error()
    torch.set_num_threads(1)
    known = {name for name in families.FAMILIES if name.split()[0] in transformers.CONFIG_MAPPING}
    version, processor = transformers.__version__, machine.device_class(torch, "cpu")
    text = HEAD.format(version=version, machine=processor, questions=len(SUFFIXES), prefix=PREFIX)
    for name in sorted(known):
        words, error = scored(name)
        print(f"{name}: {words}, {error:.1g}", flush=True)
        text += f"| {name} | {words} | {error:.1g} |\n"
    refusals = refused()
    listed = {name.split()[0] for name in known}.union(*refusals.values())
    text += "\n## Refused\n\nUnless config.json says otherwise (`is_decoder`, `is_encoder_decoder`):\n\n" + "".join(
        f"- {reason}: {', '.join(names)}\n" for reason, names in refusals.items()
    )
    others = sorted(set(MODEL_FOR_CAUSAL_LM_MAPPING_NAMES) - listed)
    text += f"\n## Not tried\n\nThe comparison decides for these as for any other: {', '.join(others)}.\n"
    PAGE.write_text(text)


if __name__ == "__main__":
    main()
