# Validation and helpers, without rules. The rules use the resolved study and the validated config, not `config` itself.
import json
import os
import re
import shlex
import sys
from pathlib import Path

import psutil
from snakemake.settings.types import DeploymentMethod

USERS_OFFLINE = os.environ.pop("HF_HUB_OFFLINE", None)

from mmlu_kit import config as configs
from mmlu_kit import config_files, options, streams
from mmlu_kit.inputs import question_sources, whole_subjects
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.jobs import containers, ending, images, mounts, needs, run_log
from mmlu_kit.jobs.failures import Failures
from mmlu_kit.jobs.places import Kit
from mmlu_kit.provenance import changes
from mmlu_kit.results import locations
from mmlu_kit.study import resolve
from mmlu_kit.terminal_text import visible
from mmlu_kit.user_errors import UserError

# Modules that score set it when they are imported, also by those that read results; fetch rules must not inherit it.
os.environ.pop("HF_HUB_OFFLINE", None)
if USERS_OFFLINE is not None:
    os.environ.update(HF_HUB_OFFLINE=USERS_OFFLINE)

streams.escape()  # what the handlers of the Snakefile print

# The kit may be elsewhere than the working directory, and may be a module of another workflow.
KIT = Kit(FOLDER)
try:
    PROGRAMS = shlex.quote(KIT.path("workflow/scripts"))
    config_files.read(workflow.configfiles)  # finds duplicate keys, of which Snakemake takes the last one
    # As a module, the kit gets another workflow's config, which need not repeat the kit's own.
    config = config_files.merged(config_files.read([KIT.folder / "config.yaml"]), config)
    CONFIG, STUDY = configs.parse(config), whole_subjects.only(resolve(config, KIT.locate))
except UserError as error:
    raise WorkflowError(str(error)) from None

# The folder of published numbers and claims, if the study names one.
REFERENCE = KIT.locate(STUDY.reference) if STUDY.reference else None
if workflow.is_main_process:
    try:
        if REFERENCE:
            # Read before hours of evaluations, after which it is used, but by no job: it imports scipy.
            from mmlu_kit.claims import reading as references

            references.reference(Path(REFERENCE))
    except UserError as error:
        raise WorkflowError(str(error)) from None
    for line in STUDY.left_out_in_words:
        print(f"left out: {line}", file=sys.stderr)

MODELS = STUDY.models
TOGETHER = STUDY.loaded_once
IMPORTED = STUDY.imported
RESULTS = f"results/{STUDY.name}"
SUBJECT_FILES = f"resources/subjects/{STUDY.subjects_folder}"
if CONFIG.partial and not all(Path(f"{SUBJECT_FILES}/{name}.jsonl").exists() for name in STUDY.subjects):
    # A partial report fetches nothing, and Snakemake would list every missing file without advice.
    fetch = f"snakemake --cores 1 --config study={STUDY.name} --until fetch_questions"
    raise WorkflowError(f"the questions of study '{STUDY.name}' were not fetched yet: run {fetch}")

# The folder of each result: results of other machines that were unpacked here are used and never recomputed.
try:
    HOMES = {pair: str(locations.result_folder(Path(RESULTS), *pair)) for pair in STUDY.pairs()}
except UserError as error:
    raise WorkflowError(str(error)) from None
# The results to merge: all that the study needs or, for a partial report, those that exist.
PAIRS = [
    (model, subject)
    for (model, subject), home in HOMES.items()
    if not CONFIG.partial or Path(f"{home}/evaluations/{model}/{subject}.json").exists()
]
RUN = [pair for pair in PAIRS if pair[0] not in IMPORTED]
try:
    # Logs of /usr/bin/time, which results from other machines may lack.
    ELSEWHERE = [locations.process_log(Path(HOMES[pair]), *pair) for pair in RUN if HOMES[pair] != RESULTS]
except UserError as error:
    raise WorkflowError(str(error)) from None
