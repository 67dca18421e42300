"""How long a study's parts take on this machine, estimated before they have run.

A CPU computes two operations for each parameter and token of a prompt, and reads all weights for each token that it writes. A
GPU's rate is that of the writeup's programs. Estimates are right within a factor of two or three, and the first measurement on
this machine is better.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from mmlu_kit.config import ChatEntry
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.jobs.forecast import Forecast
from mmlu_kit.recall.conversations import KINDS
from mmlu_kit.results import stability
from mmlu_kit.settings import Device, LoadSettings, Orders, dtype_bytes
from mmlu_kit.study import Study

# benchmarks/measured/amd-epyc-2-cores.md: forward passes in float32 of packed questions on two cores, and weights read for
# each token of a reply.
CORE_OPERATIONS_PER_S = 145e9 / 2
READ_BYTES_PER_S = 11.6e9
# Seconds for a question and a billion parameters on Colab's T4, from the writeup: 328 s for 1,369 questions with 7.6 billion.
GPU_QUESTION_S = 328 / 1369 / 7.6
GPU_TOKEN_S = 0.03
START_S = 6.0  # of a process, most of it imports
LOAD_BYTES_PER_S = 1e9  # a checkpoint is hashed and read
QUESTIONS_PER_SUBJECT = 14_042 / 57  # of MMLU
TOKENS_PER_QUESTION = 120  # without examples, with Qwen2.5's tokenizer: 82 in the writeup's subjects, 167 with law and history
CHOICES_PER_QUESTION = 4  # of MMLU
TOKENS_PER_CHAT_PROMPT = 250
CHAT_SLOWDOWN = 145 / 77  # a long prompt is computed in short steps, by the same table
DISTINCT_PROMPTS = 0.5  # of a chat: a short conversation is the same under several strategies


@dataclass(frozen=True)
class _Load:
    """A model as it will run on a machine with this number of cores."""

    manifest: Manifest
    settings: LoadSettings
    cores: int

    @property
    def on_gpu(self) -> bool:
        return self.settings.device != Device.CPU

    def start_s(self) -> float:
        """Seconds until one process has loaded the model."""
        return START_S + self.manifest.checkpoint_bytes / LOAD_BYTES_PER_S

    def read_s(self, tokens: float) -> float:
        """Seconds to read prompts of so many tokens."""
        if self.on_gpu:
            return tokens / TOKENS_PER_QUESTION * GPU_QUESTION_S * self.manifest.parameters / 1e9
        return 2 * self.manifest.parameters * tokens / (CORE_OPERATIONS_PER_S * self.cores)

    def write_s(self, tokens: float) -> float:
        """Seconds to write so many tokens, one after another."""
        weights = self.manifest.parameters * dtype_bytes(self.settings.dtype, self.settings.device)
        return tokens * (GPU_TOKEN_S if self.on_gpu else weights / READ_BYTES_PER_S)


class Estimates(NamedTuple):
    """Seconds by model for its evaluations, and by name for the other parts; None where a model's size is not known yet."""

    models: dict[str, float | None]
    parts: dict[str, float | None]


def estimates(
    study: Study,
    manifests: Mapping[str, Manifest | None],
    questions: Mapping[str, int | None],
    forecasts: Mapping[str, Forecast],
    cores: int,
) -> Estimates:
    """Return how long a study takes on all cores, in the study's order; what is skipped takes 0 seconds."""
    counts = {subject: QUESTIONS_PER_SUBJECT if count is None else count for subject, count in questions.items()}

    def load(model: str, forecast: Forecast, cores: int = cores) -> _Load | None:
        manifest, settings = manifests[model], forecast.runs_as
        return _Load(manifest, settings, cores) if manifest and settings else None

    def scoring_s(
        model: str, forecast: Forecast, subjects: Sequence[str], processes: float, cores: int = cores
    ) -> float | None:
        loaded, prompt = load(model, forecast, cores), study.run[model].prompt
        if loaded is None:
            return None if forecast.runs_as else 0.0
        number = sum(counts[subject] for subject in subjects)
        # A cloze prompt has its choices behind it instead of in it, which is as many tokens.
        orders = CHOICES_PER_QUESTION if prompt.orders == Orders.CYCLIC else 1
        tokens = (number * orders + len(subjects) * prompt.examples) * TOKENS_PER_QUESTION
        return loaded.read_s(tokens) + loaded.write_s(number * (prompt.max_new_tokens - 1)) + processes * loaded.start_s()

    def chat_s(model: str, chat: ChatEntry) -> float | None:
        loaded = load(model, forecasts[model])
        if loaded is None:
            return None if forecasts[model].runs_as else 0.0
        prompts = DISTINCT_PROMPTS * len(KINDS) * len(chat.distances) * chat.trials * len(chat.strategies)
        read_s = loaded.read_s(prompts * TOKENS_PER_CHAT_PROMPT) * CHAT_SLOWDOWN
        return loaded.start_s() + read_s + loaded.write_s(prompts * chat.max_new_tokens)

    models: dict[str, float | None] = {}
    parts: dict[str, float | None] = {}
    for model, entry in study.run.items():
        subjects = [subject for name, subject in study.pairs() if name == model]
        # Processes start side by side on all cores.
        processes = 1 if model in study.loaded_once else len(subjects) * min(entry.threads, cores) / cores
        if subjects:
            models[model] = scoring_s(model, forecasts[model], subjects, processes)
    if setups := study.timing_setups:
        runs = [scoring_s(setups.model, forecasts[setup.name], setups.subjects, 1) for setup in setups.setups]
        parts["timing setups"] = total(runs * setups.repeats)
    if part := study.stability:
        # Models are loaded once for each number format.
        loads = 1 / len(stability.Batching) / len(stability.THREADS)
        passes = [scoring_s(part.model, forecasts[part.model], part.subjects, loads, min(n, cores)) for n in stability.THREADS]
        parts["stability"] = total(passes * len(stability.DTYPES) * len(stability.Batching))
    if study.chat:
        parts["chat"] = total([chat_s(model, study.chat) for model in study.chat.models])
    return Estimates(models, parts)


def total(seconds: Sequence[float | None]) -> float | None:
    """Return the sum, None if one of them is not known."""
    known = [value for value in seconds if value is not None]
    return sum(known) if len(known) == len(seconds) else None
