"""What `mmlu-kit check` says before a study runs, with the real client and a hub on the loopback; nothing is fetched or run."""

import json
import os
import re
import shutil
import time

import pytest
import yaml

from tests.helpers.hub_server import Repository, serving

COMMIT = "a" * 40
TOKEN = "hf_aSecretThatNobodyMaySee"
SUBJECTS = ["anatomy", "astronomy"]


@pytest.fixture
def hub(root, tmp_path):
    """A hub with a model and two subjects' questions."""
    with serving() as hub:
        shutil.copytree(root / "workflow/demo/models/demo-small", tmp_path / "model")
        for subject in SUBJECTS:
            (tmp_path / "mmlu" / subject).mkdir(parents=True)
            for split in ("dev", "test"):
                (tmp_path / f"mmlu/{subject}/{split}-00000-of-00001.parquet").write_bytes(b"0" * 150_000)
        hub.repositories["models/tiny/model"] = Repository(tmp_path / "model", COMMIT)
        hub.repositories["datasets/tiny/mmlu"] = Repository(tmp_path / "mmlu", COMMIT)
        yield hub


@pytest.fixture
def folder(tmp_path):
    """A working directory with a config that adds a study of the hub's model and questions."""
    config = {
        "study": "mine",
        "questions": {"tiny": {"repository": "tiny/mmlu", "commit": COMMIT}},
        "models": {
            "tiny": {"repository": "tiny/model", "commit": COMMIT},
            "tiny-4bit": {"repository": "tiny/model", "commit": COMMIT, "device": "cuda", "quantization": "4bit",
                          "on_unavailable": "skip"},
        },
        "studies": {
            "mine": {
                "title": "Mine", "questions": "tiny", "subjects": SUBJECTS,
                "groups": {"small": {"title": "Small", "models": ["tiny", "tiny-4bit"]},
                           "medium": {"title": "Medium", "models": ["demo-small"]}},
            }
        },
    }  # fmt: skip
    folder = tmp_path / "work"
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(config))
    return folder


@pytest.fixture
def environment(hub, tmp_path):
    """Variables for the hub's client: this hub, and a cache and home of its own."""
    env = {name: "" for name in os.environ if name.startswith(("HF_", "HUGGING"))}
    return env | {"HF_ENDPOINT": hub.address, "HF_HUB_CACHE": str(tmp_path / "cache"), "HF_HOME": str(tmp_path / "home")}


@pytest.fixture
def manifest(run, environment, folder):
    """The manifest of the model, which was fetched."""
    path = folder / f"resources/models/tiny@{COMMIT}.json"
    source = ["--source", json.dumps({"repository": "tiny/model", "commit": COMMIT}), "--output", path]
    process = run("fetch_model.py", *source, env={**os.environ, **environment}, cwd=folder)
    assert process.returncode == 0, process.stderr
    return path


@pytest.fixture
def check(kit, environment, folder):
    """Run `mmlu-kit check` in the working directory, with the hub and without a GPU."""

    def call(*arguments, token=None, **settings):
        env = environment | {"CUDA_VISIBLE_DEVICES": ""} | ({"HF_TOKEN": token} if token else {}) | settings
        process = kit("check", *arguments, cwd=folder, env=env)
        assert TOKEN not in process.stdout + process.stderr and "Traceback" not in process.stderr
        return process

    return call


def lines(process, start):
    """Return the lines that begin with these words, with single spaces."""
    texts = [" ".join(line.split()) for line in process.stdout.splitlines()]
    return [text for text in texts if text.startswith(start)]


def test_sizes_are_asked_of_the_hub_and_nothing_is_fetched(check, hub, folder, tmp_path):
    process = check("--only", "small")
    assert process.returncode == 0, process.stderr
    assert lines(process, "tiny/model") == ["tiny/model (model) 0.7 MB 0.7 MB open"]
    assert lines(process, "tiny/mmlu") == ["tiny/mmlu (dataset) 0.6 MB 0.6 MB open"]
    assert lines(process, "to fetch: 1.3 MB into") and "no token is seen" in process.stdout
    (_, skipped) = lines(process, "tiny-4bit")
    row = next(line for line in lines(process, "tiny-4bit") if "cuda" in line)
    assert row.endswith("of cuda memory be skipped: no NVIDIA GPU is seen on this machine") and skipped.endswith(
        "nothing to run"
    )
    missing = "missing, so its jobs would run in the CPU's and be skipped or fall back: `make image-cuda`, or name another"
    assert missing in lines(process, "cuda ")[0]
    assert process.stdout.splitlines()[-1] == "Nothing is known that keeps this study from running."
    assert not [path for _, path, _ in hub.requests if "/resolve/" in path]
    assert [path.name for path in folder.iterdir()] == ["config.yaml"] and not (tmp_path / "cache").exists()