QUESTIONS = [f"{SUBJECT_FILES}/{subject}.jsonl" for subject in STUDY.subjects]
PREDICTED = list(dict.fromkeys(model for model, _ in PAIRS if model in IMPORTED))
PROCESSES = [f"{RESULTS}/timings/{STUDY.process(*pair)}" for pair in RUN if HOMES[pair] == RESULTS]
PROCESSES = list(dict.fromkeys([*PROCESSES, *map(str, filter(Path.is_file, ELSEWHERE))]))
SETUPS = STUDY.timing_setups
SETUP = {setup.name: setup for setup in SETUPS.setups} if SETUPS else {}

# Whether rules run in images (`--use-singularity`, or a profile's software-deployment-method).
IN_IMAGES = DeploymentMethod.APPTAINER in workflow.deployment_settings.deployment_method
# What loads a model in this run; a partial report has only the parts that ran already.
LOADED = images.uses(
    STUDY,
    [model for model, subject in PAIRS if HOMES[model, subject] == RESULTS],
    [part for part, name in images.FILES.items() if not CONFIG.partial or Path(RESULTS, name).exists()],
)

# All rules but fetch_* run offline and without the token: a missing input is an error, never a download.
OFFLINE = "env -u HF_TOKEN -u HUGGING_FACE_HUB_TOKEN -u HF_TOKEN_PATH HF_HUB_OFFLINE=1"
# Set explicitly, since a container's home folder is not the user's; a value set by the user or the cluster is kept.
# It is set in the environment and not in a rule's shell command, so changing it does not trigger a rerun.
# The client would look for ~ in the container's home.
HUB_CACHE = os.path.expandvars(os.path.expanduser(os.getenv("HF_HUB_CACHE") or "resources/hub"))
os.environ.update(HF_HUB_CACHE=HUB_CACHE)
try:
    IMAGES = images.Images(dict(CONFIG.images), LOADED, IN_IMAGES, KIT.locate)
    if IN_IMAGES:
        os.environ.update(containers.variables(os.environ, STUDY, KIT.folder, IMAGES, workflow.remote_exec))
except UserError as error:
    raise WorkflowError(str(error)) from None
image, image_files = IMAGES.name, IMAGES.files
if workflow.remote_exec:
    # Cluster jobs fetch nothing, and with --verbose they write their whole environment to the log.
    for name in containers.token_variables():
        os.environ.pop(name, None)
