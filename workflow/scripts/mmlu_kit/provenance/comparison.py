"""The files of a study's folder beside those that its provenance.json and ro-crate-metadata.json record."""

import os
import stat
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from mmlu_kit import files
from mmlu_kit.inputs.file_entries import FileEntry
from mmlu_kit.provenance.documents import CRATE, FILE, ProvenanceFile
from mmlu_kit.terminal_text import printable
from mmlu_kit.user_errors import UserError

# Not results: logs, which may name folders of the machine, and journals of unfinished evaluations.
LEFT_OUT = ("logs", "journals")
MOST_BYTES = 100_000_000  # a study of 50 models has about 5 MB
_TIMESTAMP = ".snakemake_timestamp"  # Snakemake's, in a folder that a job made
_KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}


class Differences(NamedTuple):
    """Names of result files that differ from those recorded; what is no regular file has its kind behind its name."""

    changed: list[str]
    missing: list[str]
    extra: list[str]


def read(results: Path) -> ProvenanceFile:
    """Read a study's provenance.json; raises UserError if there is none, or if it is damaged, too large or no regular file."""
    path = results / FILE
    _check(path)
    return ProvenanceFile.read(path)


def entries(results: Path) -> dict[str, str | None]:
    """Return everything below a study's folder except folders, logs, journals and what holds the hashes, by name.

    The value is None for a regular file, else what it is ('a link'); links are not followed. A folder that cannot be read
    raises UserError.
    """
    kinds: dict[str, str | None] = {}
    for folder, folders, names in os.walk(results, onerror=_unreadable):
        if Path(folder) == results:
            folders[:] = [name for name in folders if name not in LEFT_OUT]
            names = [name for name in names if name not in (*LEFT_OUT, FILE, CRATE)]
        for name in [*folders, *names]:
            path = Path(folder, name)
            mode = path.lstat().st_mode
            if not stat.S_ISDIR(mode) and name != _TIMESTAMP:
                kinds[path.relative_to(results).as_posix()] = _KINDS.get(stat.S_IFMT(mode))
    return dict(sorted(kinds.items()))


def differences(provenance: ProvenanceFile, results: Path) -> Differences:
    """Compare the files of a study, and what its crate records of them, with provenance.json."""
    kinds, recorded = entries(results), provenance.files
    described = {name: f"{name} ({kind})" if kind else name for name, kind in kinds.items()}
    changed = [described[name] for name in recorded if name in kinds and not same(results / name, recorded[name])]
    crate = _crate_hashes(results / CRATE)
    if crate.pop(FILE, None) != _both(file_entry(results / FILE)):
        changed.append(FILE)
    if crate != _hashes(provenance):
        changed.append(CRATE)
    return Differences(
        changed=changed,
        missing=sorted(set(recorded) - set(kinds)),
        extra=[described[name] for name in kinds if name not in recorded],
    )


def crate_agrees(provenance: ProvenanceFile, results: Path) -> bool:
    """Whether a study's crate, if it has one, records the same hashes as its provenance.json, and that file's own."""
    if not os.path.lexists(results / CRATE):
        return True
    try:
        crate = _crate_hashes(results / CRATE)
    except UserError:
        return False
    return crate == _hashes(provenance) | {FILE: _both(file_entry(results / FILE))}


def same(path: Path, entry: FileEntry) -> bool:
    """Whether a file is a regular one with the recorded size and hash; one that cannot be read raises UserError."""
    try:
        status = path.lstat()
        return stat.S_ISREG(status.st_mode) and status.st_size == entry.bytes and files.file_sha256(path) == entry.sha256
    except OSError as error:
        _unreadable(error)
        raise


def file_entry(path: Path) -> FileEntry:
    """Return a file's size and hash."""
    return FileEntry(bytes=path.stat().st_size, sha256=files.file_sha256(path))


def _unreadable(error: OSError) -> None:
    raise UserError(f"{printable(error.filename)} cannot be read ({error.strerror}): correct its permissions") from None


def _check(path: Path) -> None:
    """Check that a file that holds hashes is a regular one of a credible size."""
    if path.is_symlink():
        raise UserError(f"{printable(path)} is a link, which the kit never writes: put the file itself there")
    files.open_regular(path, MOST_BYTES, "run the study, which writes it").close()


def _both(entry: FileEntry) -> tuple[str, str]:
    return entry.sha256, str(entry.bytes)


def _hashes(provenance: ProvenanceFile) -> dict[str, tuple[str | None, str | None]]:
    """The hash and size of each entity of a crate that has one, by provenance.json, except of provenance.json itself."""
    run = provenance.run
    hashes: dict[str, tuple[str | None, str | None]] = {
        f"#questions-{run.questions.name}": (run.questions.sha256, None),
        **{f"#model-{name}": (source.sha256, None) for name, source in run.models.items()},
        **{f"#image-{kind}": (image.sha256, None) for kind, image in run.images.items() if image.sha256},
    }
    return hashes | {quote(name): _both(entry) for name, entry in provenance.files.items()}


def _crate_hashes(path: Path) -> dict[str, tuple[str | None, str | None]]:
    """The hash and size of each entity of the crate in `path` that has one; a damaged crate raises UserError."""
    _check(path)
    hashes: dict[str, tuple[str | None, str | None]] = {}
    names: set[str] = set()
    for entity in _entities(path, files.read_json(path)):
        name, pair = entity.get("@id"), (entity.get("sha256"), entity.get("contentSize"))
        if not isinstance(name, str) or name in names or not all(isinstance(value, str | None) for value in pair):
            raise _damaged(path, f"entity '{printable(name)}' is not as the kit writes it")
        names.add(name)
        if any(pair):
            hashes[name] = pair
    return hashes


def _entities(path: Path, crate: Any) -> Iterator[Mapping[str, Any]]:
    graph = crate.get("@graph") if isinstance(crate, dict) else None
    if not isinstance(graph, list):
        raise _damaged(path, "it has no list '@graph'")
    for entity in graph:
        if not isinstance(entity, dict):
            raise _damaged(path, "'@graph' has an entity that is no object")
        yield entity


def _damaged(path: Path, problem: str) -> UserError:
    return UserError(f"{printable(path)} is no RO-Crate of the kit ({problem}): restore it, or run the study again")
