"""Archives of results, packed on one machine and unpacked on another into results/<study>/elsewhere/<name>/.

An archive may come from anyone, so every name and file in it is checked before anything is written.
"""

import io
import re
import shutil
import zipfile
import zlib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from mmlu_kit import files
from mmlu_kit.evaluation import records
from mmlu_kit.evaluation.records import Evaluation, Timing
from mmlu_kit.results import compatibility, locations
from mmlu_kit.user_errors import UserError

# The only files an archive may hold. A name's first character keeps '..' and hidden files out.
_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,200}"
_MEMBER = re.compile(rf"(evaluations/{_NAME}/{_NAME}\.json|timings/{_NAME}/{_NAME}\.(?:json|time))")
MOST_FILES, MOST_BYTES_EACH, MOST_BYTES = 100_000, 200_000_000, 4_000_000_000


def pack(results: Path) -> tuple[bytes, dict[str, int]]:
    """Return a zip archive of the evaluations that this machine ran for a study, and the number of subjects of each model.

    Equal results give equal bytes. The archive's comment is the study's name. "Not run" placeholders, job logs and everything
    computed from the evaluations are left out. Raises UserError if this machine ran no evaluation.
    """
    results = Path(results)
    evaluations = [
        path
        for path in sorted((results / "evaluations").glob("*/*.json"))
        if isinstance(records.read_evaluation(path), Evaluation)
        and locations.timing_file(results, path.parent.name, path.stem).is_file()
    ]
    if not evaluations:
        raise UserError(f"{results}: no evaluation was run on this machine, so there is nothing to pack: run the study first")
    chosen = set(evaluations)
    for path in evaluations:
        pair = path.parent.name, path.stem
        chosen.update(filter(Path.is_file, [locations.timing_file(results, *pair), locations.process_log(results, *pair)]))
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.comment = results.name.encode()
        for path in sorted(chosen):
            member = zipfile.ZipInfo(
                path.relative_to(results).as_posix()
            )  # dated 1980, the earliest that zip has, for equal bytes
            member.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(member, path.read_bytes())
    return buffer.getvalue(), dict(Counter(path.parent.name for path in evaluations))


def unpack(archive: Path, results: Path, name: str) -> dict[str, int]:
    """Put an archive made by `pack` into a study's elsewhere/<name>/, and return the number of subjects of each model.

    An archive unpacked earlier under the same name is replaced. Raises UserError, with nothing written, for a damaged file, a
    file that `pack` does not make, or an answer that contradicts an existing result.
    """
    if not re.fullmatch(_NAME, name):
        raise UserError(f"'{name}' cannot be a folder name: use letters, digits, '.', '_' and '-'")
    members = _read_members(archive)
    folder = Path(results) / locations.ELSEWHERE / name
    others = [Path(results), *(other for other in locations.other_machines(results) if other != folder)]
    evaluations = [member for member in sorted(members) if member.startswith("evaluations/")]
    models = Counter(_check(archive, member, members, others).model for member in evaluations)
    part = folder.with_name(f".{name}.part")
    shutil.rmtree(part, ignore_errors=True)
    try:
        for member, data in members.items():
            files.write_bytes(part / member, data)
        if folder.exists():
            shutil.rmtree(folder)
        part.rename(folder)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return dict(models)


def study_name(archive: Path) -> str | None:
    """Return the name of the study in an archive; None if the archive does not record it."""
    with zipfile.ZipFile(archive) as opened:
        name = opened.comment.decode(errors="replace")
    return name if re.fullmatch(_NAME, name) else None


def _check(archive: Path, member: str, members: Mapping[str, bytes], others: Iterable[Path]) -> Evaluation:
    """Return the evaluation in a member.

    Raises UserError if it is damaged, lacks its timing, or contradicts the same evaluation in `others`.
    """
    where = f"{archive}: {member}"
    evaluation = Evaluation.parse(members[member], where)
    if member != f"evaluations/{evaluation.model}/{evaluation.subject}.json":
        raise UserError(f"{where} holds the answers of {evaluation.model} on {evaluation.subject}: the file was renamed")
    timing_member = f"timings/{evaluation.model}/{evaluation.subject}.json"
    if timing_member not in members:
        raise UserError(f"{archive}: {timing_member} is missing; pack it again on the machine that made it")
    process = Timing.parse(members[timing_member], f"{archive}: {timing_member}").process
    if process is not None and not _MEMBER.fullmatch(f"timings/{process}"):
        raise UserError(f"{archive}: {timing_member} names '{process[:80]}', which is not the log of a process")
    for other in others:
        path = other / member
        if path.is_file():
            compatibility.check_same_answers(str(path), records.read_evaluation(path), where, evaluation)
    return evaluation


def _read_members(path: Path) -> dict[str, bytes]:
    """Return the files in an archive by name. Raises UserError unless `pack` made the archive."""
    members: dict[str, bytes] = {}
    try:
        with zipfile.ZipFile(path) as archive:
            entries = [entry for entry in archive.infolist() if not entry.is_dir()]
            if len(entries) > MOST_FILES or sum(entry.file_size for entry in entries) > MOST_BYTES:
                limits = f"{MOST_FILES} files or {MOST_BYTES // 10**9} GB"
                raise UserError(f"{path} has more than {limits}: it is not a packed study, and nothing was unpacked")
            for entry in entries:
                is_link = (entry.external_attr >> 16) & 0o170000 == 0o120000
                other_kind = is_link or entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
                if not _MEMBER.fullmatch(entry.filename) or other_kind or entry.filename in members:
                    name = repr(entry.filename[:80])
                    raise UserError(f"{path} holds {name}, which `pack` never writes: nothing was unpacked")
                if entry.file_size > MOST_BYTES_EACH:
                    raise UserError(f"{path}: {entry.filename} has more than {MOST_BYTES_EACH // 10**6} MB")
                # A member longer than announced fails here by its checksum.
                members[entry.filename] = archive.read(entry)
    except FileNotFoundError:
        raise UserError(f"{path} does not exist: copy there the archive that `make pack` made on the other machine") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, UnicodeDecodeError, NotImplementedError, RuntimeError, OSError) as error:
        # zipfile raises UnicodeDecodeError for damaged names, NotImplementedError for an unknown version, RuntimeError for an
        # archive with a password, and OSError for an offset outside the file. An OSError with a name is the system's own.
        if isinstance(error, OSError) and error.filename:
            raise
        raise UserError(f"{path} is not a complete zip archive ({error}): copy it again") from None
    if not any(name.startswith("evaluations/") for name in members):
        raise UserError(f"{path} holds no evaluation")
    return members
