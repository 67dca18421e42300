"""Fetching with the real client from a hub on the loopback: downloads, caching, and a one-line message for every failure."""

import json
import os
import shutil
import subprocess
import sys

import numpy
import pandas
import pytest
from mmlu_kit.inputs.checkpoints import Manifest
from safetensors.numpy import load_file, save_file

from tests.helpers.hub_server import Repository, serving

COMMIT, OTHER = "a" * 40, "b" * 40
TOKEN = "hf_aSecretThatNoLogMayShow"
MODEL = "tiny/model"


@pytest.fixture
def hub(root, tmp_path):
    with serving() as hub:
        folder = tmp_path / "served"
        shutil.copytree(root / "workflow/demo/models/demo-small", folder)
        (folder / "pytorch_model.bin").write_bytes(b"never wanted")
        hub.repositories[f"models/{MODEL}"] = Repository(folder, COMMIT)
        yield hub


@pytest.fixture
def fetch(run, hub, tmp_path):
    """Run a fetch program against the hub, with a separate cache."""

    def call(program="fetch_model.py", *arguments, token=None, offline=False, repository=MODEL, commit=COMMIT):
        env = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "HUGGING"))}
        env |= {"HF_ENDPOINT": hub.address, "HF_HUB_CACHE": str(tmp_path / "cache"), "HF_HOME": str(tmp_path / "home")}
        env |= {"HF_TOKEN": token} if token else {}
        env |= {"HF_HUB_OFFLINE": "1"} if offline else {}
        output = tmp_path / ("manifest.json" if program == "fetch_model.py" else "questions.jsonl")
        source = ["--repository", repository, "--commit", commit]
        if program == "fetch_questions.py":
            source = ["--source", json.dumps({"repository": repository, "commit": commit})]
        process = run(program, *source, *arguments, "--output", output, env=env)
        assert TOKEN not in process.stdout + process.stderr
        return process

    return call


def test_fetch_rules_reach_the_hub_unless_the_user_forbids_it(hub, workflow_copy, snakemake, tmp_path):
    commit = "7ae557604adf67be50417f59c2c2f167def9a775"
    hub.repositories[f"models/{MODEL}"].commit = commit
    (tmp_path / "hub.yaml").write_text(f"models: {{demo-small: {{path: null, repository: {MODEL}, commit: {commit}}}}}")
    manifest = f"resources/models/demo-small@{commit}.json"
    arguments = [manifest, "--cores", "1", "--configfile", tmp_path / "hub.yaml", "--config", "study=smoke"]
    environment = {"HF_ENDPOINT": hub.address, "HF_HUB_CACHE": str(tmp_path / "cache"), "HF_TOKEN": ""}
    forbidden = snakemake(workflow_copy, *arguments, env={**environment, "HF_HUB_OFFLINE": "1"})
    assert forbidden.returncode == 1 and "unset HF_HUB_OFFLINE" in forbidden.stderr and not hub.requests
    process = snakemake(workflow_copy, *arguments, env={**environment, "HF_HUB_OFFLINE": "0"})
    assert process.returncode == 0 and (workflow_copy / manifest).is_file(), process.stderr


def fetched(hub):
    """Return the names of the files whose content was sent."""
    return sorted(path.rsplit("/", 1)[-1] for method, path, _ in hub.requests if method == "GET" and "/resolve/" in path)


def ranges(hub):
    """Return the byte range of each request for the weights; None for the whole file."""
    return [part for method, path, part in hub.requests if method == "GET" and path.endswith("/model.safetensors")]


def last_line(process):
    """Return the error line; the client's warnings and progress bars may precede it, but no traceback."""
    assert process.returncode == 2, process.stderr
    assert "Traceback" not in process.stderr
    errors = [line for line in process.stderr.splitlines() if line.startswith("error: ")]
    assert len(errors) == 1, process.stderr
    return errors[0]


