"""Environment variables that configure Apptainer and Singularity for jobs in images: mounts, variables to pass on, the GPU.

They also hold in the processes of a cluster's jobs, and neither `--cleanenv` nor `--containall` removes them. Each is set under
both programs' names: APPTAINER_MOUNT and SINGULARITY_MOUNT.
"""

import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

from mmlu_kit.jobs import mounts
from mmlu_kit.jobs.images import Images
from mmlu_kit.study import Study
from mmlu_kit.user_errors import UserError

Environment = Mapping[str, str]
PROGRAMS = ("APPTAINER", "SINGULARITY")
# Apptainer passes on the user's environment, so images must be isolated from the host's Python packages.
_ISOLATION = {"PYTHONPATH": "", "PYTHONHOME": "", "PYTHONNOUSERSITE": "1"}
TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN", "HF_TOKEN_PATH")
_CERTIFICATES = ("SSL_CERT_FILE", "SSL_CERT_DIR")
# What the hub's client reads of the environment, without tokens and folders.
_CLIENT = re.compile(
    r"HF_ENDPOINT|HF_(HUB|XET)_(?!CACHE)\w+|TRANSFORMERS_OFFLINE|SSL_CERT_(FILE|DIR)|((http|https|all|no)_proxy)", re.IGNORECASE
)
_UNESCAPED_COMMA, _UNESCAPED_COLON = re.compile(r"(?<!\\),"), re.compile(r"(?<!\\):")


def variables(environment: Environment, study: Study, kit: Path, images: Images, cluster_job: bool) -> dict[str, str]:
    """The variables with which rules run in images; what the user set is kept.

    `kit` is the kit's folder, and `environment` has HF_HUB_CACHE. Cluster jobs get neither the token nor its file. A working
    directory that cannot be passed on, and a folder of the hub's cache that cannot be made, raise UserError.
    """
    _check_working_directory(Path.cwd())
    token = token_file(environment)
    used = [*_paths(study, kit, environment), *map(Path, images.files("cpu") + images.files("cuda"))]
    if not cluster_job:
        used.append(token)
    options = {
        "MOUNT": _mounts(environment, used, hidden=mounts.names(token) if cluster_job else []),
        **_binds(environment),
        "PWD": str(Path.cwd()),  # Apptainer would take the path by which the user came here, perhaps through a link
        "NO_EVAL": "1",  # else Apptainer has a shell evaluate the values that are passed on
        # In the CPU image too, so that a line on the missing device can tell which GPU its torch cannot use.
        **({"NV": "1"} if images.need_gpu else {}),
        "QUIET": "1",  # else it tells with each job what it has not found; warnings stay, and its option -v is stronger
    }
    kept = {name for name in ("NO_EVAL", "NV", "QUIET") if _set(environment, f"_{name}")}
    options = {name: value for name, value in options.items() if name not in kept}
    values = _values(environment, None if cluster_job else token)
    result = {f"{program}_{name}": value for name, value in options.items() for program in PROGRAMS}
    return result | {name: value for variable in values.items() for name, value in passed(*variable).items()}


def token_file(environment: Environment) -> Path:
    """Where `hf auth login` stores the token; the same rules as in huggingface_hub."""
    home = environment.get("HF_HOME", f"{environment.get('XDG_CACHE_HOME', '~/.cache')}/huggingface")
    path = os.path.expandvars(environment.get("HF_TOKEN_PATH", f"{home}/token"))
    return Path(os.path.expanduser(path))  # noqa: PTH111  pathlib's raises an error where no home folder is known


def token_variables() -> list[str]:
    """The variables of a token, and those that set them in an image."""
    return [*TOKENS, *(name for token in TOKENS for name in passed(token, ""))]


def passed(name: str, value: str) -> dict[str, str]:
    """The variables that set `name` in an image, whatever of the environment is passed on."""
    return {f"{program}ENV_{name}": value for program in PROGRAMS}


def _set(environment: Environment, name: str) -> bool:
    """Whether the user has set a variable of one of the programs, `name` without the program's."""
    return any(environment.get(program + name) for program in PROGRAMS)


def _values(environment: Environment, token: Path | None) -> dict[str, str]:
    """What jobs find in their environment: what they read of the user's, with real paths, and for fetch rules the token."""
    values = {name: value for name, value in environment.items() if _CLIENT.fullmatch(name)}
    values |= {name: mounts.real(values[name]) for name in _CERTIFICATES if values.get(name)}
    if token:
        values |= {name: environment.get(name, "") for name in TOKENS}
        values |= {"HF_TOKEN_PATH": str(token.absolute())} if token.is_file() else {}
    values = {name: value for name, value in values.items() if value and not _set(environment, f"ENV_{name}")}
    return {**values, "HF_HUB_CACHE": _hub_cache(environment), **_ISOLATION}


