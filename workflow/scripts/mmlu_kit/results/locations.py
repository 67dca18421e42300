"""Where a study's results are: this machine's in results/<study>/, those of other machines in its elsewhere/<name>/.

Each of these folders has `evaluations/<model>/<subject>.json`, `timings/<model>/<subject>.json` and, where /usr/bin/time
was available, `timings/<model>/<job>.time`. No rule makes the files in elsewhere/, so Snakemake never rebuilds them.
"""

from pathlib import Path

from mmlu_kit.evaluation import records
from mmlu_kit.evaluation.records import Timing
from mmlu_kit.user_errors import UserError

ELSEWHERE = "elsewhere"
OLD = ".old"  # ends the hidden name of a folder that `unpack` is replacing


def other_machines(results: Path) -> list[Path]:
    """Return the folders with other machines' results of a study, in the order in which they are searched.

    Raises UserError if a killed `unpack` left one of them under its hidden name.
    """
    paths = sorted((Path(results) / ELSEWHERE).glob("*"))
    for path in paths:
        name = path.name.removeprefix(".").removesuffix(OLD)
        if path.name == f".{name}{OLD}" and not path.with_name(name).exists():
            raise UserError(f"{path.with_name(name)}: `make unpack` was killed while replacing it: run it again")
    return [path for path in paths if path.is_dir() and not path.name.startswith(".")]


def result_folder(results: Path, model: str, subject: str) -> Path:
    """Return the folder whose result for a model and subject is used: another machine's if it has one, else this machine's."""
    folders = (folder for folder in other_machines(results) if evaluation_file(folder, model, subject).is_file())
    return next(folders, Path(results))


def evaluation_file(folder: Path, model: str, subject: str) -> Path:
    """Return the path of the evaluation of a model and subject in one of these folders."""
    return folder / "evaluations" / model / f"{subject}.json"


def timing_file(folder: Path, model: str, subject: str) -> Path:
    """Return the path of the timing of a model and subject in one of these folders."""
    return folder / "timings" / model / f"{subject}.json"


def process_log(folder: Path, model: str, subject: str) -> Path:
    """Return the path of the /usr/bin/time log of the process that evaluated a model on a subject, in one of these folders.

    Its timing names it, since machines may differ in whether one process evaluates a model on all subjects. Where nothing was
    run, it is the subject's own. A missing or damaged timing raises UserError.
    """
    timing = records.read_timing(timing_file(folder, model, subject))
    named = timing.process if isinstance(timing, Timing) else None
    return Path(folder) / "timings" / (named or f"{model}/{subject}.time")


def log_name(results: Path, log: Path) -> str:
    """Return the name of a /usr/bin/time log in timings/processes.json: its path below the results without 'timings/'."""
    path = Path(log)
    parts = path.relative_to(results).parts if path.is_relative_to(results) else ()
    if len(parts) < 3 or parts[-3] != "timings":
        raise UserError(f"{log}: not a log in timings/<model>/ of {results}, or of a folder in its {ELSEWHERE}/")
    return "/".join((*parts[:-3], *parts[-2:]))


def named_log(results: Path, name: str) -> Path:
    """Return the path of the log with a name in timings/processes.json, as `log_name` gives it."""
    return Path(results, *name.split("/")[:-2], "timings", *name.split("/")[-2:])