def test_a_model_arrives_at_its_commit_without_pickles(hub, fetch, root, run, kit, tmp_path):
    process = fetch()
    assert process.returncode == 0, process.stderr
    manifest = Manifest.read(tmp_path / "manifest.json")
    assert (manifest.repository, manifest.commit) == (MODEL, COMMIT)
    assert "pytorch_model.bin" not in fetched(hub) and "model.safetensors" in fetched(hub)
    local = run("fetch_model.py", "--folder", root / "workflow/demo/models/demo-small", "--output", tmp_path / "local.json")
    assert local.returncode == 0
    assert Manifest.read(tmp_path / "local.json").files == manifest.files
    scored = kit("evaluate", "--model", tmp_path / "manifest.json", "--questions", root / "workflow/demo/questions",
                 "--subjects", "astronomy")  # fmt: skip
    assert "Overall Accuracy: " in scored.stdout, scored.stderr


def test_a_second_fetch_needs_no_network(hub, fetch):
    assert fetch().returncode == 0
    hub.requests.clear()
    assert fetch(offline=True).returncode == 0
    assert hub.requests == []


@pytest.fixture
def served(hub):
    """The folder that the hub serves, with what makers publish beside a model."""
    folder = hub.repositories[f"models/{MODEL}"].folder
    (folder / "original").mkdir()
    (folder / "additional_chat_templates").mkdir()
    (folder / "additional_chat_templates/tool_use.jinja").write_text("{{ tools }}")
    for name in ("original/consolidated.safetensors", "original/params.json", "consolidated.safetensors", "model-Q4_0.gguf",
                 "mtp.safetensors", "README.md"):  # fmt: skip
        (folder / name).write_bytes(b"never wanted")
    return folder


@pytest.mark.usefixtures("served")
def test_only_what_is_read_is_fetched(hub, fetch, root, tmp_path):
    assert fetch().returncode == 0
    names = {path.name for path in (root / "workflow/demo/models/demo-small").iterdir()} | {"tool_use.jinja"}
    assert fetched(hub) == sorted(names)
    manifest = Manifest.read(tmp_path / "manifest.json")
    assert {name.rpartition("/")[2] for name in manifest.files} == names
    # Another program may have filled the cache with more.
    (snapshot,) = (tmp_path / "cache").rglob("snapshots/*/")
    (snapshot / "consolidated.safetensors").write_bytes(b"never wanted")
    hub.requests.clear()
    assert fetch(offline=True).returncode == 0
    assert Manifest.read(tmp_path / "manifest.json") == manifest and hub.requests == []


def shards(folder, name="model"):
    """Replace the weights by two shards and their index; one shard has the name of a pattern."""
    weights = load_file(folder / "model.safetensors")
    (folder / "model.safetensors").unlink()
    names = {key: f"{name}-{1 + number % 2}-[of]-2.safetensors" for number, key in enumerate(weights)}
    for file in set(names.values()):
        save_file({key: value for key, value in weights.items() if names[key] == file}, folder / file)
    (folder / f"{name}.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": names}))


def test_the_shards_of_the_index_are_fetched(hub, fetch, served):
    shards(served)
    (served / "model-3-of-3.safetensors").write_bytes(b"never wanted")
    assert fetch().returncode == 0
    weights = [name for name in fetched(hub) if name.endswith(".safetensors")]
    assert weights == ["model-1-[of]-2.safetensors", "model-2-[of]-2.safetensors"]
    hub.requests.clear()
    assert fetch(offline=True).returncode == 0
    assert hub.requests == []


def test_the_weights_that_config_json_names_are_fetched(hub, fetch, served):
    shards(served, "parts")
    (served / "model.safetensors").write_bytes(b"never wanted")
    config = json.loads((served / "config.json").read_text())
    (served / "config.json").write_text(json.dumps({**config, "transformers_weights": "parts.safetensors.index.json"}))
    process = fetch()
    assert process.returncode == 0, process.stderr
    assert "parts-1-[of]-2.safetensors" in fetched(hub) and "model.safetensors" not in fetched(hub)


