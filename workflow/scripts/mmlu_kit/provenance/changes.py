"""Results and questions that somebody changed after the run that made them: they are named before a run uses them.

A file is compared with its hash in provenance.json, and one of another machine with its hash from when it was unpacked. A
difference is explained if a later job of Snakemake wrote the file, or was writing it when a run was killed.
"""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path, PurePosixPath

from mmlu_kit import files
from mmlu_kit.formatting import plural
from mmlu_kit.inputs.file_entries import FileEntry
from mmlu_kit.provenance import comparison, jobs
from mmlu_kit.provenance.documents import CRATE, FILE, ProvenanceFile
from mmlu_kit.results import locations, unpacked
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

_CLOCK_S = 2  # the coarsest clock of a file system (FAT)
_WHOLE_S = 1  # provenance.json has its end in whole seconds
_NOBODY_KNOWS = "without Snakemake's records, nobody can tell who wrote it"


def check(
    results: Path, questions: Path, snakemake: Path, is_made: Callable[[str], bool], keeps_records: bool = True
) -> Iterator[str]:
    """Yield a warning for each kind of change that a run may go on with; any other change raises UserError.

    `questions` is the folder of the study's fetched questions, `snakemake` that of Snakemake's records, and `is_made` tells
    whether a rule makes the file at a path.
    `keeps_records` is False with --drop-metadata: then a file that somebody changed looks like one that a later run wrote.
    """
    path = results / FILE
    form = _other_form(path)
    provenance = comparison.read(results) if form is None and os.path.lexists(path) else None
    names = _unexplained(provenance, results, snakemake) if provenance else []
    lost = [name for name in names if provenance and _had_hash(provenance, name)]
    if elsewhere := [*_changed_elsewhere(results), *(results / name for name in lost)]:
        raise UserError(f"{_changed(elsewhere)}: restore it, or unpack its archive again")
    for folder in locations.other_machines(results):
        if not os.path.lexists(folder / unpacked.SUMS):
            unknown = f"has no {unpacked.SUMS}, so nobody can tell whether it is as packed"
            yield f"{printable(folder)} {unknown}: unpack its archive again"
    if form:
        yield f"{path} is of another version of the kit ({form}), so changed files cannot be noticed"
    knows_writers = bool(provenance and provenance.jobs and keeps_records)
    subjects = _changed_questions(provenance, questions, snakemake) if provenance else []
    if subjects and knows_writers:
        raise UserError(f"{_changed(subjects)}: restore it, or delete it so that it is fetched again")
    if subjects:
        yield f"{printable(subjects[0])} is not as recorded in {FILE}; {_NOBODY_KNOWS}"
    makers = {name: next(filter(is_made, _paths(results, name)), None) for name in names}
    made = [name for name in names if makers.get(name)]
    if made and knows_writers:
        target = "it" if makers[made[0]] == str(results / made[0]) else makers[made[0]]
        advice = f"restore it, or delete {target} so that it is made again"
        raise UserError(f"{_changed([results / name for name in made])}: {advice}")
    if made:
        yield f"{_counted(results, made)} not as recorded in {FILE}; {_NOBODY_KNOWS}"
    if kept := [name for name in names if name not in made]:
        yield f"{_counted(results, kept)} not as recorded in {FILE}: changed or replaced after that run, and kept"


def _changed(paths: Sequence[Path]) -> str:
    others = f" (and {plural(len(paths) - 1, 'other file')})" if len(paths) > 1 else ""
    return f"{printable(paths[0])}{others} was changed after the run that made it"


def _counted(results: Path, names: Sequence[str]) -> str:
    others = f" and {plural(len(names) - 1, 'other file')} are" if len(names) > 1 else " is"
    return f"{printable(results / names[0])}{others}"


def _paths(results: Path, name: str) -> list[str]:
    """The path of a result file and those of its folders below the results, one of which a rule may make as a whole."""
    path = results / name
    return [str(path), *(str(folder) for folder in path.parents if folder != results and folder.is_relative_to(results))]


def _other_form(path: Path) -> str | None:
    """The schema of a provenance.json of another version of the kit; None for one of this version or a damaged one."""
    content = files.read_json(path, comparison.MOST_BYTES) if os.path.lexists(path) else None
    form = content.get("schema") if isinstance(content, dict) else None
    is_other = isinstance(form, str) and form.startswith("mmlu-kit/provenance/") and form != ProvenanceFile.form()
    return printable(form) if is_other else None


def _had_hash(provenance: ProvenanceFile, name: str) -> bool:
    """Whether a file of another machine had its hash beside it at the time of the record."""
    folders = () if name.endswith(f"/{unpacked.SUMS}") else PurePosixPath(name).parents
    return any(f"{folder}/{unpacked.SUMS}" in provenance.files for folder in folders)


def _changed_elsewhere(results: Path) -> Iterator[Path]:
    for folder in locations.other_machines(results):
        yield from (folder / name for name in unpacked.changed(folder) or [])


def _unexplained(provenance: ProvenanceFile, results: Path, snakemake: Path) -> list[str]:
    """Return the names of files that differ from provenance.json and that no later job wrote."""
    hashed = {folder.relative_to(results) for folder in locations.other_machines(results) if (folder / unpacked.SUMS).exists()}
    names = [
        name
        for name, entry in provenance.files.items()
        if (hashed.isdisjoint(Path(name).parents) or name.endswith(f"/{unpacked.SUMS}"))
        and os.path.lexists(results / name)
        and not comparison.same(results / name, entry)
    ]
    agrees = comparison.crate_agrees(provenance, results)
    if agrees and not names:
        return []
    ended, ends = _seconds(provenance.ended, results / FILE), jobs.ends(snakemake)
    if not agrees and all(ends.get(str(results / name), ended) is not None for name in (FILE, CRATE)):
        names.append(FILE)  # their job was not killed between the two
    return [name for name in names if not any(_wrote(ends, target, results / name, ended) for target in _paths(results, name))]


def _changed_questions(provenance: ProvenanceFile, folder: Path, snakemake: Path) -> list[Path]:
    """Return the files of questions that differ from those of the recorded run and that no later job wrote."""
    source = provenance.run.questions
    if folder.name != f"{source.name}@{source.commit or 'local'}":
        return []  # the study asks other questions now
    paths = {folder / name: sha256 for name, sha256 in source.files.items()}
    changed = [path for path, sha256 in paths.items() if os.path.lexists(path) and not _has_hash(path, sha256)]
    if not changed:
        return []
    ended, ends = _seconds(provenance.ended, folder), jobs.ends(snakemake)
    return [path for path in changed if not _wrote(ends, str(path), path, ended)]


def _has_hash(path: Path, sha256: str) -> bool:
    return comparison.same(path, FileEntry(bytes=path.lstat().st_size, sha256=sha256))


def _wrote(ends: Mapping[str, float | None], target: str, path: Path, ended: float) -> bool:
    """Whether a job that makes `target` wrote the file at `path` after `ended`, or was killed while it could write it."""
    end = ends.get(target, 0.0)
    return end is None or (end > ended + _WHOLE_S and path.lstat().st_mtime <= end + _CLOCK_S)


def _seconds(date: str, path: Path) -> float:
    try:
        return datetime.fromisoformat(date).timestamp()
    except (ValueError, OverflowError):
        raise UserError(f"{path}: '{printable(date)}' at ended is no date: restore the file") from None
