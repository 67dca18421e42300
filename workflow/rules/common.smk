# Validation and helpers, without rules. The rules use the resolved study and not config itself.
import json
import os
import re
import shlex
import sys
import time
from pathlib import Path

import psutil
from snakemake.exceptions import WorkflowError
from snakemake.settings.types import DeploymentMethod

STARTED = time.time()
FOLDER = Path(str(workflow.current_basedir)).parents[1].resolve()
sys.path.insert(0, str(FOLDER / "workflow/scripts"))

from mmlu_kit import job_failures
from mmlu_kit.config import merged, read
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.jobs import needs
from mmlu_kit.jobs.places import Kit
from mmlu_kit.results import locations
from mmlu_kit.study import resolve
from mmlu_kit.user_errors import UserError

# The kit may be elsewhere than the working directory, and may be a module of another workflow.
KIT = Kit(FOLDER)
PROGRAMS = shlex.quote(KIT.path("workflow/scripts")).replace("{", "{{").replace("}", "}}")
try:
    # As a module, the kit gets another workflow's config, which need not repeat the kit's own.
    config = merged(read([KIT.folder / "config.yaml"]), config)
    STUDY = resolve(config, KIT.locate)
except UserError as error:
    raise WorkflowError(str(error)) from None

MODELS = STUDY.models
TOGETHER = STUDY.loaded_once
IMPORTED = STUDY.imported
RESULTS = f"results/{STUDY.name}"
SUBJECT_FILES = f"resources/subjects/{STUDY.subjects_folder}"
if config.get("partial") and not all(Path(f"{SUBJECT_FILES}/{name}.jsonl").exists() for name in STUDY.subjects):
    # A partial report fetches nothing, and Snakemake would list every missing file without advice.
    fetch = f"snakemake --cores 1 --config study={STUDY.name} --until fetch_questions"
    raise WorkflowError(f"the questions of study '{STUDY.name}' were not fetched yet: run {fetch}")

# The folder of each result: results of other machines that were unpacked here are used and never recomputed.
HOMES = {pair: str(locations.result_folder(Path(RESULTS), *pair)) for pair in STUDY.pairs()}
# The results to merge: all that the study needs or, for a partial report, those that exist.
PAIRS = [
    (model, subject)
    for (model, subject), home in HOMES.items()
    if not config.get("partial") or Path(f"{home}/evaluations/{model}/{subject}.json").exists()
]
PROCESSES = list(dict.fromkeys(f"{HOMES[pair]}/timings/{STUDY.process(*pair)}" for pair in PAIRS if pair[0] not in IMPORTED))
# Results from other machines may lack logs of /usr/bin/time.
PROCESSES = [path for path in PROCESSES if path.startswith(f"{RESULTS}/timings/") or Path(path).exists()]
SETUPS = STUDY.timing_setups
SETUP = {setup.name: setup for setup in SETUPS.setups} if SETUPS else {}

# Whether rules run in images (`--use-singularity`, or a profile's software-deployment-method).
IN_IMAGES = DeploymentMethod.APPTAINER in workflow.deployment_settings.deployment_method


def folders_outside(hub_cache):
    """Folders outside the working directory that jobs read: the kit, local models, questions, label checks, predictions and
    the hub's cache."""
    configured = [path if Path(path).is_dir() else Path(path).parent for path in STUDY.paths]
    folders = {Path(folder).resolve() for folder in [*configured, hub_cache, KIT.folder]}
    outside = sorted(folder for folder in folders if not folder.is_relative_to(Path.cwd()))
    for folder in outside:
        folder.mkdir(parents=True, exist_ok=True)  # the hub's cache may not exist yet
    return list(map(str, outside))