def test_a_gated_model_needs_a_token_with_access(check, hub):
    hub.repositories["models/tiny/model"].token = TOKEN
    process = check("--only", "small")
    assert process.returncode == 2
    assert process.stderr == (
        "error: model tiny/model at aaaaaaaaaaaa is gated: accept its licence on its page on the hub, then run `hf auth login` "
        "or set HF_TOKEN (HTTP 401)\n"
    )
    assert lines(process, "tiny/model") == ["tiny/model (model) 0.7 MB 0.7 MB gated, and no token is seen"]
    refused = check("--only", "small", token="hf_anothersToken")
    assert refused.returncode == 2 and "gated, and the token gives no access" in refused.stdout
    allowed = check("--only", "small", token=TOKEN)
    assert allowed.returncode == 0, allowed.stderr
    assert "gated, with access" in allowed.stdout and "a token is seen" in allowed.stdout


def test_what_was_fetched_is_not_asked_of_the_hub(check, hub, manifest):
    hub.requests.clear()
    process = check("--only", "small", HF_HUB_OFFLINE="1")
    assert lines(process, "tiny/model") == ["tiny/model (model) 0.0 MB 0.7 MB all in the cache"]
    assert process.returncode == 2 and hub.requests == []
    assert process.stderr.startswith(
        "error: dataset tiny/mmlu at aaaaaaaaaaaa is not complete in the cache and the hub cannot be"
    )
    assert "unset HF_HUB_OFFLINE" in process.stderr and process.stderr.count("\n") == 1
    manifest.unlink()  # what is in the cache is enough
    assert lines(check("--only", "small"), "tiny/model") == ["tiny/model (model) 0.0 MB 0.7 MB all in the cache"]


def test_a_cache_with_an_empty_name_is_the_default_one(check):
    (line,) = lines(check("--only", "small", HF_HUB_CACHE=""), "to fetch")
    assert line.startswith("to fetch: 1.3 MB into resources/hub, where")


def test_a_cache_that_was_emptied_is_told_before_the_run(check, manifest, folder, tmp_path):
    shutil.rmtree(tmp_path / "cache")
    process = check("--only", "small")
    assert process.returncode == 2
    words = f"is missing: delete {manifest.relative_to(folder)} and run again, which fetches the model again"
    assert words in process.stderr


def test_weights_that_are_damaged_in_the_cache_are_one_problem_of_the_overview(check, manifest, tmp_path):
    (weights,) = (tmp_path / "cache").rglob("snapshots/*/model.safetensors")
    weights.resolve().write_bytes(b"damaged")
    manifest.unlink()
    process = check("--only", "small")
    assert process.returncode == 2 and lines(process, "tiny/mmlu")
    where = r"error: model tiny/model at aaaaaaaaaaaa: .*/model.safetensors is not a safetensors file, or is truncated: fetch"
    assert re.match(where, process.stderr) and process.stderr.count("\n") == 1


