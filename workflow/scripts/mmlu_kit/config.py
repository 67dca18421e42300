"""The form of config.yaml: every key with its type, limits, default and description.

Snakemake's `--config key=value` overrides top-level keys. study.py resolves a config to the study that its key `study` names.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, Tag, ValidationError

from mmlu_kit import source_entries
from mmlu_kit.data import Entry, Name, Positive, Text
from mmlu_kit.model_sources import ModelSource
from mmlu_kit.settings import (
    Device,
    DType,
    LoadSettings,
    OnUnavailable,
    PromptSettings,
    Quantization,
    Requested,
    TokensPerBatch,
)
from mmlu_kit.source_entries import QuestionSet, Subject, Unique
from mmlu_kit.typed_values import NameOrNumber, Names, Switch, advice, check_keys
from mmlu_kit.user_errors import UserError
from mmlu_kit.validation_errors import explain, first_details

# Parts of a study other than its groups; `only` may name them too.
PARTS = ("baseline", "timing_setups", "stability", "chat")


def _group(name: str) -> str:
    if name in PARTS:
        raise ValueError(f"'{name}' is what another part of a study is called: choose another name")
    return name


Subjects = Annotated[list[Subject], Field(min_length=1), Unique]
# Not a plain union, as the error for a text other than 'all' would not say that a list is needed.
SubjectsOrAll = Annotated[
    Annotated[Subjects, Tag("named")] | Annotated[Literal["all"], Tag("all")],
    Discriminator(lambda value: "all" if value == "all" else "named"),
]
GroupName = Annotated[Name, Field(max_length=60), AfterValidator(_group)]  # figures' file names begin with it
Models = Annotated[list[str], Field(min_length=1), Unique]
# A local image by its path alone, in whichever form it is named.
Image = Annotated[str, AfterValidator(lambda name: name.removeprefix("file://"))]
Strategy = Annotated[str, Field(pattern=r"^(full|none|(last_turns|token_budget)\([1-9][0-9]{0,8}\))$")]


class ModelEntry(ModelSource, LoadSettings):
    """A model and how it runs; the same weights with different settings are a separate entry."""

    description: str = Field("", description="A line about the model, for the report's list of models.")
    on_unavailable: OnUnavailable = Field(
        OnUnavailable.FAIL,
        description="What to do if the machine lacks the device, the quantization or the memory: fail; fallback (run on the "
        "CPU or without quantization, which the report shows); or skip (leave the model out, and the report says why).",
    )
    prompt: PromptSettings = Field(PromptSettings(), description="How to ask the model.")
    threads: Positive = Field(
        8, description="Processor threads of one evaluation; Snakemake lowers it to the number of cores it may use."
    )
    tokens_per_batch: TokensPerBatch = Field(
        "auto", description="Tokens in one forward pass; auto is 1536 on a CPU and as many as fit the memory on CUDA."
    )
    load_once: bool = Field(
        False,
        description="Run one job for all subjects (true) or one job for each subject (false); by default as the study or "
        "config has it.",
    )

    @property
    def requested(self) -> Requested:
        """The configuration that an evaluation of the model requests."""
        prompt = dict(self.prompt)
        return Requested(**{name: prompt[name] if name in prompt else getattr(self, name) for name in Requested.model_fields})


class ImportedEntry(Entry):
    """A model whose answers come from another run; how it ran is unknown."""

    predictions: Annotated[str, Field(pattern=r"\.csv(\.gz)?$")] = Field(
        description="A CSV file (.csv or .csv.gz) of another run's answers with the columns subject, test_index (from 0), "
        "model and prediction. A prediction is a letter, alone or in other text, the choice's own text or, if all of the "
        "model's are, the choice's number from 0; another one is unreadable, which is not a wrong letter. A gold column, if "
        "present, must agree with the questions."
    )
    predictions_model: str | None = Field(None, description="Which of the file's models to import, if it has several.")
    description: str = Field("", description="A line about the model, for the report's list of models.")


def _form_of_model(value: Any) -> str:
    imported = isinstance(value, ImportedEntry) or (isinstance(value, dict) and "predictions" in value)
    return "as_imported" if imported else "as_run"


AnyModel = Annotated[
    Annotated[ModelEntry, Tag("as_run")] | Annotated[ImportedEntry, Tag("as_imported")], Discriminator(_form_of_model)
]


class GroupEntry(Entry):
    """Models that the report shows together."""

    title: Text = Field(description="The section's heading.")
    models: Models = Field(description="Names from `models`, in the order in which tables list them.")


class SubjectsOfModel(Entry):
    """A model and its subjects."""

    model: str = Field(description="A name from `models`.")
    subjects: Subjects = Field(description="Some of the study's subjects.")


class SetupEntry(Entry):
    """One timing setup."""

    number: Positive = Field(description="The setup's number in the report.")
    device: Device = Field(description="Where the model runs.")
    dtype: DType | None = Field(None, description="The number format; by default the one in the model's entry.")
    quantization: Quantization = Field(description="How weights are compressed, or none.")
    on_unavailable: OnUnavailable = Field(OnUnavailable.FAIL, description="As for a model.")


class TimingSetupsEntry(SubjectsOfModel):
    """Whole-process timings of one model in several setups."""

    repeats: Positive = Field(description="How many times each setup is timed.")
    setups: Annotated[list[SetupEntry], Field(min_length=1)] = Field(description="The setups, numbered as in the report.")


class ChatEntry(Entry):
    """The recall experiment: what chat models recall from a conversation when a strategy shortens it."""

    models: Models = Field(description="Models with a chat template; the transcripts are written with the first one.")
    strategies: Annotated[list[Strategy], Unique] = Field(
        ["none", "full", "last_turns(2)", "last_turns(8)", "token_budget(128)", "token_budget(512)"],
        description="How much of a conversation the model sees: full (all), none (history off), last_turns(N) (the "
        "newest message and N turns before it), token_budget(T) (as many of the newest turns as fit in T tokens). full and "
        "none must be among them.",
    )
    distances: Annotated[list[Annotated[int, Field(ge=1, le=1000)]], Field(min_length=1), Unique] = Field(
        [1, 2, 4, 8, 16], description="How many turns before the question the fact is told; 1 is the turn just before it."
    )
    trials: Positive = Field(10, description="Conversations of each kind (told, corrected, never, rule) at each distance.")
    timed: Positive = Field(2, description="For how many of them the time to first token is measured, under each strategy.")
    max_new_tokens: Annotated[int, Field(ge=1, le=4096)] = Field(48, description="The longest reply, in tokens.")
    seed: int = Field(2026, description="Seed for the choice of facts, values and small talk.")


class StudyEntry(Entry):
    """A study: its questions, its models, and what else it measures."""

    title: str = Field(description="The report's heading.")
    notice: str = Field("", description="The report's first lines, above all numbers.")
    questions: str = Field(description="A name from `questions`.")
    subjects: SubjectsOrAll = Field(
        description="Some of the question set's subjects by name (computer_science for Computer Science); one that it lacks or "
        "has damaged is an error. Or `all`: of local files, those subjects that are whole, and the report names those that are "
        "left out."
    )
    limit: Positive | None = Field(
        None,
        description="Ask only the first so many questions of each subject, for a quick look; few-shot examples are all kept.",
    )
    reference: Text | None = Field(
        None,
        description="A folder with published.yaml and claims.yaml: somebody's published numbers and claims, which are compared "
        "with this study's results. workflow/reference describes their form. By default nothing is compared.",
    )
    baseline: SubjectsOfModel | None = Field(None, description="A first model that shows that the setup works.")
    timing_setups: TimingSetupsEntry | None = Field(None, description="Whole-process timings of one model.")
    stability: SubjectsOfModel | None = Field(
        None, description="The appendix: whether batching, threads or the number format change a model's answers."
    )
    chat: ChatEntry | None = Field(None, description="The recall experiment with chat models.")
    load_once: bool | None = Field(
        None, description="`load_once` of this study's models that do not set it; by default config's."
    )
    groups: Annotated[dict[GroupName, GroupEntry], Field(min_length=1)] = Field(
        description="Groups of models under names of your own; each is a section of the report, in this order."
    )


class Images(Entry):
    """Container images by kind of device, used with --use-singularity: a .sif file or docker://…@sha256:…"""

    cpu: Image = Field(description="For models on the CPU, figures and the report.")
    cuda: Image = Field(
        description="For models on CUDA. Without it they run in the CPU image, if all of them may fall back or be skipped."
    )


