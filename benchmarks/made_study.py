"""Make up a study: its questions, from real ones, its models, and the answers and times of all evaluations."""

import argparse
import math
import os
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from mmlu_kit import files
from mmlu_kit.cli import study_options
from mmlu_kit.evaluation import answers, records
from mmlu_kit.evaluation.answers import Record
from mmlu_kit.evaluation.manner import Packing
from mmlu_kit.evaluation.records import Timing
from mmlu_kit.inputs import checkpoints, question_sources, questions
from mmlu_kit.inputs.questions import Question
from mmlu_kit.settings import Effective, WeightGroup
from mmlu_kit.study import Study
from mmlu_kit.timing import machine

ROOT = Path(__file__).parents[1]
NAME, RESULTS = "growth", "results/growth"
MMLU_QUESTIONS, MMLU_SUBJECTS = 14_042, 57
# The log of /usr/bin/time of every evaluation.
LOG = """\tUser time (seconds): 5.00
\tSystem time (seconds): 1.00
\tElapsed (wall clock) time (h:mm:ss or m:ss): 0:04.00
\tMaximum resident set size (kbytes): 1000000
\tExit status: 0
"""
LINEAR = {"module": "Linear", "dtype": "float32", "quant_type": None, "compute_dtype": None, "device": "cpu"}
EFFECTIVE = Effective(device="cpu", dtype="float32", quantization="none", parts=[WeightGroup(**LINEAR, tensors=3, bytes=4000)])


@dataclass(frozen=True)
class Size:
    """How large a study is; subjects have as many questions as MMLU's on average."""

    models: int
    subjects: int

    @property
    def questions(self) -> int:
        """The questions of all subjects."""
        return MMLU_QUESTIONS * self.subjects // MMLU_SUBJECTS


def write_inputs(size: Size, data: Path) -> Study:
    """Write the questions, the models and the config of a study into the working directory; returns the study."""
    source = question_sources.local(data)
    real = [question for subject in source.subjects() for question in source.read(subject)]
    tests, dev = questions.split(real, "test"), questions.split(real, "dev")
    names = [f"subject_{number:02}" for number in range(size.subjects)]
    for number, name in enumerate(names):
        places = range(number * size.questions // size.subjects, (number + 1) * size.questions // size.subjects)
        asked = [_again(tests, place, name, index) for index, place in enumerate(places)]
        examples = [_again(dev, 5 * number + index, name, index) for index in range(5)]
        questions.write_jsonl(Path(f"questions/{name}.jsonl"), [*examples, *asked])
    models = [f"model-{number:02}" for number in range(size.models)]
    for number, model in enumerate(models):
        # Other weights than those of the other models, which would be one model asked several times.
        shutil.copytree(
            ROOT / "workflow/demo/models" / ("demo-small", "demo-medium", "demo-large")[number % 3], f"models/{model}"
        )
        with Path(f"models/{model}/model.safetensors").open("r+b") as stream:
            stream.seek(-1, os.SEEK_END)
            stream.write(bytes([number]))
    study = {"title": "Growth", "questions": NAME, "subjects": names, "reference": "workflow/reference"}
    config = {
        "questions": {NAME: {"path": "questions"}},
        "models": {model: {"path": f"models/{model}", "threads": 1} for model in models},
        "studies": {NAME: {**study, "groups": {"all": {"title": "All models", "models": models}}}},
    }
    files.write_json(Path("config.yaml"), config)
    return study_options.resolve(study_options.read(argparse.Namespace(study=NAME, configfile=[])))


def _again(real: Sequence[Question], place: int, subject: str, index: int) -> Question:
    """A question in another subject; after the last one they are repeated with another text."""
    question, turn = real[place % len(real)], place // len(real)
    text = f"{question.question} ({turn + 1})" if turn else question.question
    return replace(question, subject=subject, index=index, question=text, title="")


def write_results(study: Study) -> None:
    """Write what the prepare stage and the evaluations of a study make into the working directory."""
    import torch

    folder, source, here = Path("resources/subjects") / study.subjects_folder, Path("questions"), machine.describe(torch)
    asked: dict[str, list[Question]] = {}
    for subject in study.subjects:
        texts = question_sources.local(source).read(subject)
        questions.write_jsonl(folder / f"{subject}.jsonl", texts)
        asked[subject] = questions.split(texts, "test")
    for number, (model, entry) in enumerate(study.run.items()):
        manifest = checkpoints.describe(Path(entry.path or ""))
        manifest.write(Path("resources/models") / study.manifest(model))
        chance, ability = random.Random(number), 0.3 + 0.4 * number / len(study.run)
        for subject, texts in asked.items():
            made = [_record(question, ability, chance) for question in texts]
            packing = Packing(packed=len(made), alone=0, reason=None)
            answered = records.evaluation(model, manifest, entry.requested, EFFECTIVE, None, subject, made, packing)
            answered.write(Path(f"{RESULTS}/evaluations/{model}/{subject}.json"))
            _timing(model, subject, len(made), here).write(Path(f"{RESULTS}/timings/{model}/{subject}.json"))
            files.write_text(Path(f"{RESULTS}/timings/{model}/{subject}.time"), LOG)


def _record(question: Question, ability: float, chance: random.Random) -> Record:
    """A made-up answer, which is right with the probability `ability` or by chance."""
    weights = {
        letter: chance.expovariate(1) + (letter == question.answer) * 8 * (chance.random() < ability)
        for letter in question.letters
    }
    logprobs = {letter: round(math.log(0.9 * weight / sum(weights.values())), 6) for letter, weight in weights.items()}
    predicted = max(logprobs, key=lambda letter: logprobs[letter])
    parsed = predicted if chance.random() < 0.9 else None
    return Record(
        subject=question.subject,
        index=question.index,
        question_sha256=question.sha256,
        choices=len(question.choices),
        prompt_sha256=files.sha256(question.question),
        prompt_tokens=100,
        examples=0,
        gold=question.answer,
        predicted=predicted,
        correct=predicted == question.answer,
        generated=f" {parsed}. So the" if parsed else " the following is",
        parsed=parsed,
        correct_generated=parsed == question.answer,
        letter_logprobs=logprobs,
        letter_mass=answers.mass(logprobs.values()),
    )


def _timing(model: str, subject: str, number: int, here: machine.Machine) -> Timing:
    """A made-up timing of one process, whose log of /usr/bin/time is LOG."""
    phases = dict.fromkeys(("tokenize_s", "parse_s", "write_s", "other_s"), 0.1)
    gpu = ("gpu_s", "gpu_energy_j", "peak_gpu_bytes")
    return Timing(
        model=model,
        subject=subject,
        questions_scored=number,
        resumed=False,
        tokens_per_batch=1536,
        process=f"{model}/{subject}.time",
        threads=1,
        process_started="2026-01-01T00:00:00+00:00",
        started="2026-01-01T00:00:01+00:00",
        **{**phases, "startup_s": 0.4, "load_s": 0.5, "forward_s": 1.6, "real_s": 2.0, "cpu_user_s": 1.5, "cpu_system_s": 0.5},
        **dict.fromkeys(gpu),
        reasons=dict.fromkeys(gpu, "the model runs on cpu"),
        peak_rss_bytes=10**9,
        machine=here,
    )