def ambiguous(folder):
    shutil.copy(folder / "model.safetensors", folder / "copy.safetensors")
    shards(folder)
    (folder / "copy.safetensors").rename(folder / "model.safetensors")


def only_gguf(folder):
    for path in [*folder.glob("*.json"), *folder.glob("*.safetensors"), *folder.glob("original/*.safetensors")]:
        path.unlink()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (ambiguous, "model tiny/model at aaaaaaaaaaaa: holds both model.safetensors and shards listed in"),
        (only_gguf, "model tiny/model at aaaaaaaaaaaa: the weights exist only as GGUF (model-Q4_0.gguf)"),
        (lambda folder: (folder / "adapter_config.json").write_text("{}"), "holds an adapter (adapter_config.json)"),
        (lambda folder: (folder / "config.json").write_text('{"is_encoder_decoder": true}'), "is an encoder-decoder model"),
        (lambda folder: (folder / "config.json").write_text("[]"), "config.json is not a configuration"),
        (lambda folder: (folder / "tokenizer.json").unlink(), "tiny/model at aaaaaaaaaaaa: the tokenizer is missing"),
        (lambda folder: (folder / "config.json").unlink(), "config.json is missing, so this is not a Hugging Face model"),
        (lambda folder: (folder / "model.safetensors").unlink(), "the weights exist only as a pickle (pytorch_model.bin)"),
    ],
)
def test_a_model_that_cannot_be_used_is_refused_before_its_weights_are_fetched(hub, fetch, served, tmp_path, change, words):
    change(served)
    assert words in last_line(fetch())
    assert not any(name.endswith(".safetensors") for name in fetched(hub))
    assert not (tmp_path / "manifest.json").exists()


def test_a_gated_model_tells_what_to_do(hub, fetch, tmp_path):
    hub.repositories[f"models/{MODEL}"].token = TOKEN
    assert "is gated: accept its licence" in (line := last_line(fetch())) and "HTTP 401" in line and "hf auth login" in line
    assert "HTTP 403" in last_line(fetch(token="hf_without_access"))
    assert fetch(token=TOKEN).returncode == 0
    # The token itself is nowhere among what was written.
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or TOKEN.encode() not in path.read_bytes()


def test_an_unknown_commit_and_an_unknown_repository(fetch):
    assert f"tiny/model at {OTHER[:12]}: the hub has no such commit" in last_line(fetch(commit=OTHER))
    assert "tiny/other at aaaaaaaaaaaa: the hub has no such repository" in last_line(fetch(repository="tiny/other"))
    assert "'a/b/c' is not the name of a repository, owner/name" in last_line(fetch(repository="a/b/c"))


UNREACHABLE = "is not complete in the cache and the hub cannot be reached: "


def keep_in_cache(folder, names, listed):
    """Keep only some files of a cached repository; not `listed`: as a program leaves it that fetches file by file."""
    for path in folder.rglob("snapshots/*/**/*"):
        if path.is_symlink() and path.name not in names:
            path.unlink()
    if not listed:
        for path in folder.rglob("trees"):
            shutil.rmtree(path)


def test_no_network(hub, fetch, tmp_path):
    assert f"{UNREACHABLE}unset HF_HUB_OFFLINE, which forbids it" in last_line(fetch(offline=True))
    assert fetch().returncode == 0
    keep_in_cache(tmp_path / "cache", ["config.json"], listed=False)
    hub.address = "http://127.0.0.1:9"  # the discard port: nothing listens there
    process = fetch()
    assert f"model tiny/model at aaaaaaaaaaaa {UNREACHABLE}connect to the network" in last_line(process)
    assert process.stderr.count("[Retry 1/5]") == 1, "after five attempts to connect it was tried again"


