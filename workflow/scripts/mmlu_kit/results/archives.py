"""Results of other machines: packed there, brought home to results/<study>/elsewhere/<name>/, and used in place of a run here.

Such a folder has `evaluations/<model>/<subject>.json`, `timings/<model>/<subject>.json` and, where /usr/bin/time was around
it, `timings/<model>/<job>.time`, as a study's results have them. No rule makes these files, so Snakemake never makes them
again.
"""

import io
import re
import shutil
import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path

from mmlu_kit import files
from mmlu_kit.evaluation import records
from mmlu_kit.user_errors import UserError

FOLDER = "elsewhere"
# What an archive may hold; all else is refused, whatever path it names. The first character keeps '..' and hidden files out.
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}"
_MEMBER = re.compile(rf"(evaluations/{_NAME}/{_NAME}\.json|timings/{_NAME}/{_NAME}\.(?:json|time))")
MOST_FILES, MOST_BYTES_EACH, MOST_BYTES = 100_000, 200_000_000, 4_000_000_000


def folders(results: Path) -> list[Path]:
    """The folders of other machines' results below a study's, in the order in which they are looked through."""
    return sorted(path for path in (Path(results) / FOLDER).glob("*") if path.is_dir() and not path.name.startswith("."))


def home(results: Path, model: str, subject: str) -> Path:
    """The folder whose result of a model and subject counts: another machine's where there is one, else the study's own."""
    name = f"evaluations/{model}/{subject}.json"
    return next((folder for folder in folders(results) if (folder / name).is_file()), Path(results))


def pack(results: Path) -> tuple[bytes, dict[str, int]]:
    """A zip archive of what this machine ran in a study, the same bytes for the same results, and the subjects of each model.

    The archive's comment is the study's name. Left out are what it could not run, logs and all that is computed from the rest.
    """
    ran = [
        path
        for path in sorted((Path(results) / "evaluations").glob("*/*.json"))
        if records.was_run(files.read_json(path)) and (Path(results) / "timings" / path.parent.name / path.name).is_file()
    ]
    if not ran:
        raise UserError(f"{results}: nothing that was run here lies there to be packed: run the study first")
    chosen = list(ran)
    for path in ran:
        beside = Path(results) / "timings" / path.parent.name
        logs = [beside / f"{path.stem}.time", beside / "together.time"]
        chosen += [beside / path.name, *(log for log in logs if log.is_file())]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = Path(results).name.encode()  # the study
        for path in sorted(set(chosen)):
            member = zipfile.ZipInfo(path.relative_to(results).as_posix())  # its date is that of all such archives, 1980
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, path.read_bytes())
    return buffer.getvalue(), _counts(ran)


def bring(archive: Path, results: Path, name: str) -> dict[str, int]:
    """Put an archive by `pack` into a study's results under a name, in place of one brought before; the subjects of each model.

    Every member is checked before any is written. A result that contradicts one already there raises UserError.
    """
    if not re.fullmatch(_NAME, name):
        raise UserError(f"'{name}' cannot be the name of a folder here: use letters, digits, '.', '_' and '-'")
    found = _members(archive)
    folder = Path(results) / FOLDER / name
    part = folder.with_name(f".{name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        for member, data in found.items():
            files.write_bytes(part / member, data)
        brought = sorted(part.glob("evaluations/*/*.json"))
        for path in brought:
            _check(path, part, [Path(results), *(other for other in folders(results) if other != folder)])
        if folder.exists():
            shutil.rmtree(folder)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return _counts(brought)


def study_of(archive: Path) -> str:
    """The name of the study that an archive is of; '?' where it has none."""
    with zipfile.ZipFile(archive) as opened:
        name = opened.comment.decode(errors="replace")
    return name if re.fullmatch(_NAME, name) else "?"


def same_answers(one: dict, other: dict) -> str | None:
    """None where two evaluations of a model and subject give the same answers, else which question is answered otherwise."""
    answers = [
        {record["index"]: (record["question_sha256"], record["predicted"], record["parsed"]) for record in found["records"]}
        for found in (one, other)
    ]
    differing = [index for index in answers[0] | answers[1] if answers[0].get(index) != answers[1].get(index)]
    return f"{len(differing)} answers differ, the first to question {min(differing)}" if differing else None


def check_same(one: Path, other: Path) -> None:
    """A UserError where two files of a model and subject, both of which were run, do not give the same answers."""
    found = [records.read_outcome(path, "evaluation") for path in (one, other)]
    differs = same_answers(*found) if all(map(records.was_run, found)) else None
    if differs:
        raise UserError(f"{one} and {other} contradict each other: {differs}; delete one of them")


def _check(path: Path, part: Path, others: Iterable[Path]) -> None:
    """Check a brought evaluation and its timing, and that they contradict nothing that is there."""
    name = path.relative_to(part)
    evaluation = files.read_json(path)
    records.check(evaluation, "evaluation", str(name))
    wrong = records.contradiction(evaluation)
    if wrong:
        raise UserError(f"{name} was changed after it was made: {wrong}; bring home what was packed there")
    timing = part / "timings" / path.parent.name / path.name
    records.check(files.read_json(timing), "timing", str(timing.relative_to(part)))
    process = files.read_json(timing)["process"]
    if process is not None and not _MEMBER.fullmatch(f"timings/{process}"):
        raise UserError(f"{name.parent.name}/{name.name}: its timing names no log of a process")
    if (evaluation["model"], evaluation["subject"]) != (path.parent.name, path.stem):
        raise UserError(f"{name} says that it is of {evaluation['model']} on {evaluation['subject']}: it was renamed")
    for other in others:
        if (other / name).is_file():
            check_same(other / name, path)


def _members(path: Path) -> dict[str, bytes]:
    """The files of an archive by their names; a UserError where it is not what `pack` makes."""
    found: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            if len(members) > MOST_FILES or sum(member.file_size for member in members) > MOST_BYTES:
                raise UserError(f"{path} holds more than {MOST_FILES} files or {MOST_BYTES // 10**9} GB: it is no packed study")
            for member in members:
                linked = (member.external_attr >> 16) & 0o170000 == 0o120000
                if not _MEMBER.fullmatch(member.filename) or linked or member.filename in found:
                    raise UserError(f"{path} holds {member.filename[:80]!r}, which no packed study has: nothing was taken")
                if member.file_size > MOST_BYTES_EACH:
                    raise UserError(f"{path}: {member.filename} has more than {MOST_BYTES_EACH // 10**6} MB")
                # A member that is longer than it says fails here by its checksum.
                found[member.filename] = archive.read(member)
    except FileNotFoundError:
        raise UserError(f"there is no {path}: bring home there what `make pack` made on the other machine") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError) as error:
        # The last two are zipfile's for a compression that it does not know and for an archive with a password.
        raise UserError(f"{path} is not a whole zip archive ({error}): bring it home again") from None
    if not any(name.startswith("evaluations/") for name in found):
        raise UserError(f"{path} holds no evaluation")
    return found


def _counts(evaluations: Iterable[Path]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for path in evaluations:
        counts[path.parent.name] = counts.get(path.parent.name, 0) + 1
    return counts
