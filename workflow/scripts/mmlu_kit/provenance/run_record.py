"""How a study's results were made: the code, data, machines and jobs, and a hash of every file.

`run.json` is written before the report, which shows it. `provenance.json` is written after the report and adds all jobs and
hashes.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from mmlu_kit import files
from mmlu_kit.data import Data
from mmlu_kit.evaluation.records import Evaluation, NotRun, Timing, read_timing
from mmlu_kit.private_names import without_secrets
from mmlu_kit.provenance import comparison, revision
from mmlu_kit.provenance.documents import Code, Image, Job, MachineUse, ProvenanceFile, QuestionsSource, RunFile, Source
from mmlu_kit.provenance.jobs import iso
from mmlu_kit.recall.documents import RecallFile
from mmlu_kit.results import locations
from mmlu_kit.results.merged import Merged
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

LOCKS = ("cpu.lock", "cuda.lock", "torch.txt")


class RunStart(Data):
    """What Snakemake's own process knows about a run; each field is null if it is not known."""

    command: str | None = None
    commit: str | None = None
    changed: list[str] | None = None
    snakemake: str | None = None


def describe(
    merged: Merged, results: Path, project: Path, begun: RunStart, images: Mapping[str, str], questions: Iterable[Path]
) -> RunFile:
    """Return the content of run.json; `results` is merged.json's folder, `images` are addresses or files, by kind."""
    code = revision.hashes(project, revision.code_files(project))
    timings = subject_timings(merged, results)
    return RunFile(
        study=merged.study.name,
        title=merged.study.title,
        command=begun.command,
        snakemake=begun.snakemake,
        started=min((timing.process_started for timing in timings), default=None),
        code=Code(commit=begun.commit, changed=begun.changed, sha256=combined(code), files=code),
        locks=locks(project),
        images={kind: image(name) for kind, name in images.items()},
        questions=_questions(merged, questions),
        models=models(merged, results),
        machines=machines(timings),
    )


def read(path: Path, merged: Merged, results: Path, questions: Iterable[Path]) -> RunFile:
    """Return the content of run.json. Raises UserError if it is of other models or questions than merged.json.

    What it says of code, images and machines is not compared.
    """
    run, evaluated = RunFile.read(path), evaluated_models(merged, results)
    values = {
        "study": (run.study, merged.study.name),
        "title": (run.title, merged.study.title),
        "questions": (run.questions, _questions(merged, questions)),
        "models": ({name: source for name, source in run.models.items() if name in evaluated}, evaluated),
    }
    for key, (value, expected) in values.items():
        if value != expected:
            raise UserError(f"{path} was changed after it was made: {key} is not that of the results; delete it and run again")
    return run


def _questions(merged: Merged, paths: Iterable[Path]) -> QuestionsSource:
    source, subjects = merged.study.questions, {path.name: files.file_sha256(path) for path in paths}
    about = {"name": source.name, "repository": source.repository, "commit": source.commit}
    return QuestionsSource(**about, sha256=combined(subjects), files=subjects)


def models(merged: Merged, results: Path) -> dict[str, Source]:
    """Return where each model that ran came from and the hashes of its files, from one of its result files."""
    chats = [model.model for model in merged.chat.models] if merged.chat else []
    sources = {name: _source(RecallFile.read(results / f"chat/{name}/recall.json")) for name in chats}
    return sources | evaluated_models(merged, results)


def evaluated_models(merged: Merged, results: Path) -> dict[str, Source]:
    """Return where each model with evaluations came from and the hashes of its files."""
    sources: dict[str, Source] = {}
    evaluated = {result.model: result for result in reversed(merged.results)}
    for name in dict.fromkeys(result.model for result in merged.results):
        first = evaluated[name]
        path = results / (first.source or "") / f"evaluations/{name}/{first.subject}.json"
        sources[name] = _source(Evaluation.read(path))
    return sources


def _source(result: RecallFile | Evaluation) -> Source:
    adapter = result.adapter
    return Source(
        repository=result.repository,
        commit=result.commit,
        sha256=combined(result.model_files),
        files=result.model_files,
        adapter=adapter and (f"{adapter.name} at {adapter.commit}" if adapter.commit else adapter.name),
    )


def locks(project: Path) -> dict[str, str]:
    """Return the SHA-256 of each lock file: the project's or, in an image without the project, the image's own."""
    for folder in (project / "envs", Path("/opt/kit")):
        paths = [path for name in LOCKS if (path := folder / name).is_file()]
        if paths:
            return {path.name: files.file_sha256(path) for path in paths}
    return {}


def image(name: str) -> Image:
    """Return an image's name and SHA-256, of its file or from its address; None for an address without one."""
    if "://" in name:
        in_address = re.search(r"@sha256:([0-9a-f]{64})\Z", name)
        return Image(name=without_secrets(name), sha256=in_address[1] if in_address else None)
    return Image(name=Path(name).name, sha256=files.file_sha256(Path(name)))


def subject_timings(merged: Merged, results: Path) -> list[Timing]:
    """Read the timing files of a study's results and of its timing setups; the folder may have others, of earlier settings."""
    ran = [result for result in merged.results if not merged.imported(result.model)]
    paths = [locations.timing_file(results / (each.source or ""), each.model, each.subject) for each in ran]
    for run in merged.setups.runs if merged.setups else []:
        paths += sorted((results / f"setups/run_{run.repeat}/{run.setup}/timings").glob("*.json"))
    return [timing for timing in map(read_timing, paths) if not isinstance(timing, NotRun)]


def machines(timings: Iterable[Timing]) -> list[MachineUse]:
    """Return the machines that ran models, each once."""
    uses: list[MachineUse] = []
    for timing in timings:
        place = next((n for n, use in enumerate(uses) if use.machine == timing.machine), len(uses))
        known = uses[place] if place < len(uses) else MachineUse(machine=timing.machine, threads=[], models=[])
        use = MachineUse(
            machine=timing.machine,
            threads=sorted({*known.threads, timing.threads}),
            models=sorted({*known.models, timing.model}),
        )
        uses[place : place + 1] = [use]
    return uses


def record(run: RunFile, results: Path, jobs: Sequence[Job], ended: float) -> ProvenanceFile:
    """Return the content of provenance.json; `ended` is in seconds since the epoch.

    A run began with its first job or, if another machine's evaluation is older, with that evaluation.
    """
    begins = [job.started for job in jobs] + [run.started or iso(ended)]
    entries = {name: comparison.file_entry(results / name) for name in result_files(results)}
    return ProvenanceFile(run=run, started=min(begins), ended=iso(ended), jobs=list(jobs), files=entries)


def result_files(results: Path) -> list[str]:
    """Return the result files of a study, sorted: its regular files but logs, journals, hidden files and those with the hashes.

    A name that is no valid UTF-8 raises UserError, as JSON cannot hold it.
    """
    names = [
        name
        for name, kind in comparison.entries(results).items()
        if kind is None and not any(part.startswith(".") for part in name.split("/"))
    ]
    for name in names:
        if any("\ud800" <= letter <= "\udfff" for letter in name):
            raise UserError(f"{results}/{printable(name)}: the name is no valid UTF-8 and cannot be recorded: rename the file")
    return names


def combined(hashes: Mapping[str, str]) -> str:
    """Return one SHA-256 for several files: that of the output of `sha256sum`, sorted by name."""
    return files.sha256(files.sums(hashes))
