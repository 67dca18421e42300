"""What a study has to fetch: how much of which repository, what of it is in the cache, and what stands in the way."""

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePath

from mmlu_kit import formatting
from mmlu_kit.inputs import adapters, checkpoints, gguf_files, question_sources, questions, repositories, weight_files
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.inputs.repositories import Listing, Repository
from mmlu_kit.model_sources import GGUF, ModelSource
from mmlu_kit.results import model_status
from mmlu_kit.settings import Split
from mmlu_kit.source_entries import QuestionSet, Source
from mmlu_kit.study import Study
from mmlu_kit.user_errors import UserError


@dataclass(frozen=True)
class Download:
    """What is read of one repository: its size in bytes, and how much of it is not in the cache; None where not known.

    `gated` is None if the hub was not asked. `manifest` is what is known of the model, without its files; `folder` is where an
    adapter is in the cache. `problem` says why the repository cannot be fetched or used.
    """

    repository: Repository
    bytes: int | None = None
    missing: int | None = None
    gated: bool | None = None
    manifest: Manifest | None = None
    problem: str | None = None
    folder: Path | None = None


@dataclass(frozen=True)
class Inputs:
    """A study's inputs as far as they are known before anything is fetched.

    `manifests` has what is known of each model that is run, `questions` each subject's number of test questions; None where it
    is not known. `problems` say what stands in the way of reading or fetching them.
    """

    downloads: list[Download]
    manifests: dict[str, Manifest | None]
    questions: dict[str, int | None]
    problems: list[str] = field(default_factory=list)


def inputs(study: Study, resources: Path) -> Inputs:
    """Return what is known of a study's inputs; the hub is asked only about repositories that are not complete in the cache."""
    problems: list[str] = []
    manifests: dict[str, Manifest | None] = {}
    downloads: dict[Repository, Download] = {}
    for name, entry in study.run.items():
        if entry.path is not None:
            try:
                manifests[name] = checkpoints.outline(Path(entry.path))
            except UserError as error:
                manifests[name] = None
                problems.append(f"models.{name}: {error}")
        else:
            # Models with the same weights have a manifest each.
            repository = _repository("model", entry)
            download = _fetched(repository, resources / "models" / study.manifest(name))
            known = downloads.get(repository)
            if known is None or known.missing == 0 or download.problem:
                downloads[repository] = download
        if entry.adapter and entry.adapter.repository:
            repository = _repository("model", entry.adapter)
            downloads[repository] = _fetched_adapter(repository, resources / "models" / study.manifest(name))
    counts = _question_counts(study, resources, problems)
    if study.questions.repository and None in counts.values():
        repository = _repository("dataset", study.questions)
        listing = repositories.cached_listing(repository)
        downloads[repository] = plan(repository, listing, study.questions, study.subjects) if listing else Download(repository)
    adapter_sources = {_repository("model", entry.adapter) for entry in study.run.values() if entry.adapter}
    incomplete = [repository for repository, download in downloads.items() if download.missing != 0 and not download.problem]
    for repository, answer in repositories.ask(incomplete).items():
        if isinstance(answer, UserError):
            downloads[repository] = replace(downloads[repository], problem=str(answer))
        else:
            questions_of = (study.questions, study.subjects) if repository.kind == "dataset" else ()
            is_adapter = repository in adapter_sources
            downloads[repository] = plan_adapter(repository, answer) if is_adapter else plan(repository, answer, *questions_of)
    models = {name: downloads[_repository("model", entry)] for name, entry in study.run.items() if entry.repository}
    manifests |= {name: download.manifest for name, download in models.items()}
    _add_adapters(study, manifests, downloads, problems)
    problems += together([(repository.where, download.problem) for repository, download in downloads.items()])
    return Inputs(list(downloads.values()), manifests, counts, problems)


def together(problems: Iterable[tuple[str, str | None]]) -> list[str]:
    """Return each problem once, with the number of other repositories that have it; problems start with their repository."""
    texts: dict[str, list[str]] = {}
    for where, problem in problems:
        if problem:
            texts.setdefault(problem.removeprefix(where), []).append(where if problem.startswith(where) else "")
    return [
        f"{first} (and {formatting.plural(len(others), 'other')}){text}" if others else f"{first}{text}"
        for text, (first, *others) in texts.items()
    ]


def _repository(kind: repositories.Kind, source: Source) -> Repository:
    file = source.file if isinstance(source, ModelSource) else None
    return Repository(kind, str(source.repository), str(source.commit), file)


def _fetched(repository: Repository, path: Path) -> Download:
    """Return the download of a model that has the manifest at `path`; without one, what the cache has of it."""
    try:
        manifest = Manifest.read(path) if path.is_file() else None
    except UserError:
        manifest = None  # of another version of the kit: it is written anew
    other = manifest is not None and repository.file and PurePath(repository.file).name != manifest.gguf
    if manifest is None or other:
        listing = repositories.cached_listing(repository)
        return plan(repository, listing) if listing else Download(repository)
    size = sum(entry.bytes for entry in manifest.files.values())
    for name in manifest.files:
        if not (Path(manifest.folder) / name).is_file():
            problem = f"{path}: {manifest.folder}/{name} is missing: delete {path} and run again, which fetches the model again"
            return Download(repository, size, None, None, manifest, problem)
    return Download(repository, size, 0, None, manifest)