# All rules but fetch_* run offline and without the token: a missing input is an error, never a download.
OFFLINE = "env -u HF_TOKEN -u HUGGING_FACE_HUB_TOKEN -u HF_TOKEN_PATH HF_HUB_OFFLINE=1"
# Set explicitly, since a container's home folder is not the user's; a value set by the user or the cluster is kept.
# It is set in the environment and not in a rule's shell command, so changing it does not trigger a rerun.
HUB_CACHE = os.environ.setdefault("HF_HUB_CACHE", "resources/hub")
# Where `hf auth login` stores the token; the same rules as in huggingface_hub.
HUB_HOME = os.getenv("HF_HOME", os.path.join(os.getenv("XDG_CACHE_HOME", "~/.cache"), "huggingface"))
TOKEN_FILE = Path(os.getenv("HF_TOKEN_PATH", os.path.join(HUB_HOME, "token"))).expanduser()
if workflow.remote_exec:
    # Cluster jobs fetch nothing, and with --verbose they write their whole environment to the log.
    os.environ.pop("HF_TOKEN", None)
    os.environ.pop("HUGGING_FACE_HUB_TOKEN", None)
if IN_IMAGES:
    # Apptainer passes on the user's environment, so images must be isolated from the host's Python packages.
    os.environ.update(APPTAINERENV_PYTHONPATH="", APPTAINERENV_PYTHONHOME="", APPTAINERENV_PYTHONNOUSERSITE="1")
    # Apptainer mounts the working directory. Other folders that jobs read must be bound, and for fetch rules the token's file,
    # which cluster jobs never see.
    binds = [path for path in os.getenv("APPTAINER_BIND", "").split(",") if path not in ("", str(TOKEN_FILE))]
    binds += folders_outside(HUB_CACHE)
    if not workflow.remote_exec and TOKEN_FILE.is_file():
        os.environ.update(HF_TOKEN_PATH=str(TOKEN_FILE))
        binds.append(str(TOKEN_FILE))
    os.environ.update(APPTAINER_BIND=",".join(dict.fromkeys(binds)))
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


def image_kind(device):
    """The kind of image that runs models on a device."""
    return "cuda" if device == "cuda" else "cpu"


def image(device):
    """The container image for a device: an address or the relative path of a local file. Snakemake refuses paths with spaces,
    which the absolute path may have."""
    name = config["images"][image_kind(device)]
    return name if "://" in name else KIT.locate(name)


def image_files(device):
    """The image for a device as input files, so that a new image triggers a rerun; empty for an address or without images.
    A missing image is an error before anything runs."""
    paths = [] if not IN_IMAGES or "://" in image(device) else [image(device)]
    for path in paths:
        if not Path(path).is_file():
            kind = image_kind(device)
            raise WorkflowError(f"config: images.{kind}: there is no {path}: make it with `make image-{kind}`, or name another")
    return paths


def images_used():
    """The images that this study's rules run in, by kind of device; empty if rules do not run in images."""
    kinds = {image_kind(entry.device) for entry in [*STUDY.run.values(), *SETUP.values()]} | {"cpu"}
    return {kind: image(kind) for kind in sorted(kinds)} if IN_IMAGES else {}


def one_of(names):
    """A wildcard constraint that matches only these names; without names it matches nothing."""
    return "|".join(map(re.escape, names)) or "(?!)"


def source_options(entry):
    """The options of a fetch program for the source of a config entry."""
    return ["--folder", entry.path] if entry.path else ["--repository", entry.repository, "--commit", entry.commit]


def folder_files(entry):
    """The files of an entry's local folder, as inputs, so that a change triggers a rerun; empty for a repository."""
    return sorted(str(path) for path in Path(entry.path).rglob("*") if path.is_file()) if entry.path else []


def manifest_of(model):
    """The manifest of a model."""
    return f"resources/models/{STUDY.manifest(model)}"


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


def fewer_examples(model):
    """The option of evaluate.py for fewer examples, if the model's entry has it."""
    return "--fewer-examples" if model.prompt.fewer_examples else ""


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
    return ask(Manifest.read(existing(manifest)), *arguments)


def existing(path):
    """The path of a file; until it exists, FileNotFoundError tells Snakemake to evaluate the resource later."""
    Path(path).stat()
    return path
