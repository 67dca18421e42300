"""The plan of `make bench`: which program is timed beside which, on what, and how fast the kit must be."""

from dataclasses import dataclass, replace
from pathlib import Path

import make_random_model
import yaml
from mmlu_kit.models import batch_size

QWEN = "Qwen/Qwen2.5-0.5B-Instruct"
GEMMA, MISTRAL = make_random_model.WINDOWED
HYBRID = "LFM2-350M"
SMOLLM = "SmolLM2-135M by GGUF"
SUBJECT = "astronomy"
_CONFIG = Path(__file__).parents[1] / "config.yaml"
TEN_SUBJECTS = tuple(yaml.safe_load(_CONFIG.read_text(encoding="utf-8"))["studies"]["writeup"]["subjects"])
# Of the ten subjects, those whose questions and choices are nearest the mean length.
CLOZE_SUBJECTS = ("anatomy", "college_biology")
# Sets of questions: how many of each subject, of a hundred. Slow programs get `some` of those that fast ones get: with few-shot
# examples, which are most of a prompt, a question takes them the same time whichever it is.
SETS = {"subject": 100, "few": 30, "some": 16, "ten": 16, "pair": 20, "start": 8, "four": 4, "two": 2}
TOKENS = (batch_size.ON_CPU,)
# Batch sizes that are tried: prompts, or tokens for llama.cpp.
BATCHES = {"lm_eval": (1, 2, 4, 8), "lm_eval_cloze": (1, 2, 4, 8), "llama": (512, 1024, 2048), "generate": (5,)}
PEERS = {
    "lm_eval": "lm-eval",
    "lm_eval_cloze": "lm-eval",
    "generate": "generate of 5 tokens",
    "rotations": "a run for each order",
    "llama": "llama.cpp",
}
FORMS = {"kit_cloze": "cloze", "kit_cyclic": "all orders"}
Shots = tuple[str, int]  # number format, few-shot examples


@dataclass(frozen=True)
class Entry:
    """A program's task: `way` is one of benchmarks/contend.py, `llama`, or a process timed as a whole (`load`, `evaluate`).

    `dtype` is llama.cpp's word for `llama`, torch's for all others; `questions` is one of SETS.
    """

    way: str
    model: str
    dtype: str
    examples: int = 0
    questions: str = "few"
    subjects: tuple[str, ...] = (SUBJECT,)

    def __str__(self) -> str:
        return f"{self.way}, {self.model}, {self.dtype}, {self.examples}-shot"

    @property
    def batches(self) -> tuple[int, ...]:
        """Batch sizes to choose from; of lm-eval's long prompts, four fill a batch's matrix products."""
        sizes = BATCHES.get(self.way, TOKENS)
        return sizes[:3] if self.examples and self.way == "lm_eval" else sizes

    @property
    def process(self) -> "tuple[str, str, str] | Entry":
        """What tasks of one process have in common: one program's, of one model in one number format."""
        if self.way in ("load", "evaluate"):
            return self
        family = self.way if self.way == "llama" else "peer" if self.way in BATCHES else "kit"
        return family, self.model, self.dtype


@dataclass(frozen=True)
class Contest:
    """The kit beside a peer; it must be `bar` times as fast, or the ratio is only reported."""

    kit: Entry
    peer: Entry
    bar: float | None = None

    @property
    def name(self) -> str:
        kit, peer = self.kit, self.peer
        formats = kit.dtype if kit.dtype == peer.dtype else f"{kit.dtype} against {peer.dtype}"
        model = "" if kit.model == QWEN else kit.model
        parts = (f"speed against {PEERS[peer.way]}", model, FORMS.get(kit.way), formats, f"{kit.examples}-shot")
        return ", ".join(filter(None, parts))


