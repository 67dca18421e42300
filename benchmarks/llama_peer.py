"""llama.cpp as a peer: its files of the real model in several number formats, the kit's prompts for it, and its commands."""

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from mmlu_kit.evaluation import encoding
from mmlu_kit.evaluation.rows import shared_prefix
from mmlu_kit.inputs import questions
from mmlu_kit.models import tokenizers
from mmlu_kit.settings import PromptSettings, Split
from mmlu_kit.user_errors import UserError

PROGRAM = Path(__file__).parent / "llama.py"
SAVED, WRITTEN = "Q4_1", ("F32", "BF16", "Q8_0")  # number formats: the file's own, and those that llama.cpp writes of it
EXAMPLES = (0, 5)


def installed(package: Path) -> bool:
    """Whether a folder has llama.cpp's package."""
    return (package / "llama_cpp").is_dir()


@dataclass(frozen=True)
class Llama:
    """The folder of llama.cpp's package, GGUF files by number format, and files of prompts by their number of examples."""

    package: Path
    models: dict[str, Path]
    prompts: dict[int, Path]
    threads: int

    def command(self, name: str, tasks: Sequence[tuple[int, tuple[int, ...]]]) -> list[object]:
        """The command that scores prompts in a number format; tasks are examples and batch sizes to choose from."""
        words = [json.dumps({"prompts": str(self.prompts[examples]), "batches": batches}) for examples, batches in tasks]
        return [*program(self.package), "--model", self.models[name], "--threads", self.threads, "--tasks", *words]

    def version(self) -> str:
        """The version of llama.cpp's package."""
        found = metadata.distributions(name="llama-cpp-python", path=[str(self.package)])
        return next(iter(found)).version


def program(package: Path) -> list[object]:
    """The command of benchmarks/llama.py, up to its options."""
    return ["env", f"PYTHONPATH={package}", sys.executable, PROGRAM]


def prepare(package: Path, gguf: Path, asked: Path, subject: str, folder: Path, threads: int) -> Llama:
    """Write a GGUF file's weights in other number formats, and a subject's prompts as the kit encodes them."""
    models = {SAVED: gguf}
    for name in WRITTEN:
        models[name] = folder / f"{name}.gguf"
        command = [*program(package), "--model", gguf, "--threads", threads, "--convert", name, "--output", models[name]]
        done = subprocess.run(list(map(str, command)), capture_output=True, text=True)
        if done.returncode:
            raise UserError(done.stderr.strip().splitlines()[-1].removeprefix("error: "))
    tokenizer, files = tokenizers.load_tokenizer(gguf), {}
    for examples in EXAMPLES:
        read = questions.read_folder(asked, subject)
        tests, shown = questions.split(read, Split.TEST), questions.examples(read, examples)
        prompts = encoding.prepare(tests, shown, PromptSettings(), tokenizer, None)
        files[examples] = folder / f"prompts-{examples}.json"
        words = [{"ids": prompt.ids, "letters": prompt.letter_ids} for prompt in prompts]
        content = {"prefix": shared_prefix([prompt.rows for prompt in prompts]), "prompts": words}
        files[examples].write_text(json.dumps(content), encoding="utf-8")
    return Llama(package, models, files, threads)
