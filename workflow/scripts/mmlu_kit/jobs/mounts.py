"""What must be mounted in an image for paths to lead where they lead on the host, through any symbolic links."""

import csv
import io
import itertools
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

_MAX_LINKS = 40  # as in Linux: more are a loop
Row = list[str]  # the fields of a mount: type=bind, src=…, dst=…


def names(path: str | Path) -> list[Path]:
    """The absolute paths at which the system looks on its way to a file or folder, the real one last.

    There is one for each link on the way. Empty if nothing is there.
    """
    passed: list[Path] = []
    here, ahead = Path("/"), list((Path.cwd() / path).parts[1:])
    with suppress(OSError):  # a folder that the user may not read
        while ahead and len(passed) <= _MAX_LINKS:
            part, *ahead = ahead
            step = here.parent if part == ".." else here / part
            if not step.is_symlink():
                here = step
                continue
            # Below a link, '..' is relative to where the link leads.
            passed.append(Path(step, *itertools.takewhile(lambda name: name != "..", ahead)))
            target = step.readlink()
            here, ahead = (Path("/") if target.is_absolute() else here), [*target.parts[target.is_absolute() :], *ahead]
        if not ahead and here.exists():
            return [*passed, here]
    return []


def real(path: str) -> str:
    """The same path if no link is on its way, else the absolute real one.

    In an image, a link outside mounted folders is a folder, from which relative links would not lead where they should.
    """
    resolved = os.path.realpath(path)
    return path if resolved == os.path.normpath(Path.cwd() / path) else resolved


def links(folder: str | Path) -> Iterator[Path]:
    """Every link in a folder and in the folders below it, also in those that links lead to; none in a file."""
    folders, visited = [Path(folder)], set()
    while folders:
        current = folders.pop()
        real_path = os.path.realpath(current)
        if real_path in visited:
            continue
        visited.add(real_path)
        entries: list[os.DirEntry[str]] = []
        with suppress(OSError), os.scandir(current) as contents:
            entries = list(contents)
        for entry in entries:
            if entry.is_symlink():
                yield Path(entry.path)
            with suppress(OSError):  # a loop
                folders += [Path(entry.path)] if entry.is_dir() else []


def mounts(paths: Iterable[str | Path]) -> dict[Path, Path]:
    """The path to mount at each place, so that all `paths` that exist can be read: {place in the image: real path}.

    Links in a mounted folder are seen there, so only what they lead to is mounted.
    """
    places = sorted({name for path in paths for name in names(path)}, key=lambda name: (len(name.parts), name))
    mounted: dict[Path, Path] = {}
    for place in places:
        if not any(folder in mounted for folder in (place, *place.parents)):
            mounted[place] = place.resolve()
    return mounted


def rows(mounted: Mapping[Path, Path]) -> list[Row]:
    """Mounts as rows of Apptainer's option --mount."""
    return [["type=bind", f"src={source}", f"dst={place}"] for place, source in mounted.items()]


def place_of(row: Row) -> Path | None:
    """Where a row mounts something; None if it does not say so."""
    fields = dict(field.partition("=")[::2] for field in row)
    return next((Path(fields[key]) for key in ("dst", "destination", "target") if key in fields), None)


def read(text: str) -> list[Row]:
    """The rows of a variable APPTAINER_MOUNT: CSV, whose quotes allow commas, colons and spaces in paths."""
    return [row for row in csv.reader(io.StringIO(text)) if row]


def write(table: Iterable[Row]) -> str:
    """The value of a variable APPTAINER_MOUNT."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(table)
    return text.getvalue()
