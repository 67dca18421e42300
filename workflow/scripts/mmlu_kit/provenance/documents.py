"""run.json and provenance.json: how a study's results came to be. Nothing in them names a person."""

from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from mmlu_kit.data import Data, Document, Name, Positive, Sha256, version
from mmlu_kit.inputs.checkpoints import FileEntry
from mmlu_kit.timing.machine import Machine

Hashes = dict[str, Sha256]


def _below(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts:
        raise ValueError(f"'{name}' is no path below the results")
    return name


ResultPath = Annotated[str, AfterValidator(_below)]


class Source(Data):
    """Questions or a model: where they come from and the hashes of their files."""

    repository: str | None = Field(description="On the hub; null for a local folder.")
    commit: str | None
    sha256: Sha256 = Field(description="Of what `sha256sum` prints for the files, sorted by name.")
    files: Hashes


class QuestionsSource(Source):
    """The questions asked; `files` are those that every stage reads."""

    name: str


class Code(Data):
    """The kit's code."""

    commit: str | None = Field(description="When the results were last brought up to date; null without git.")
    changed: list[str] | None = Field(description="Files changed since that commit.")
    sha256: Sha256 = Field(description="As a source's.")
    files: Hashes


class Image(Data):
    """A container image that rules ran in."""

    name: str
    sha256: Sha256 | None


class MachineUse(Data):
    """A machine that models ran on."""

    machine: Machine
    threads: list[Positive] = Field(description="The numbers of threads used there.")
    models: list[str]


class RunFile(Document):
    """run.json: what a run consists of, as the report's end shows it."""

    schema_: Literal["mmlu-kit/run/1"] = version("mmlu-kit/run/1")
    study: Name
    title: str
    command: str | None = Field(description="The user's command line; of paths outside the project the last name alone.")
    snakemake: str | None = Field(description="The version of Snakemake.")
    started: str | None = Field(description="When the first process that evaluated a model began, UTC, ISO 8601.")
    code: Code
    locks: Hashes = Field(description="The lists of locked packages.")
    images: dict[str, Image] = Field(description="The images that rules ran in, by kind; empty where they ran without.")
    questions: QuestionsSource
    models: dict[str, Source]
    machines: list[MachineUse] = Field(description="The machines that models ran on.")


class Job(Data):
    """A job of Snakemake and what it made."""

    rule: str | None
    command: str | None
    started: str
    ended: str
    outputs: list[str]


class ProvenanceFile(Document):
    """provenance.json: a run, the jobs that made its results, and a hash of every result file but logs and this one."""

    schema_: Literal["mmlu-kit/provenance/2"] = version("mmlu-kit/provenance/2")
    run: RunFile = Field(description="As in run.json.")
    started: str = Field(description="When the first job that made a result, or the first evaluation, began, UTC, ISO 8601.")
    ended: str = Field(description="When this file was written, after all other jobs, UTC, ISO 8601.")
    jobs: list[Job] = Field(description="From Snakemake's records; empty where it kept none.")
    files: dict[ResultPath, FileEntry]