def test_a_login_page_of_a_network_is_not_taken_for_the_hub(hub, fetch):
    hub.login_page = True
    assert "what answered is not the hub, but perhaps a network's login page" in last_line(fetch())


@pytest.mark.parametrize("listed", [True, False])
def test_a_partly_filled_cache_without_a_network(hub, fetch, tmp_path, listed):
    assert fetch().returncode == 0
    tokenizer = ["config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json", "chat_template.jinja"]
    keep_in_cache(tmp_path / "cache", tokenizer, listed)
    assert f"model tiny/model at aaaaaaaaaaaa {UNREACHABLE}" in last_line(fetch(offline=True))
    keep_in_cache(tmp_path / "cache", ["config.json"], listed)
    assert f"model tiny/model at aaaaaaaaaaaa {UNREACHABLE}" in last_line(fetch(offline=True))


def test_a_chat_template_missing_in_the_cache_is_not_taken_for_none(hub, fetch, tmp_path):
    assert fetch().returncode == 0
    names = [path.name for path in hub.repositories[f"models/{MODEL}"].folder.iterdir()]
    keep_in_cache(tmp_path / "cache", set(names) - {"chat_template.jinja"}, listed=True)
    assert UNREACHABLE in last_line(fetch(offline=True))
    assert fetch().returncode == 0


def test_a_subject_missing_in_the_cache_is_not_taken_for_none(hub, fetch, root, tmp_path):
    parquet(tmp_path / "mmlu", frame(root))
    hub.repositories["datasets/cais/mmlu"] = Repository(tmp_path / "mmlu", COMMIT)
    questions = {"repository": "cais/mmlu"}
    assert fetch("fetch_questions.py", "--subject", "astronomy", **questions).returncode == 0
    keep_in_cache(tmp_path / "cache", [], listed=False)
    line = last_line(fetch("fetch_questions.py", "--subject", "astronomy", offline=True, **questions))
    assert f"dataset cais/mmlu at aaaaaaaaaaaa {UNREACHABLE}" in line


def test_a_hub_that_fails_is_named_with_its_status(hub, fetch):
    hub.broken = True
    assert "the hub answered HTTP 500; finished files are kept; run again" in last_line(fetch())


def test_a_broken_download_resumes(hub, fetch):
    # The client keeps what arrives in pieces of 10 MiB, of which the half that arrives here holds one.
    weights = hub.repositories[f"models/{MODEL}"].folder / "model.safetensors"
    save_file({**load_file(weights), "padding": numpy.zeros(10_000_000, "float32")}, weights)
    hub.cuts = 1
    assert fetch().returncode == 0
    assert ranges(hub) == [None, f"bytes={10 << 20}-"], "what had arrived was sent again"


def test_a_busy_hub_is_retried_later(hub, fetch):
    hub.busy = 2
    process = fetch()
    assert process.returncode == 0, process.stderr
    assert "Rate limited. Waiting 1.0s before retry" in process.stderr


def test_a_file_with_a_wrong_hash_is_refused_and_fetched_again(hub, fetch, tmp_path):
    hub.spoiled = 1
    assert "model.safetensors does not have the hash that the hub announced: run again" in last_line(fetch())
    assert not (tmp_path / "manifest.json").exists()
    hub.requests.clear()
    assert fetch().returncode == 0
    assert fetched(hub) == ["model.safetensors"], "files that were right were fetched again"


def test_a_cached_file_that_was_damaged_later_is_refused(hub, fetch, tmp_path):
    assert fetch().returncode == 0
    (config,) = (tmp_path / "cache").rglob("snapshots/*/config.json")
    blob = config.resolve()
    blob.write_bytes(blob.read_bytes() + b" ")
    assert "config.json does not have the hash that the hub announced" in last_line(fetch(offline=True))


