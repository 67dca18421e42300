"""run.json and provenance.json: how a study's results were made. They name no person."""

from pathlib import PurePosixPath
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from mmlu_kit.data import Data, Document, Name, Positive, Sha256, Text, version
from mmlu_kit.inputs.file_entries import FileEntry
from mmlu_kit.terminal_text import printable
from mmlu_kit.timing.machine import Machine

FILE = "provenance.json"
CRATE = "ro-crate-metadata.json"
MOST_FILES = 100_000

Hashes = dict[str, Sha256]


def _below(name: str) -> str:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or not path.parts or path.as_posix() != name or "\0" in name:
        raise ValueError(f"'{printable(name)}' is not a path below the results")
    return name


ResultPath = Annotated[str, AfterValidator(_below)]


class Source(Data):
    """Questions or a model: where they come from and the hashes of their files."""

    repository: str | None = Field(description="Repository on the hub; null for a local folder.")
    commit: str | None
    sha256: Sha256 = Field(description="Hash of the output of `sha256sum` for the files, sorted by name.")
    files: Hashes
    adapter: Text | None = Field(
        None, description="The adapter that was applied to a model: its repository at its commit, or its folder's name."
    )


class QuestionsSource(Source):
    """The questions asked; `files` are those that every stage reads."""

    name: str


class Code(Data):
    """The kit's code."""

    commit: str | None = Field(description="The commit at which the results were last updated; null without git.")
    changed: list[str] | None = Field(description="Files changed since that commit.")
    sha256: Sha256 = Field(description="Hash of the output of `sha256sum` for the files, sorted by name.")
    files: Hashes


class Image(Data):
    """A container image that rules ran in."""

    name: str
    sha256: Sha256 | None


class MachineUse(Data):
    """A machine that ran models."""

    machine: Machine
    threads: list[Positive] = Field(description="The numbers of threads used on it.")
    models: list[str]


class RunFile(Document):
    """run.json: what a run consists of; the report's last section shows it."""

    schema_: Literal["mmlu-kit/run/2"] = version("mmlu-kit/run/2")
    study: Name
    title: str
    command: str | None = Field(
        description="The user's command line; paths outside the project are shortened to their base names."
    )
    snakemake: str | None = Field(description="The version of Snakemake.")
    started: str | None = Field(description="When the first process that evaluated a model began, UTC, ISO 8601.")
    code: Code
    locks: Hashes = Field(description="Hashes of the lock files, by name.")
    images: dict[str, Image] = Field(description="The container images that rules ran in, by kind; empty without containers.")
    questions: QuestionsSource
    models: dict[str, Source]
    machines: list[MachineUse] = Field(description="The machines that ran models.")


class Job(Data):
    """A Snakemake job and its outputs."""

    rule: str | None
    command: str | None
    started: str
    ended: str
    outputs: list[str]


class ProvenanceFile(Document):
    """provenance.json: a run, the jobs that made its results, and the hash of every result file except logs and this one."""

    schema_: Literal["mmlu-kit/provenance/3"] = version("mmlu-kit/provenance/3")
    run: RunFile = Field(description="As in run.json.")
    started: str = Field(description="When the first job or evaluation that made a result began, UTC, ISO 8601.")
    ended: str = Field(description="When this file was written, after all other jobs, UTC, ISO 8601.")
    jobs: list[Job] = Field(description="From Snakemake's records; empty if it kept none.")
    files: dict[ResultPath, FileEntry] = Field(max_length=MOST_FILES)