if workflow.resource_settings.cores is not None and workflow.is_main_process:
    # On a single machine, jobs do not run at the same time if together they need more than its memory or more than one GPU.
    # Other limits can be set with --resources; a cluster has its own. Only a single machine's run has a number of cores: which
    # executor is used is not known yet (workflow.local_exec is always true here).
    LIMITS = {"mem_mb": psutil.virtual_memory().total // 10**6, "gpu": 1}
    workflow.global_resources.update({name: amount for name, amount in LIMITS.items() if name not in workflow.global_resources})


wildcard_constraints:
    model="|".join(map(re.escape, MODELS)),
    subject="|".join(map(re.escape, STUDY.subjects)),
    questions=re.escape(STUDY.questions.name),
    commit="[0-9a-f]{40}|local",


def one_of(names):
    """A wildcard constraint that matches only these names; without names it matches nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


def readable(path):
    """The path by which jobs read a folder that config names: in images, the real one."""
    return mounts.real(path) if IN_IMAGES else path


def source_options(entry):
    """The options of fetch_model.py for the source of a model."""
    source = entry.source()
    for part in (source, source.get("adapter", {})):
        part |= {"path": readable(part["path"])} if "path" in part else {}
    return ["--source", json.dumps(source, sort_keys=True)]


LOCAL_QUESTIONS = question_sources.of_entry(STUDY.questions) if STUDY.questions.path else None


def question_options():
    """The options of fetch_questions.py for the study's questions."""
    entry = STUDY.questions.source()
    readable_paths = {key: readable(path) for key in ("path", "examples") if (path := entry.get(key))}
    limit = [] if STUDY.limit is None else ["--limit", str(STUDY.limit)]
    return ["--source", json.dumps(entry | readable_paths, sort_keys=True), *limit]


def local_files(entry):
    """The files of a model that config names by their paths, as inputs, so that a change triggers a rerun; empty for a repository."""
    paths = [Path(part.path) for part in (entry, entry.adapter) if part and part.path]
    return plain_files(path for place in paths for path in ([place] if place.is_file() else sorted(place.rglob("*"))))


def plain_files(paths):
    """Those of some paths that are files, as inputs; without those with braces, which would be wildcards and which no job reads."""
    return [local(str(path)) for path in paths if path.is_file() and not {*"{}"} & {*str(path)}]


def makes(path):
    """Whether a rule makes the file or folder at a path."""
    return any(rule.is_producer(path) for rule in workflow.rules)


def manifest_of(model):
    """The manifest of a model."""
    return f"resources/models/{STUDY.manifest(model)}"


# The manifests that results are compared with. Those of models that ran elsewhere alone are not fetched for that.
HERE = {model for model, subject in RUN if HOMES[model, subject] == RESULTS}
MANIFESTS = [
    manifest_of(model)
    for model in dict.fromkeys(model for model, _ in RUN)
    if Path(manifest_of(model)).exists() or (not CONFIG.partial and (model in HERE or MODELS[model].path))
]
# The options of programs that read results (mmlu_kit.results.study_results), and what fills them in from a rule's input.
EVIDENCE_OPTIONS = (
    " --study {params.study:q}" " --results {params.results:q}" " --resources {params.resources:q}" " {params.predictions:q}"
)
EVIDENCE_PARAMS = {
    # Functions, since braces in a text would be wildcards. Snakemake's report has the study in a script, which '</script>' would end.
    "study": lambda wildcards: json.dumps(STUDY.plain(), sort_keys=True).replace("<", r"\u003c"),
    "results": lambda wildcards, input: str(Path(input.processes).parents[1]),
    "resources": lambda wildcards, input: str(Path(input.questions[0]).parents[2]),
    "predictions": lambda wildcards, input: [
        f"--predictions={model}={path}" for model, path in zip(PREDICTED, input.predictions)
    ],
}


def manifest(wildcards):
    """The manifest of the wildcards' model."""
    return manifest_of(wildcards.model)


def setting(*keys):
    """A function of wildcards that returns a model's setting, as in setting('prompt', 'examples')."""

    def value(wildcards):
        result = MODELS[wildcards.model]
        for key in keys:
            result = getattr(result, key)
        return str(result)

    return value


def template_arguments(model):
    """The option of programs that prompt a model for its template arguments, if the model's entry has any."""
    arguments = dict(model.prompt.template_arguments)
    return ["--template-arguments", json.dumps(arguments, sort_keys=True)] if arguments else []


def setup_setting(key):
    """A function of wildcards that returns a timing setup's setting."""
    return lambda wildcards: str(getattr(SETUP[wildcards.setup], key))


def previous_round(wildcards):
    """The logs of the previous round, as inputs, so that the repeats of each setup are spread over time; empty for the first."""
    previous = int(wildcards.repeat) - 1
    return [f"{RESULTS}/setups/run_{previous}/{name}.txt" for name in SETUP if previous]


def all_cores(fallback):
    """A function that returns all cores of this run, so that no other job runs at the same time; on a cluster, where the
    number is unknown, it returns `fallback`."""

    def cores(wildcards):
        try:
            return workflow.cores
        except WorkflowError:
            return fallback

    return cores


# Whether this cluster takes --gres=gpu:1 for a GPU and not --gpus=1; profiles/slurm says so.
GPUS_BY_GRES = "gpus_by_gres" in (workflow.resource_settings.default_resources or {})


def gpus(device):
    """The resource `gpu` of a job on a device: its GPUs, 0 where they are requested with `gres`."""
    return 0 if GPUS_BY_GRES else needs.gpus(device)


def gres(device):
    """The resource `gres` of a job on a device, None if its GPUs are requested with `gpu`, or if it needs none."""
    return f"gpu:{needs.gpus(device)}" if GPUS_BY_GRES and needs.gpus(device) else None


def needed(ask, manifest, *arguments):
    """What a job asks of a cluster, by a function of jobs/needs.py whose first argument is a manifest."""
    try:
        return ask(Manifest.read(existing(manifest)), *arguments)
    except UserError as error:
        # Of another version of the kit: fetch_model makes it again before the job starts.
        raise FileNotFoundError(str(error)) from None


def existing(path):
    """The path of a file; until it exists, FileNotFoundError tells Snakemake to evaluate the resource later."""
    Path(path).stat()
    return path