def contest(
    way: str,
    peer: str,
    model: str,
    shots: Shots,
    bar: float | None = None,
    sets: tuple[str, str] = ("some", "some"),
    peer_dtype: str = "",
) -> Contest:
    """A contest; `sets` are the kit's questions and the peer's."""
    subjects = CLOZE_SUBJECTS if way == "kit_cloze" else (SUBJECT,)
    kit = Entry(way, model, *shots, sets[0], subjects)
    return Contest(kit, replace(kit, way=peer, questions=sets[1], dtype=peer_dtype or kit.dtype), bar)


FLOAT, HALF = ("float32", 0), ("bfloat16", 5)
CONTESTS = (
    contest("kit", "lm_eval", QWEN, FLOAT, 1.8, ("few", "few")),
    contest("kit", "lm_eval", QWEN, HALF, 8, ("subject", "some")),
    contest("kit", "lm_eval", HYBRID, HALF, 3, ("few", "some")),
    *(contest("kit", "lm_eval", model, FLOAT, 1.8, ("few", "few")) for model in (GEMMA, MISTRAL)),
    *(contest("kit", "lm_eval", model, HALF, 8, ("subject", "some")) for model in (GEMMA, MISTRAL)),
    contest("kit_cloze", "lm_eval_cloze", QWEN, FLOAT, 4, ("pair", "pair")),
    contest("kit_cloze", "lm_eval_cloze", QWEN, HALF, 15, ("subject", "pair")),
    # What all orders begin with is computed once.
    contest("kit_cyclic", "rotations", QWEN, FLOAT, 1.25),
    contest("kit_cyclic", "rotations", QWEN, HALF, 1.25, ("few", "few")),
    contest("kit", "generate", QWEN, FLOAT, 3),
    contest("kit", "generate", QWEN, ("bfloat16", 0), 6, peer_dtype="float32"),
)


def real(fast: str, llama: bool) -> tuple[Contest, ...]:
    """The contests of the real model; `fast` is the number format that this processor multiplies fastest."""
    return (
        contest("kit", "lm_eval", SMOLLM, FLOAT, 1.8, ("few", "few")),
        contest("kit", "lm_eval", SMOLLM, (fast, 5), 8, ("subject", "some")),
        *(
            contest("kit", "llama", SMOLLM, (dtype, examples), sets=("few", "few"), peer_dtype=file)
            for dtype, file in (("float32", "F32"), (fast, "BF16"), (fast, "Q8_0"), (fast, "Q4_1"))
            for examples in (0, 5)
            if llama
        ),
    )


# The real model's answers in both number formats.
ANSWERS = tuple(Entry("kit", SMOLLM, dtype, examples) for dtype in ("float32", "bfloat16") for examples in (0, 5))

FORWARD_FLOAT32 = Entry("forward", QWEN, "float32", questions="some")
FORWARD_BFLOAT16 = Entry("forward", QWEN, "bfloat16")
FIRST_BATCH = replace(FORWARD_BFLOAT16, questions="start")
FORWARD_TEN = replace(FORWARD_BFLOAT16, questions="ten", subjects=TEN_SUBJECTS)
LOAD = Entry("load", QWEN, "bfloat16")
START = Entry("evaluate", QWEN, "bfloat16", questions="start")
TEN_TOGETHER = replace(START, questions="ten", subjects=TEN_SUBJECTS)
WHOLE = (FORWARD_FLOAT32, FORWARD_BFLOAT16, LOAD, START, FIRST_BATCH, FORWARD_TEN, TEN_TOGETHER)


def plan(contests: tuple[Contest, ...]) -> dict[object, list[Entry]]:
    """All entries, each once, by the process that does them; contests' processes are neighbours."""
    answers = ANSWERS if any(contest.kit.model == SMOLLM for contest in contests) else ()
    entries = dict.fromkeys([entry for contest in contests for entry in (contest.kit, contest.peer)] + [*answers, *WHOLE])
    processes: dict[object, list[Entry]] = {}
    for entry in entries:
        processes.setdefault(entry.process, []).append(entry)
    return processes