def test_without_a_network_the_line_comes_within_ten_seconds(check):
    started = time.monotonic()
    process = check(HF_ENDPOINT="http://127.0.0.1:9")
    assert time.monotonic() - started < 10
    assert process.returncode == 2 and process.stderr.splitlines() == [
        "error: model tiny/model at aaaaaaaaaaaa (and 1 other) is not complete in the cache and the hub cannot be reached: "
        "connect to the network; finished files are kept; run again"
    ]
    assert lines(process, "tiny/model") == [
        "tiny/model (model) unknown until fetched unknown until fetched cannot be fetched now"
    ]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"login_page": True}, "what answered is not the hub, but perhaps a network's login page"),
        ({"broken": True}, "the hub answered HTTP 500"),
        ({"repositories": {}}, "the hub has no such repository"),
    ],
)
def test_a_hub_that_gives_no_answer_is_named_in_one_line(check, hub, change, words):
    for name, value in change.items():
        setattr(hub, name, value)
    process = check("--only", "small")
    assert process.returncode == 2 and process.stderr.count("\n") == 1 and words in process.stderr


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"HTTPS_PROXY": "nonsense://proxy"}, "HTTPS_PROXY"),
        ({"https_proxy": "::::"}, "https_proxy"),
        ({"SSL_CERT_FILE": "/nowhere"}, "SSL_CERT_FILE"),
        ({"HF_ENDPOINT": "hub.example.org"}, "HF_ENDPOINT is no address of a hub"),
        ({"HF_ENDPOINT": "http://[::1"}, "HF_ENDPOINT is no address of a hub"),
        ({"HF_ENDPOINT": "http://user:secret@hub"}, "HF_ENDPOINT holds a user's name or password"),
    ],
)
def test_variables_with_which_the_client_cannot_start_are_named_in_one_line(check, run, folder, environment, settings, words):
    process = check("--only", "small", **settings)
    assert process.returncode == 2 and process.stderr.count("\n") == 1 and words in process.stderr
    source = ["--source", json.dumps({"repository": "tiny/model", "commit": COMMIT}), "--output", folder / "manifest.json"]
    fetched = run("fetch_model.py", *source, env={**os.environ, **environment, **settings}, cwd=folder)
    assert fetched.returncode == 2 and fetched.stderr.count("\n") == 1 and words in fetched.stderr


def test_a_token_that_the_hub_does_not_accept(check, hub):
    hub.refusal = 401, {"X-Error-Message": "Invalid credentials in Authorization header"}
    process = check("--only", "small", token="hf_expired")
    assert process.returncode == 2 and process.stderr.count("\n") == 1
    assert "the hub does not accept the token: log in again with `hf auth login`, or correct HF_TOKEN" in process.stderr


def test_a_model_that_could_not_be_used_is_told_before_it_is_fetched(check, tmp_path):
    (tmp_path / "model/model.safetensors").rename(tmp_path / "model/pytorch_model.bin")
    process = check("--only", "small")
    assert process.returncode == 2 and "the weights exist only as a pickle (pytorch_model.bin)" in process.stderr


def test_a_subject_that_the_data_set_lacks(check, tmp_path):
    shutil.rmtree(tmp_path / "mmlu/anatomy")
    assert "has no dev questions for 'anatomy'" in check("--only", "small").stderr


def test_a_machine_that_cannot_run_a_model_is_an_error_only_where_its_jobs_run(check, folder):
    (folder / "more.yaml").write_text("models: {tiny-4bit: {on_unavailable: fail}}")
    process = check("--only", "small", "--configfile", "more.yaml")
    assert process.returncode == 2
    assert process.stderr == (
        "error: tiny-4bit: no NVIDIA GPU is seen on this machine: use another machine, change the entry in config, or set its "
        "on_unavailable to fallback or skip\n"
    )
    assert "missing: `make image-cuda`" in lines(process, "cuda ")[0]
    cluster = check("--only", "small", "--configfile", "more.yaml", "--cluster")
    assert cluster.returncode == 0 and "MODELS: jobs run on other machines" in cluster.stdout


def test_what_would_be_fetched_for_nothing_is_told(check, hub, folder):
    hub.repositories["models/tiny/large"] = hub.repositories["models/tiny/model"]
    (folder / "more.yaml").write_text("models: {tiny-4bit: {repository: tiny/large}}")
    process = check("--only", "small", "--configfile", "more.yaml")
    assert lines(process, "to fetch: 2.0 MB into")
    assert lines(process, "0.7 MB of it are for models that will not run here: `--only`")


def test_several_parts_may_be_chosen(check):
    for parts in (["small", "medium"], ["small,medium"], ["small,", "medium"]):
        assert lines(check("--only", *parts), "demo-small"), parts
    assert not lines(check("--only", "small"), "demo-small")


def test_the_demo_needs_no_hub_and_no_torch(hub, root, kit):
    flags = {"HF_ENDPOINT": hub.address, "PYTHONPROFILEIMPORTTIME": "1"}
    for command in ("check", "status"):
        process = kit(command, "--study", "demo", cwd=root, env=flags)
        assert process.returncode == 0 and "demo-large" in process.stdout
        assert not [
            line for line in process.stderr.splitlines() if line.split("|")[-1].strip() in ("torch", "transformers", "pandas")
        ]
    assert hub.requests == []
