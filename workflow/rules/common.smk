# Validation and helpers; no rules. Everything below reads the resolved study, never config itself.
import json
import os
import re
import sys
import time
from pathlib import Path

import psutil
from snakemake.exceptions import WorkflowError
from snakemake.settings.types import DeploymentMethod

STARTED = time.time()
SCRIPTS = Path(workflow.basedir) / "workflow/scripts"
sys.path.insert(0, str(SCRIPTS))

from mmlu_kit import job_failures
from mmlu_kit import sources as package_sources
from mmlu_kit.inputs.checkpoints import Manifest
from mmlu_kit.results import locations
from mmlu_kit.settings import DTYPE_BYTES
from mmlu_kit.study import resolve
from mmlu_kit.user_errors import UserError

try:
    STUDY = resolve(config)
except UserError as error:
    raise WorkflowError(str(error)) from None

MODELS = STUDY.models
TOGETHER = STUDY.loaded_once
IMPORTED = STUDY.imported
RESULTS = f"results/{STUDY.name}"
SUBJECT_FILES = f"resources/subjects/{STUDY.subjects_folder}"
if config.get("partial") and not all(Path(f"{SUBJECT_FILES}/{name}.jsonl").exists() for name in STUDY.subjects):
    # A partial report fetches nothing, and Snakemake would list every missing file and no way out.
    fetch = f"snakemake --cores 1 --config study={STUDY.name} --until fetch_questions"
    raise WorkflowError(f"the questions of study '{STUDY.name}' are not here: run {fetch}")

# Where each result lies: results of another machine that were unpacked here are used and never made again.
HOMES = {pair: str(locations.result_folder(Path(RESULTS), *pair)) for pair in STUDY.pairs()}
# What is merged: everything the study asks for or, for a partial report, what is there.
PAIRS = [
    (model, subject)
    for (model, subject), home in HOMES.items()
    if not config.get("partial") or Path(f"{home}/evaluations/{model}/{subject}.json").exists()
]
PROCESSES = list(dict.fromkeys(f"{HOMES[pair]}/timings/{STUDY.process(*pair)}" for pair in PAIRS if pair[0] not in IMPORTED))
# Another machine may have run without /usr/bin/time.
PROCESSES = [path for path in PROCESSES if path.startswith(f"{RESULTS}/timings/") or Path(path).exists()]
SETUPS = STUDY.timing_setups
SETUP = {setup.name: setup for setup in SETUPS.setups} if SETUPS else {}

# Whether rules run in images (`--use-singularity`, or a profile's software-deployment-method).
IN_IMAGES = DeploymentMethod.APPTAINER in workflow.deployment_settings.deployment_method


def folders_outside(hub_cache):
    """Folders outside the working directory that jobs read: local models, questions, label checks, predictions and the
    hub's cache."""
    named = [path if Path(path).is_dir() else Path(path).parent for path in STUDY.paths]
    folders = {Path(folder).resolve() for folder in [*named, hub_cache]}
    outside = sorted(folder for folder in folders if not folder.is_relative_to(Path.cwd()))
    for folder in outside:
        folder.mkdir(parents=True, exist_ok=True)  # the hub's cache before its first use
    return list(map(str, outside))


# All rules but fetch_* run offline and without the token: a missing input is an error, never a download.
OFFLINE = "env -u HF_TOKEN -u HUGGING_FACE_HUB_TOKEN -u HF_TOKEN_PATH HF_HUB_OFFLINE=1"
# Set explicitly, as a container's home folder is not the user's; one already chosen by the user or the cluster is kept.
# In the environment and not in a rule's shell, so changing it does not trigger a rerun.
HUB_CACHE = os.environ.setdefault("HF_HUB_CACHE", "resources/hub")
# Where `hf auth login` keeps the token, as huggingface_hub has it.
HUB_HOME = os.getenv("HF_HOME", os.path.join(os.getenv("XDG_CACHE_HOME", "~/.cache"), "huggingface"))
TOKEN_FILE = Path(os.getenv("HF_TOKEN_PATH", os.path.join(HUB_HOME, "token"))).expanduser()
if workflow.remote_exec:
    # A cluster's job fetches nothing, and with --verbose it writes its whole environment into its log.
    os.environ.pop("HF_TOKEN", None)
    os.environ.pop("HUGGING_FACE_HUB_TOKEN", None)
if IN_IMAGES:
    # Apptainer hands the user's environment on, and packages of the host that it names would be imported in the image.
    os.environ.update(APPTAINERENV_PYTHONPATH="", APPTAINERENV_PYTHONHOME="", APPTAINERENV_PYTHONNOUSERSITE="1")
    # It shows the working directory; what else a job reads must be named, and to a fetch the token, which no cluster's job sees.
    shown = [path for path in os.getenv("APPTAINER_BIND", "").split(",") if path not in ("", str(TOKEN_FILE))]
    shown += folders_outside(HUB_CACHE)
    if not workflow.remote_exec and TOKEN_FILE.is_file():
        os.environ.update(HF_TOKEN_PATH=str(TOKEN_FILE))
        shown.append(str(TOKEN_FILE))
    os.environ.update(APPTAINER_BIND=",".join(dict.fromkeys(shown)))