def _check_working_directory(path: Path) -> None:
    """Check that Snakemake can write the path as Apptainer's --home, which is quoted in Python's way and has no escapes."""
    odd = ":" if ":" in str(path) else "'" if "'" in str(path) and re.search(r'["$`\\]', str(path)) else None
    if odd:
        raise UserError(
            f"{path}: Apptainer cannot take this project folder's path, because of the {odd} in it: rename the folder"
        )


def _paths(study: Study, kit: Path, environment: Environment) -> Iterator[Path]:
    """Every path that jobs read or write, and every link in the folders among them."""
    hub_cache = Path(_hub_cache(environment))
    repositories = _repositories(study)
    if repositories and not _in_project(hub_cache):
        _make_hub_cache(hub_cache)
    yield from (Path.cwd(), kit, hub_cache)
    yield from (kit / name for name in ("Snakefile", "workflow", "envs"))
    yield from map(Path, ("results", "resources", ".snakemake"))
    searched = [f"results/{study.name}", "resources/models", "resources/subjects", "resources/logs", *study.paths]
    # The client reads the certificates' folder only without their file.
    searched.append(environment.get("SSL_CERT_FILE") or environment.get("SSL_CERT_DIR") or "")
    for path in [*map(Path, filter(None, searched)), *(hub_cache / name for name in repositories)]:
        yield path
        yield from mounts.links(path.resolve())


def _repositories(study: Study) -> list[str]:
    """The folders of the study's repositories in the hub's cache."""
    sources = [source for model in study.run.values() for source in (model, model.adapter) if source]
    models = [f"models--{source.repository}" for source in sources if source.repository]
    questions = [f"datasets--{study.questions.repository}"] if study.questions.repository else []
    return [name.replace("/", "--") for name in [*models, *questions]]


def _hub_cache(environment: Environment) -> str:
    """Where jobs find the hub's cache: a path in the project stays, so that both can be moved, and another is the real one."""
    path = environment["HF_HUB_CACHE"]
    return path if _in_project(Path(path)) else mounts.real(path)


def _in_project(path: Path) -> bool:
    return Path.cwd() in Path(os.path.normpath(Path.cwd() / path)).parents


def _make_hub_cache(path: Path) -> None:
    """Make the folder of the hub's cache, since only what exists can be mounted."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"HF_HUB_CACHE: the folder {path} cannot be made ({error.strerror}): name another") from None


def _mounts(environment: Environment, used: Iterable[Path], hidden: Collection[Path]) -> str:
    """The value of the variable MOUNT: the environment's mounts, except at `hidden` places, and those of the `used` paths."""
    kept = [row for row in _rows(environment) if mounts.place_of(row) not in hidden]
    bound = [_place(bind) for value in _binds(environment).values() for bind in _UNESCAPED_COMMA.split(value)]
    taken = {*bound, *map(mounts.place_of, kept)}  # a second mount at one place is refused with a warning
    added = {place: path for place, path in mounts.mounts(used).items() if place not in taken}
    return mounts.write([*kept, *mounts.rows(added)])


def _rows(environment: Environment) -> list[mounts.Row]:
    """The rows of the mounts that the environment has already, each once."""
    rows = [tuple(row) for program in PROGRAMS for row in mounts.read(environment.get(f"{program}_MOUNT", ""))]
    return [list(row) for row in dict.fromkeys(rows)]


def _binds(environment: Environment) -> dict[str, str]:
    """The binds of the user for both programs: each would heed only its own variables if both had some."""
    binds = {}
    for name in ("BIND", "BINDPATH"):
        values = filter(None, (environment.get(f"{program}_{name}") for program in PROGRAMS))
        binds[name] = ",".join(dict.fromkeys(bind for value in values for bind in _UNESCAPED_COMMA.split(value)))
    return {name: value for name, value in binds.items() if value}


def _place(bind: str) -> Path:
    """Where a bind, source[:place[:options]], shows its source."""
    source, place = [*_UNESCAPED_COLON.split(bind), ""][:2]
    return Path(os.path.normpath(re.sub(r"\\(.)", r"\1", place or source)))
