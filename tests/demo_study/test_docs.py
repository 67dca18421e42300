"""Every command in README and CONTRIBUTING is run: here, on a finished demo study, or by the named test."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.conftest import ROOT, as_installed

DOCUMENTS = (
    "README.md",
    "CONTRIBUTING.md",
    *(str(path.relative_to(ROOT)) for path in sorted((ROOT / "docs").glob("*.md"))),
    "workflow/demo/README.md",
    "workflow/reference/README.md",
    "results/README.md",
)
STARTS = r"(?:make|snakemake|mmlu-kit|python|docker|hf|apt-get)\s"
DEMO = "workflow/demo"
# Its answers are there already; the other commands are about a study that ran here.
UNPACK = "make unpack STUDY=demo FILE=results/demo.zip && rm -r results/demo/elsewhere"

# What is run for a command: itself, with what it leaves open filled in, and a plan alone where it would take hours.
HERE = {
    "make report": "make report",
    "make report STUDY=…": "make --dry-run report STUDY=smoke",
    "make check STUDY=writeup": "make check STUDY=demo",
    "make status STUDY=writeup": "make status STUDY=demo",
    "make verify STUDY=demo": "make verify STUDY=demo",
    "make check-results STUDY=demo": "make check-results STUDY=demo",
    "make pack STUDY=writeup": "make pack STUDY=demo",
    "make unpack": UNPACK,
    "make unpack STUDY=writeup FILE=colab.zip": UNPACK,
    "make partial-report STUDY=writeup": "make --dry-run partial-report STUDY=demo",
    "make retry STUDY=writeup": "make --dry-run retry STUDY=demo",
    "make images": "make --dry-run images",
    "make image-cuda": "make --dry-run image-cuda",
    "make image-cuda12 TORCH_OPTIONS='--index-url INDEX'": "make --dry-run image-cuda12 TORCH_OPTIONS='--index-url INDEX'",
    "make locks": "make --dry-run locks",
    "make quantized": "make --dry-run quantized",
    "make schemas": "make --dry-run schemas",
    "make bench": "make --dry-run bench",
    "make bench DATA=FOLDER": "make --dry-run bench DATA=data",
    "make llama": "make --dry-run llama",
    "make test ARGS='tests/unit -k prompts'": "make --dry-run test ARGS='tests/unit -k prompts'",
    "snakemake --cores 8": "snakemake --cores 8",
    "snakemake --unlock": "snakemake --unlock",
    "snakemake --cores 8 --config study=writeup only=small": "snakemake --cores 8 --config study=writeup only=small --dry-run",
    "snakemake --cores 8 --config study=first-real": "snakemake --cores 8 --config study=first-real --dry-run",
    "snakemake --cores 8 --use-singularity --config study=writeup": (
        "snakemake --cores 8 --use-singularity --config study=writeup --dry-run"
    ),
    "snakemake --profile profiles/slurm --config study=writeup": (
        "snakemake --profile profiles/slurm --config study=writeup --dry-run"
    ),
    "snakemake --cores 1 --config study=writeup --until fetch_model fetch_questions": (
        "snakemake --cores 1 --config study=writeup --until fetch_model fetch_questions --dry-run"
    ),
    "snakemake --cores 8 --configfile mine.yaml": "snakemake --cores 8 --configfile mine.yaml --dry-run",
    "mmlu-kit --help": "mmlu-kit --help",
    "mmlu-kit machine": "mmlu-kit machine",
    "mmlu-kit chat": "mmlu-kit chat < /dev/null",
    "mmlu-kit chat --model FOLDER": (f"echo Hello. | mmlu-kit chat --max-new-tokens 8 --model {DEMO}/models/demo-small"),
    "mmlu-kit chat --script FILE": (
        r"printf 'Hello.\n/system Be\\\nbrief.\n/regenerate 0.7 3\n/save chat.json\n' > chat.txt"
        " && mmlu-kit chat --max-new-tokens 8 --script chat.txt"
    ),
    "mmlu-kit compare MODEL_A MODEL_B --study mine": "mmlu-kit compare demo-small demo-large --study demo",
    "mmlu-kit compare MODEL_A MODEL_B --study writeup": "mmlu-kit compare demo-small demo-large --study demo",
    "mmlu-kit export results/writeup --output FOLDER": "mmlu-kit export results/demo --output exported",
    "mmlu-kit evaluate --model FOLDER --questions quiz.csv --verbose": (
        f"mmlu-kit evaluate --model {DEMO}/models/demo-small --questions quiz.csv --verbose"
    ),
    "mmlu-kit export results/writeup --format every-eval-ever --organization NAME --output FOLDER": (
        "mmlu-kit export results/demo --format every-eval-ever --organization NAME --output exported"
    ),
    "mmlu-kit diff results/demo FOLDER": "cp -r results/demo other && mmlu-kit diff results/demo other",
    "mmlu-kit completion fish | source": "mmlu-kit completion fish",
    "mmlu-kit evaluate --model FOLDER --questions quiz.csv --json": (
        f"mmlu-kit evaluate --model {DEMO}/models/demo-small --questions quiz.csv --json"
    ),
    "mmlu-kit evaluate --model FOLDER --questions FOLDER --subjects astronomy --verbose": (
        f"mmlu-kit evaluate --model {DEMO}/models/demo-small --questions {DEMO}/questions --subjects astronomy --verbose"
    ),
    "python benchmarks/costs.py --data FOLDER": "python benchmarks/costs.py --help",
    "python benchmarks/chat_cache.py --data FOLDER": (
        f"python benchmarks/chat_cache.py --turns 2 --rounds 1 --threads 1 --model {DEMO}/models/demo-chat"
    ),
}
# What another file runs: a test, or CI itself.
ELSEWHERE = {
    "make test": (".ci/run", "make test"),
    "make lint": (".ci/run", "make lint"),
    **{
        f"make {target}": ("tests/demo_study/test_docs.py", f'works("make {target}"')
        for target in (
            *(f"{name} STUDY=mine CONFIG=mine.yaml" for name in ("check", "report", "status")),
            "pack STUDY=mine",
        )
    },
    "python -m tests.families.write_page": ("tests/families/test_families.py", "write_page"),
    "make docs": ("tests/demo_study/test_docs.py", "mkdocs"),
    "make image-cpu": (".ci/run", "make image-cpu"),
    "make demo-models": ("tests/workflow/test_demo_training.py", "train_models.py"),
    "snakemake --snakefile KIT/Snakefile --cores 8": ("tests/workflow/test_elsewhere.py", 'kit_folder / "Snakefile"'),
    "snakemake --use-singularity --configfile images.yaml": ("tests/workflow/test_published_images.py", "--use-singularity"),
    "snakemake --report out.html": ("tests/workflow/test_snakemake_report.py", "--report"),
    "mmlu-kit report mine --config mine.yaml --cores 8": ("tests/unit/test_command_line.py", 'report("mine", "--config"'),
    "mmlu-kit pin Qwen/Qwen3-0.6B --write mine.yaml": ("tests/workflow/test_pin.py", '"--write"'),
    "hf auth login": ("tests/workflow/test_fetch.py", "hf auth login"),
    "apt-get install make git python3 python3-venv time": (".ci/run", "make git python3 python3-venv time"),
    "apt-get install time": (".ci/run", "time"),
    "apt-get install chromium": (".ci/run", "chromium"),
    'docker run --rm --user "$(id -u)" -v "$PWD/results:/kit/results" mmlu-kit:cpu': (
        "tests/containers/test_images.py", "docker run --user",
    ),
}  # fmt: skip


def commands():
    """The commands in all documents, each once: lines of code blocks and text between backticks."""
    found = []
    for name in DOCUMENTS:
        text = (ROOT / name).read_text()
        blocks = re.findall(r"```bash\n(.*?)```", text, re.S)
        found += [line.partition(" #")[0].strip() for block in blocks for line in block.splitlines()]
        found += re.findall(rf"`({STARTS}[^`]+)`", text)
    return list(dict.fromkeys(filter(None, found)))


def example(document, kind):
    """A document's example of a user's own study or questions, with existing folders."""
    text = re.search(rf"```{kind}\n(.*?)```", (ROOT / document).read_text(), re.S)[1]
    return text.replace("/data/mmlu", f"{DEMO}/questions").replace("/models/my-model", f"{DEMO}/models/demo-small")


@pytest.fixture(scope="module")
def finished(demo, tmp_path_factory):
    """A copy of the project with the demo study's results and the tests' environment."""
    folder = as_installed(Path(shutil.copytree(demo, tmp_path_factory.mktemp("docs") / "kit", symlinks=True)))
    shutil.copytree(ROOT / "benchmarks", folder / "benchmarks", ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "mine.yaml").write_text(example("docs/studies.md", "yaml"))
    (folder / "quiz.csv").write_text(example("docs/tutorial.md", "text"))
    (folder / "images").mkdir()
    for name in ("cpu.sif", "cuda.sif"):
        (folder / "images" / name).touch()  # for plans: no rule runs in them
    return folder


def test_every_command_in_the_documents_has_a_test():
    assert set(commands()) == {*HERE, *ELSEWHERE}


def test_every_file_and_name_that_contributing_says_to_touch_is_there():
    rows = (ROOT / "CONTRIBUTING.md").read_text().partition("## To add something")[2].splitlines()
    kit = ROOT / "workflow/scripts/mmlu_kit"
    named = [re.findall(r"`([\w/]+\.(?:py|smk|md\.j2))`", row) for row in rows]
    texts = [
        "".join((ROOT if path.startswith("workflow/") else kit).joinpath(path).read_text() for path in row) for row in named
    ]
    assert any(named)
    for row, text in zip(rows, texts, strict=True):
        names = [name for name in re.findall(r"`(?:\w+\.)?(\w+)`", row) if name not in ("py", "smk", "csv")]
        assert not text or not [name for name in names if not re.search(rf"\b{name}\b", text)], row


def test_the_documentation_builds_without_a_warning_or_a_dead_link(tmp_path):
    command = ["mkdocs", "build", "--strict", "--quiet", "--site-dir", tmp_path / "site"]
    process = subprocess.run(command, cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "1"}, capture_output=True, text=True)
    assert process.returncode == 0 and not process.stderr, process.stderr
    assert "enable_thinking" in (tmp_path / "site/config/index.html").read_text()  # made from the data models


@pytest.mark.parametrize("name", ("README.md", "CONTRIBUTING.md"))
def test_links_to_files_and_headings_lead_somewhere(name):
    for path, anchor in re.findall(r"\]\((?!https?:)([^)#]*)#?([^)]*)\)", (ROOT / name).read_text()):
        target = ROOT / (path or name)
        assert target.exists(), path
        headings = re.findall(r"(?m)^#+ (.*)", target.read_text()) if anchor else []
        assert not anchor or anchor in [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings], (
            anchor
        )


def test_readme_can_be_read_in_a_minute_or_two():
    assert len((ROOT / "README.md").read_text().split()) <= 1200


def works(command, folder):
    """Check that a command succeeds with the environment active, and return its output."""
    path = f"{folder / '.venv/bin'}{os.pathsep}{os.environ['PATH']}"
    process = subprocess.run(command, shell=True, cwd=folder, env={**os.environ, "PATH": path}, capture_output=True, text=True)
    assert process.returncode == 0, process.stdout[-3000:] + process.stderr[-3000:]
    assert "error: " not in process.stderr and "Traceback" not in process.stderr
    return process.stdout


@pytest.mark.parametrize("command", HERE.values(), ids=HERE)
def test_a_documented_command_works(command, finished):
    works(command, finished)


def test_a_users_own_study_works_with_every_make_target(finished):
    works("make check STUDY=mine CONFIG=mine.yaml", finished)
    works("make report STUDY=mine CONFIG=mine.yaml", finished)
    report = (finished / "results/mine/report.md").read_text()
    assert "# My study" in report and "my-model-5-shot" in report
    assert "my-model-5-shot" in works("make status STUDY=mine CONFIG=mine.yaml", finished)
    works("make retry STUDY=mine CONFIG=mine.yaml", finished)
    works("make pack STUDY=mine", finished)


@pytest.mark.parametrize("command", ELSEWHERE)
def test_a_command_tested_elsewhere_names_its_test(command):
    file, words = ELSEWHERE[command]
    assert words in (ROOT / file).read_text()