if workflow.local_exec and workflow.is_main_process:
    # On one machine, jobs that together need more than its memory or more than one GPU do not run side by side. Other
    # limits are given with --resources, and a cluster has its own.
    LIMITS = {"mem_mb": psutil.virtual_memory().total // 10**6, "gpu": 1}
    workflow.global_resources.update({name: amount for name, amount in LIMITS.items() if name not in workflow.global_resources})


wildcard_constraints:
    model="|".join(map(re.escape, MODELS)),
    subject="|".join(map(re.escape, STUDY.subjects)),
    questions=re.escape(STUDY.questions.name),
    commit="[0-9a-f]{40}|local",


def sources(program):
    """The input files that a rule's program consists of, so that an edit reruns it."""
    return [os.path.relpath(path) for path in package_sources.sources(SCRIPTS / program)]


def image_kind(device):
    """Which of config's images runs models on a device."""
    return "cuda" if device == "cuda" else "cpu"


def gpus(device):
    """How many of the machine's or the cluster's GPUs a job on a device takes."""
    return int(device == "cuda")


def image(device):
    """The container image for a device: an address, or the path of a local file from here, as Snakemake takes no path with
    spaces in it and the working directory's may have some."""
    name = config["images"][image_kind(device)]
    return name if "://" in name else os.path.relpath(Path(workflow.basedir) / name)


def image_files(device):
    """The image for a device as input files, so that a new image runs its jobs again: none for an address, or where rules
    do not run in images; a missing one is told before anything runs."""
    found = [] if not IN_IMAGES or "://" in image(device) else [image(device)]
    for path in found:
        if not Path(path).is_file():
            kind = image_kind(device)
            raise WorkflowError(f"config: images.{kind}: there is no {path}: make it with `make image-{kind}`, or name another")
    return found


def images_used():
    """The images that this study's rules run in, by kind of device; none where they run without."""
    kinds = {image_kind(entry.device) for entry in [*STUDY.run.values(), *SETUP.values()]} | {"cpu"}
    return {kind: image(kind) for kind in sorted(kinds)} if IN_IMAGES else {}


def one_of(names):
    """A wildcard constraint that admits these names only; nothing at all where there are none."""
    return "|".join(map(re.escape, names)) or "(?!)"


def source_options(entry):
    """How a fetch program is told where an entry of config comes from."""
    return ["--folder", entry.path] if entry.path else ["--repository", entry.repository, "--commit", entry.commit]


def folder_files(entry):
    """The files of a local folder, so that a change in one of them is noticed; none for a repository."""
    return sorted(str(path) for path in Path(entry.path).rglob("*") if path.is_file()) if entry.path else []


def manifest_of(model):
    """The manifest of a model."""
    return f"resources/models/{STUDY.manifest(model)}"


def manifest(wildcards):
    """The manifest of the wildcards' model."""
    return manifest_of(wildcards.model)


def setting(key, *more):
    """A function of wildcards that gives a model's setting, as in setting('prompt', 'examples')."""

    def value(wildcards):
        found = getattr(MODELS[wildcards.model], key)
        for name in more:
            found = getattr(found, name)
        return str(found)

    return value


def fewer_examples(model):
    """The option of evaluate.py that lets a model be shown fewer examples, where its entry does."""
    return "--fewer-examples" if model.prompt.fewer_examples else ""


def setup_setting(key):
    """A function of wildcards that gives a timing setup's setting."""
    return lambda wildcards: str(getattr(SETUP[wildcards.setup], key))


def round_before(wildcards):
    """The logs of the round before, so that each setup meets the machine early and late; none for the first."""
    before = int(wildcards.repeat) - 1
    return [f"{RESULTS}/setups/run_{before}/{name}.txt" for name in SETUP if before]


def all_cores(otherwise):
    """A function that gives all cores of this run, so that nothing runs beside a job; a cluster's executor has no such
    number, and gets `otherwise`."""

    def cores(wildcards):
        try:
            return workflow.cores
        except WorkflowError:
            return otherwise

    return cores


def minutes(manifest, device, subjects=1):
    """Minutes after which a cluster may end a job: on CPUs several times what two cores took; on GPUs a guess, not measured."""
    billions = Manifest.read(existing(manifest)).parameters / 1e9
    return round(20 + subjects * billions * (1 if gpus(device) else 10))


def memory_mb(manifest, dtype):
    """Megabytes that one evaluation needs: weights as loaded, the checkpoint where loading converts it, and 2 GB."""
    model = Manifest.read(existing(manifest))
    return round((model.parameters * DTYPE_BYTES[dtype] + model.checkpoint_bytes) / 1e6) + 2000


def existing(path):
    """The path of a file; before it is made this raises FileNotFoundError, which Snakemake takes as 'known later'."""
    Path(path).stat()
    return path