def test_a_partial_download_is_an_error_and_the_next_run_completes_it(hub, fetch, tmp_path):
    hub.cuts = 99
    assert "finished files are kept; run again" in last_line(fetch())
    assert not (tmp_path / "manifest.json").exists()
    hub.cuts = 0
    hub.requests.clear()
    assert fetch().returncode == 0
    assert fetched(hub) == ["model.safetensors"], "files that had arrived were fetched again"


def parquet(folder, frame, subject="astronomy"):
    """Save questions like cais/mmlu: one Parquet file for each split."""
    for split in ("test", "dev"):
        path = folder / subject / f"{split}-00000-of-00001.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        frame[frame["split"] == split].drop(columns="split").to_parquet(path)


def frame(root):
    """Return the demo's astronomy questions as a table with cais/mmlu's columns."""
    parts = []
    for split in ("test", "dev"):
        path = root / f"workflow/demo/questions/{split}/astronomy_{split}.csv"
        rows = pandas.read_csv(path, header=None, dtype=str, keep_default_na=False)
        choices = rows[[1, 2, 3, 4]].apply(list, axis=1)
        answers = rows[5].map("ABCD".index)
        parts.append(pandas.DataFrame(
            {"question": rows[0], "subject": "astronomy", "choices": choices, "answer": answers, "split": split}
        ))  # fmt: skip
    return pandas.concat(parts)


def test_questions_from_the_hub_equal_those_of_the_csv_files(hub, fetch, root, run, tmp_path):
    parquet(tmp_path / "mmlu", frame(root))
    hub.repositories["datasets/cais/mmlu"] = Repository(tmp_path / "mmlu", COMMIT)
    process = fetch("fetch_questions.py", "--subject", "astronomy", repository="cais/mmlu")
    assert process.returncode == 0, process.stderr
    source = json.dumps({"path": "workflow/demo/questions"})
    run("fetch_questions.py", "--source", source, "--subject", "astronomy", "--output", tmp_path / "local.jsonl")
    assert (tmp_path / "questions.jsonl").read_bytes() == (tmp_path / "local.jsonl").read_bytes()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda table: table.rename(columns={"choices": "options"}),
            "has no column 'choices': correct `fields`; it has ",
        ),
        (lambda table: table.assign(answer=4), "row 1: the answer is 4, not a number from 0 to 3"),
        (lambda table: table.assign(choices=[["a"]] * len(table), answer=0), "row 1: 1 choice, and a question needs 2 to 26"),
    ],
)
def test_a_question_table_of_another_form_is_refused(hub, fetch, root, tmp_path, change, words):
    parquet(tmp_path / "mmlu", change(frame(root)))
    hub.repositories["datasets/cais/mmlu"] = Repository(tmp_path / "mmlu", COMMIT)
    assert words in last_line(fetch("fetch_questions.py", "--subject", "astronomy", repository="cais/mmlu"))


def test_a_subject_missing_from_the_data_set(hub, fetch, root, tmp_path):
    parquet(tmp_path / "mmlu", frame(root))
    hub.repositories["datasets/cais/mmlu"] = Repository(tmp_path / "mmlu", COMMIT)
    line = last_line(fetch("fetch_questions.py", "--subject", "anatomy", repository="cais/mmlu"))
    assert "has no dev questions for 'anatomy'" in line


def test_the_evaluation_uses_no_network(root, tmp_path):
    """With only the loopback, and no environment variable that forbids the hub, evaluation still never contacts it."""
    with serving() as hub:
        env = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
        env |= {"HF_ENDPOINT": hub.address, "HF_HOME": str(tmp_path)}
        program = [sys.executable, "-m", "mmlu_kit", "evaluate", "--model", "workflow/demo/models/demo-small"]
        options = ["--questions", "workflow/demo/questions", "--subjects", "astronomy"]
        process = subprocess.run([*program, *options], cwd=root, env=env, capture_output=True, text=True)
        assert process.returncode == 0, process.stderr
        assert hub.requests == []
