"""Archives of results, packed on one machine and unpacked on another into results/<study>/elsewhere/<name>/.

An archive may come from anyone, so everything in it is checked before anything is joined with the results.
"""

import contextlib
import io
import re
import shutil
import zipfile
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from mmlu_kit import files, locks
from mmlu_kit.evaluation import records
from mmlu_kit.evaluation.records import Evaluation
from mmlu_kit.results import compatibility, locations, machine_results, unpacked, zip_members
from mmlu_kit.results.machine_results import Place
from mmlu_kit.study import Study
from mmlu_kit.user_errors import UserError

# Names that some system takes for something else than a file.
_RESERVED = re.compile(r"(?i:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?|.*\.")


def pack(results: Path) -> tuple[bytes, dict[str, int]]:
    """Return a zip archive of the evaluations that this machine ran for a study, and the number of subjects of each model.

    Equal results give equal bytes. The archive's comment is the study's name. "Not run" placeholders, imported answers, job
    logs and everything computed from the evaluations are left out. Raises UserError if this machine ran no evaluation, or if a
    file of one is missing, damaged, or contradicts the others.
    """
    results = Path(results)
    place = Place(results, f"{results}/", "delete the evaluation and run the study again")
    chosen: set[str] = set()
    models: Counter[str] = Counter()
    for path in sorted((results / "evaluations").glob("*/*.json")):
        outcome = records.read_evaluation(path)
        if isinstance(outcome, Evaluation) and outcome.requested is not None:
            evaluation, names = machine_results.read_evaluation(place, path.relative_to(results).as_posix())
            chosen.update(names)
            models[evaluation.model] += 1
    if not chosen:
        raise UserError(f"{results}: no evaluation was run on this machine, so there is nothing to pack: run the study first")
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = study_name(results).encode()
        for name in sorted(chosen):
            member = zipfile.ZipInfo(name)  # dated 1980, the earliest that zip has, for equal bytes
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, place.read(name))
    return buffer.getvalue(), dict(models)


def unpack(archive: Path, results: Path, name: str, study: Study | None = None) -> dict[str, int]:
    """Put an archive made by `pack` into a study's elsewhere/<name>/, and return the number of subjects of each model.

    An archive unpacked earlier under the same name is replaced. A process that is killed leaves the one or the other; between
    two renames it leaves the earlier one hidden, which `locations.other_machines` refuses and the next `unpack` restores.
    Raises UserError, with nothing joined, for a damaged file, a file that `pack` does not make, another study's archive, an
    evaluation that `study` does not ask for, or an answer that contradicts an existing result.
    """
    results = Path(results)
    advice = "copy there the archive that `make pack` made on the other machine"
    with files.open_regular(archive, advice=advice) as stream:
        members = zip_members.read(archive, stream)
        _check_study(archive, members.comment, results)
        _check_name(name)
        folder = _target(results, name)
        with _locked(folder.parent):
            _check_earlier(folder)
            part = folder.with_name(f".{name}.part")
            zip_members.extract(archive, members, part)
            models = _check(archive, part, members.namelist(), results, folder, study)
            if folder.exists():
                folder.rename(folder.with_name(f".{name}{locations.OLD}"))
            unpacked.record(part)
            part.rename(folder)
    return models


def study_name(results: Path) -> str:
    """Return the name of the study whose results are in a folder."""
    name = Path(results).absolute().name
    if not re.fullmatch(zip_members.NAME, name):
        raise UserError(f"{results}: '{name}' is not a study's name: name its folder, results/<study>")
    return name


def _check_study(archive: Path, comment: bytes, results: Path) -> None:
    """Raise UserError unless an archive is of the study whose results are in a folder."""
    study, name = study_name(results), comment.decode(errors="replace")
    if not re.fullmatch(zip_members.NAME, name):
        raise UserError(f"{archive} names no study, as `pack` does: pack it again on the machine that made it")
    if name != study:
        raise UserError(f"{archive} holds results of the study '{name}', not of '{study}': unpack it into that study's results")


def _check_name(name: str) -> None:
    """Raise UserError unless a folder can be named so on every system."""
    if not re.fullmatch(zip_members.NAME, name) or _RESERVED.fullmatch(name):
        problem = f"'{name}' cannot be a folder's name: use letters, digits, '.', '_' and '-'"
        raise UserError(f"{problem}, and choose it with --name, or NAME= for make")