def _fetched_adapter(repository: Repository, path: Path) -> Download:
    """Return the download of an adapter; `path` is the manifest of the model that it is applied to, which may not exist."""
    with suppress(UserError):
        adapter = Manifest.read(path).adapter if path.is_file() else None
        if (
            adapter
            and adapter.commit == repository.commit
            and all((Path(adapter.folder) / name).is_file() for name in adapter.files)
        ):
            size = sum(entry.bytes for entry in adapter.files.values())
            return Download(repository, size, 0, folder=Path(adapter.folder))
    listing = repositories.cached_listing(repository)
    return plan_adapter(repository, listing) if listing else Download(repository)


def plan_adapter(repository: Repository, listing: Listing) -> Download:
    """Return what is to be fetched of an adapter's repository."""
    try:
        adapters.check_names(repository.where, listing.sizes)
    except UserError as error:
        return Download(repository, gated=listing.gated, problem=str(error))
    sizes = {name: listing.sizes[name] for name in adapters.FILES}
    cached = repositories.cached(repository, sizes)
    missing = sum(size for name, size in sizes.items() if name not in cached)
    folder = cached[adapters.CONFIG].parent if len(cached) == len(sizes) else None
    problem = listing.problem if missing else None
    return Download(repository, sum(sizes.values()), missing, listing.gated, None, problem, folder)


def _add_adapters(
    study: Study, manifests: dict[str, Manifest | None], downloads: Mapping[Repository, Download], problems: list[str]
) -> None:
    """Add to `manifests` the adapters that are local or in the cache, and to `problems` what is wrong with them."""
    for name, entry in study.run.items():
        if entry.adapter is None:
            continue
        folder = Path(entry.adapter.path) if entry.adapter.path else downloads[_repository("model", entry.adapter)].folder
        manifest = manifests[name]
        try:
            base = manifest.base if manifest else adapters.Base(str(entry.repository or entry.path), entry.commit)
            adapter = adapters.outline(folder, base, entry.adapter.repository, entry.adapter.commit) if folder else None
            manifests[name] = manifest and manifest.model_copy(update={"adapter": adapter})
        except UserError as error:
            problems.append(f"models.{name}.adapter: {error}")


def _question_counts(study: Study, resources: Path, problems: list[str]) -> dict[str, int | None]:
    """Return the number of test questions of each subject, None if unknown, and add local files' faults to `problems`."""
    counts = model_status.question_counts(study, resources)
    for subject, count in counts.items():
        if count is None and study.questions.path:
            try:
                local = questions.first(question_sources.of_entry(study.questions).read(subject), study.limit)
                counts[subject] = len(questions.split(local, Split.TEST))
            except UserError as error:
                problems.append(str(error))
    return counts


def plan(repository: Repository, listing: Listing, entry: QuestionSet | None = None, subjects: Sequence[str] = ()) -> Download:
    """Return what is to be fetched of a repository: of a data set, by its entry, the tables of `subjects`; else of a model."""
    try:
        is_model = entry is None
        names = (
            _model_files(repository, listing.sizes) if entry is None else _tables(repository, listing.sizes, entry, subjects)
        )
    except UserError as error:
        return Download(repository, gated=listing.gated, problem=str(error))
    cached = repositories.cached(repository, names)
    missing = sum(listing.sizes.get(name, 0) for name in names if name not in cached)
    size = sum(listing.sizes.get(name, 0) for name in names)
    manifest, problem = None, listing.problem if missing else None
    if is_model and len(cached) < len(names):
        manifest = expected(repository, listing, names)
    elif is_model:
        try:
            manifest = checkpoints.outline(cached[repository.file] if repository.file else cached["config.json"].parent)
        except UserError as error:
            problem = f"{repository.where}: {error}"
    return Download(repository, size, missing, listing.gated, manifest, problem)


def _model_files(repository: Repository, sizes: Mapping[str, int]) -> list[str]:
    """Return the names of the files that are read of a model."""
    if repository.file:
        gguf_files.check_name(repository.where, repository.file)
        gguf_files.check_listed(repository.where, sizes, repository.file)
        return [repository.file]
    small = repositories.cached(repository, ["config.json", weight_files.INDEX])
    return repositories.files_read(repository.where, list(sizes), small.get("config.json"), small.get(weight_files.INDEX))


def _tables(repository: Repository, sizes: Mapping[str, int], entry: QuestionSet, subjects: Sequence[str]) -> list[str]:
    """Return the names of a data set's tables with these subjects, each once."""
    names: dict[str, None] = {}
    for subject in subjects:
        for split, pattern in entry.patterns(subject).items():
            tables = fnmatch.filter(sizes, pattern)
            if not tables:
                raise UserError(f"{repository.where} has no {split} questions for '{subject}': leave the subject out")
            names |= dict.fromkeys(tables)
    return list(names)


def expected(repository: Repository, listing: Listing, names: list[str]) -> Manifest | None:
    """Return what the hub's listing tells of a model that is not fetched yet, None if it does not tell its size."""
    weights = sum(listing.sizes.get(name, 0) for name in names if name.endswith((".safetensors", GGUF)))
    saved = listing.quantization
    parameters = 8 * weights // saved.bits if saved and saved.bits else listing.parameters
    if not parameters:
        return None
    return Manifest(
        folder=repository.name,
        repository=repository.name,
        commit=repository.commit,
        files={},
        parameters=parameters,
        checkpoint_bytes=weights,
        quantization=saved,
    )