class Config(Entry):
    """Studies, models, question sets and images."""

    study: NameOrNumber = Field("demo", description="The name of the study to run.")
    only: Names = Field(
        [],
        description="Run only these parts of the study: groups by name, `baseline`, `timing_setups`, `stability`, `chat`; "
        "a list, or one text with commas; empty for all.",
    )
    partial: Switch = Field(False, description="Report on the evaluations that exist and list the missing ones.")
    limit: Positive | None = Field(
        None, description="Ask only the first so many questions of each subject, whatever the study's own `limit` is."
    )
    record_host: Switch = Field(False, description="Record the machine's name in timing files.")
    load_once: Switch = Field(
        False,
        description="Run one job for all subjects of a model (true) or one job for each subject (false). One job starts and "
        "loads the model once, which pays where that takes longer than a subject's questions; separate jobs can run at the "
        "same time. Answers are the same. A study and a model may set their own, and the model's takes precedence.",
    )
    images: Images = Field(description="The container images.")
    questions: dict[Name, QuestionSet] = Field(description="Question sets by name.")
    models: dict[Name, AnyModel] = Field(
        description="Models by name: a local folder or GGUF file (`path`) or a repository at a commit, and how the model runs; "
        "or another run's answers (`predictions`)."
    )
    studies: dict[Name, StudyEntry] = Field(description="Studies by name.")


