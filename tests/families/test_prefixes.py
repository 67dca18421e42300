"""Every way but packing is exact for the families that need one, or the check finds that it is not."""

import pytest
from mmlu_kit.evaluation import ways
from mmlu_kit.evaluation.packability import Limit

from tests.families import write_page
from tests.helpers import families, scored_prompts

# Those that are not packed, and some that a failing check would send here.
NAMES = [name for name, words in write_page.stated().items() if words != "packed"]
NAMES += ["llama", "gemma2", "gemma3_text", "gpt2", "gpt_oss", "llama4_text chunks", "mistral small window", "qwen3_moe"]
pytestmark = [pytest.mark.families, pytest.mark.parametrize("name", NAMES)]

PREFIX = 40  # tokens that prompts share
SUFFIXES = (3, 3, 7, 9, 20, 22, 22, 23)
NOT_PACKED = ways.WAYS[0]._replace(limit=lambda model: Limit(0, "it is not tried"))
WAYS = [way._replace(pays=lambda *plan: True) for way in ways.WAYS if way.name != "packed"]
# Families whose states are read only with a single new token, and those that keep no cache or cannot continue theirs.
ONLY_STEPS = ("falcon_mamba", "jamba", "mamba")
NO_PREFIX = ("axk2", "deepseek_v32", "glm_moe_dsa", "hy_v4", "openai-gpt", "recurrent_gemma", "xlstm")


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_scores_in_each_way_are_those_of_each_prompt_alone(name, way, monkeypatch):
    monkeypatch.setattr(ways, "WAYS", (NOT_PACKED, way))
    _, packing = scored_prompts.score(families.model(name), scored_prompts.make_prompts(SUFFIXES, PREFIX), 128)
    together = packing.plain()[way.name] == len(SUFFIXES)
    if way.name == "prefix":
        assert together == (name not in (*ONLY_STEPS, *NO_PREFIX))
    if (way.name, name) in (*(("steps", name) for name in ONLY_STEPS), ("whole", "openai-gpt"), ("whole", "xlstm")):
        assert together
