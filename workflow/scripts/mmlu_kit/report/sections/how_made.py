"""The report's last section: the code, questions, models, packages and images that the results were made with."""

from dataclasses import dataclass

from mmlu_kit.formatting import cell, code, plural
from mmlu_kit.provenance.documents import Code, RunFile, Source
from mmlu_kit.report.cells import Row, Rows, listed

FILES_NAMED = 5


@dataclass(frozen=True)
class HowMadeSection:
    """How the results were made."""

    started: str | None
    command: str | None
    snakemake: str | None
    code: str
    sources: Rows
    hosts: bool


def section(run: RunFile, order: list[str]) -> HowMadeSection:
    """Return the section; models with results come first, in the report's order."""
    models = {name: run.models[name] for name in [*order, *run.models] if name in run.models}
    commit = f"`{run.code.commit[:12]}`{', changed' if run.code.changed else ''}" if run.code.commit else "not known"
    return HowMadeSection(
        started=run.started,
        command=run.command,
        snakemake=run.snakemake,
        code=_code(run.code),
        sources=[
            [f"Code, {plural(len(run.code.files), 'file')}", commit, f"`{run.code.sha256}`"],
            _source(f"Questions {run.questions.name}", run.questions),
            *(_source(f"Model {name}", model) for name, model in models.items()),
            *(["Packages", f"`envs/{name}`", f"`{sha256}`"] for name, sha256 in run.locks.items()),
            *(
                [f"Image for {kind}", code(image.name), f"`{image.sha256}`" if image.sha256 else "not in its address"]
                for kind, image in run.images.items()
            ),
        ],
        hosts=any(use.machine.host for use in run.machines),
    )


def _code(recorded: Code) -> str:
    if not recorded.commit:
        return "The code was not under git, so its commit is not known; its hash is in the table."
    sentence = f"The code is commit `{recorded.commit}` of the kit"
    if not recorded.changed:
        return f"{sentence}."
    names = listed(map(code, recorded.changed[:FILES_NAMED]))
    more = " and more" if len(recorded.changed) > FILES_NAMED else ""
    return f"{sentence}, with {plural(len(recorded.changed), 'file')} changed since then ({names}{more})."


def _source(what: str, source: Source) -> Row:
    at = f"{source.repository} at `{(source.commit or '')[:12]}`" if source.repository else "a local folder"
    at += f", with the adapter {cell(source.adapter)}" if source.adapter else ""
    return [f"{what}, {plural(len(source.files), 'file')}", at, f"`{source.sha256}`"]