def parse(config: Mapping[str, Any]) -> Config:
    """Return the validated config with defaults filled in; the first mistake raises UserError naming its key."""
    check_keys(config)
    text = json.dumps(config, default=str)
    try:
        return Config.model_validate_json(text, strict=True)
    except ValidationError as error:
        value = json.loads(text)
        problem, keys = first_details(error, value)
        _check_pinned(value, keys)
        raise UserError(f"config: {explain(error, value)}{advice(problem, keys)}") from None


def _check_pinned(config: Any, keys: Sequence[str]) -> None:
    """Raise UserError, with the command that finds the commit, if a config's first problem is a repository without one."""
    if len(keys) < 3 or keys[0] not in ("models", "questions"):
        return
    entry = config
    for name in keys[:-1]:
        entry = entry.get(name) if isinstance(entry, dict) else None
    if not isinstance(entry, dict):
        return
    repository, revision = str(entry.get("repository")), entry.get("commit")
    revision = revision if isinstance(revision, str) else json.dumps(revision)
    # A commit of digits alone needs only quotes.
    is_other = keys[-1] == "commit" and not source_entries.is_commit(revision)
    if is_other and source_entries.is_repository(repository):
        problem = f"'{revision[:80]}' is not a full commit (40 hexadecimal digits); to find it"
    elif keys[-1] == "repository" and source_entries.is_repository(repository.partition("@")[0]):
        problem = f"'{repository[:80]}' is more than owner/name; to find both keys"
        repository, _, revision = repository.partition("@")
    else:
        return
    command = source_entries.pin_command(repository, revision, keys[0] == "questions")
    raise UserError(f"config: {'.'.join(keys)}: {problem}, run: {command}")
