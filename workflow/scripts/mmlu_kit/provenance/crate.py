"""A study's folder as a Workflow Run RO-Crate, so that other programs can read how its results were made.

Profile: https://w3id.org/ro/wfrun/workflow/0.5 (Leo et al. 2024, Recording provenance of workflow runs with RO-Crate).
"""

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from rocrate.model.contextentity import ContextEntity
from rocrate.rocrate import ROCrate

from mmlu_kit.inputs.file_entries import FileEntry
from mmlu_kit.provenance.documents import FILE, Image, ProvenanceFile, Source

WORKFLOW = "Snakefile"
PROFILES = {
    "https://w3id.org/ro/wfrun/process/0.5": ("Process Run Crate", "0.5"),
    "https://w3id.org/ro/wfrun/workflow/0.5": ("Workflow Run Crate", "0.5"),
    "https://w3id.org/workflowhub/workflow-ro-crate/1.0": ("Workflow RO-Crate", "1.0"),
}
TERMS = "https://w3id.org/ro/terms/workflow-run#"
BIOSCHEMAS = "https://bioschemas.org/profiles/ComputationalWorkflow/1.0-RELEASE"
LICENCE = "https://spdx.org/licenses/MIT"
FORMATS = {
    ".csv": "text/csv",
    ".html": "text/html",
    ".json": "application/json",
    ".md": "text/markdown",
    ".png": "image/png",
    ".svg": "image/svg+xml",
}


def build(provenance: ProvenanceFile, entry: FileEntry) -> dict[str, Any]:
    """Return the content of ro-crate-metadata.json; `entry` is the size and hash of provenance.json itself.

    It holds nothing that is not in provenance.json, and names no person.
    """
    run = provenance.run
    crate = ROCrate(version="1.1")
    crate.metadata.extra_terms.update({term: f"{TERMS}{term}" for term in ("sha256", "containerImage", "ContainerImage")})
    crate.name = f"{run.title}: results"
    crate.description = f"Answers of language models to multiple-choice questions, and a report on them: study '{run.study}'."
    crate.datePublished = provenance.ended
    crate.license = _add(crate, LICENCE, "CreativeWork", name="MIT License")
    for profile, (name, version) in PROFILES.items():
        crate.root_dataset.append_to("conformsTo", _add(crate, profile, "CreativeWork", name=name, version=version))
    workflow = crate.add_workflow(
        dest_path=WORKFLOW,
        main=True,
        lang="snakemake",
        lang_version=run.snakemake,
        properties=_file(provenance.files, WORKFLOW),
    )
    workflow["name"] = "MMLU reproduction kit"
    workflow["description"] = f"The workflow's entry point. {FILE} lists all code files with their hashes."
    workflow["license"] = crate.license
    workflow["conformsTo"] = _add(
        crate, BIOSCHEMAS, "CreativeWork", name="Bioschemas ComputationalWorkflow", version="1.0-RELEASE"
    )
    workflow["version"] = run.code.commit or run.code.sha256
    results = [
        crate.add_file(dest_path=name, properties=_file({**provenance.files, FILE: entry}, name))
        for name in [*provenance.files, FILE]
        if name != WORKFLOW
    ]
    data: dict[str, Mapping[str, Source]] = {"questions": {run.questions.name: run.questions}, "model": run.models}
    used = [_source(crate, kind, name, source) for kind, sources in data.items() for name, source in sources.items()]
    action = _add(
        crate,
        "#run",
        "CreateAction",
        name=f"Run of the study '{run.study}'",
        description=run.command or "The command line is not known.",
        startTime=provenance.started,
        endTime=provenance.ended,
        actionStatus="http://schema.org/CompletedActionStatus",
        instrument=workflow,
        object=used,
        result=results,
    )
    images = [_image(crate, kind, image) for kind, image in run.images.items()]
    if images:
        action["containerImage"] = images
    crate.root_dataset["mentions"] = action
    return dict(crate.metadata.generate())


def _add(crate: ROCrate, identifier: str, kind: str, **properties: object) -> ContextEntity:
    entity = crate.add(ContextEntity(crate, identifier, properties={"@type": kind}))
    for name, value in properties.items():
        entity[name] = value
    return entity


def _file(entries: Mapping[str, FileEntry], name: str) -> dict[str, str]:
    """Return the properties of a file's entity."""
    about = {"name": name, "contentSize": str(entries[name].bytes), "sha256": entries[name].sha256}
    return {**about, "encodingFormat": FORMATS.get(PurePath(name).suffix, "text/plain")}


def _source(crate: ROCrate, kind: str, name: str, source: Source) -> ContextEntity:
    """Add questions or a model, identified by hash and, if from the hub, by commit."""
    entity = _add(crate, f"#{kind}-{name}", "CreativeWork", name=f"{kind} {name}", sha256=source.sha256)
    if source.repository:
        entity["identifier"] = f"{source.repository}@{source.commit}"
        entity["version"] = source.commit
    if source.adapter:
        entity["description"] = f"with the adapter {source.adapter}"
    return entity


def _image(crate: ROCrate, kind: str, image: Image) -> ContextEntity:
    remote = "://" in image.name
    entity = _add(crate, f"#image-{kind}", "ContainerImage", name=image.name)
    entity["additionalType"] = {"@id": f"{TERMS}{'DockerImage' if remote else 'SIFImage'}"}
    if image.sha256:
        entity["sha256"] = image.sha256
    return entity