def _target(results: Path, name: str) -> Path:
    """Return elsewhere/<name>. Raises UserError if something other than a folder is there, or a link on the way."""
    folder = results / locations.ELSEWHERE / name
    for path in (results, folder.parent, folder):
        if path.is_symlink() and (path != results or not path.exists()):
            raise UserError(f"{path} is a link, through which nothing is unpacked: move the link away")
        if path.exists() and not path.is_dir():
            raise UserError(f"{path} is not a folder: move it away")
    return folder


def _check_earlier(folder: Path) -> None:
    """Raise UserError if a folder has something that `unpack` did not make, or a name that some systems take for another's.

    Only while no other process renames it.
    """
    for path in folder.rglob("*"):
        name_below = path.relative_to(folder).as_posix()
        known = name_below == unpacked.SUMS or zip_members.MEMBER.fullmatch(name_below)
        if path.is_symlink() or not (path.is_dir() or known):
            raise UserError(
                f"{path} was not unpacked from an archive: move it away, or choose another name than '{folder.name}'"
            )
    names = [path.name for path in folder.parent.glob("*")]
    alike = [other for other in names if other != folder.name and other.lower() == folder.name.lower()]
    if alike:
        raise UserError(f"{folder} and the existing {alike[0]} are one folder on some systems: use that name, or another")


@contextlib.contextmanager
def _locked(elsewhere: Path) -> Iterator[None]:
    """Keep other processes out of elsewhere/, and remove what a killed one left before, and what this one leaves after."""
    missing = [path for path in (elsewhere, *elsewhere.parents) if not path.exists()]
    elsewhere.mkdir(parents=True, exist_ok=True)
    path = elsewhere / ".lock"
    lock = locks.take(path)
    if lock is None:
        raise UserError(f"{elsewhere} is in use by another `unpack`: wait for it")
    try:
        _clean(elsewhere)
        yield
    finally:
        _clean(elsewhere)
        path.unlink()
        lock.close()
        with contextlib.suppress(OSError):  # of the first that is not empty
            for folder in missing:
                folder.rmdir()


def _clean(elsewhere: Path) -> None:
    """Remove unfinished folders and replaced ones; a replaced one without a successor gets its name back."""
    unfinished = {*elsewhere.glob(".*.part")}
    for old in elsewhere.glob(f".*{locations.OLD}"):
        folder = old.with_name(old.name.removeprefix(".").removesuffix(locations.OLD))
        if folder.exists():
            unfinished.add(old)
        else:
            old.rename(folder)
    for path in unfinished:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _check(archive: Path, part: Path, members: list[str], results: Path, folder: Path, study: Study | None) -> dict[str, int]:
    """Return the number of subjects of each model in an archive that was extracted to `part`, to become `folder`.

    Raises UserError if a file is damaged or belongs to no evaluation, or if an evaluation contradicts the study or a result of
    any machine.
    """
    place = Place(part, f"{archive}: ", "pack it again on the machine that made it")
    others = [results, *(other for other in locations.other_machines(results) if other != folder)]
    models: Counter[str] = Counter()
    belonging: set[str] = set()
    for name in sorted(name for name in members if name.startswith("evaluations/")):
        model, names = _check_evaluation(archive, place, name, others, study)
        models[model] += 1
        belonging.update(names)
    extra = sorted(set(members) - belonging)
    if extra:
        raise UserError(f"{archive}: {extra[0]} belongs to no evaluation in it; {place.advice}")
    return dict(models)


def _check_evaluation(
    archive: Path, place: Place, name: str, others: Sequence[Path], study: Study | None
) -> tuple[str, list[str]]:
    """Return the model of an evaluation in an archive and the names of the files that belong to it.

    Raises UserError as `_check`. Only one evaluation is in memory at a time.
    """
    evaluation, names = machine_results.read_evaluation(place, name)
    if study is not None:
        machine_results.check_in_study(evaluation, study, f"{archive}: {name}")
    for path in (other / name for other in others):
        if path.is_file():
            outcome = records.read_evaluation(path)
            compatibility.check_same_answers(str(path), outcome, f"{archive}: {name}", evaluation)
    return evaluation.model, names
