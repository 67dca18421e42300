"""The recall experiment with a real model, run by its programs and in the demo study."""

import json
import shutil
from pathlib import Path

import pytest
import torch
import yaml
from mmlu_kit.chat import replies
from mmlu_kit.evaluation import token_ids
from mmlu_kit.evaluation.chat_templates import ChatTemplate
from mmlu_kit.evaluation.journal import Journal
from mmlu_kit.inputs import checkpoints
from mmlu_kit.models import loading, tokenizers
from mmlu_kit.recall import probes
from mmlu_kit.recall.documents import ChatFile
from mmlu_kit.settings import LoadSettings, OnUnavailable

from tests.helpers.reports import percent, tables

MODEL = "demo-chat"


@pytest.fixture(scope="module")
def chat(demo):
    """The demo study's chat.json."""
    return json.loads((demo / "results/demo/chat.json").read_text())


@pytest.fixture(scope="module")
def recall(demo):
    """The demo chat model's recall.json."""
    return json.loads((demo / f"results/demo/chat/{MODEL}/recall.json").read_text())


def right(recall, strategy, reader="model", distance=None):
    """Return whether each told fact was recalled, by trial."""
    return {
        probe["trial"]: probe["replies"][reader]["outcome"] == "right"
        for probe in recall["probes"]
        if probe["strategy"] == strategy
        and recall["trials"][probe["trial"]]["kind"] in ("told", "corrected")
        and distance in (None, recall["trials"][probe["trial"]]["distance"])
    }


def share(values):
    return sum(values) / len(values)


def test_the_oracle_recalls_facts_in_context_and_a_window_forgets_older_ones(recall):
    for strategy in recall["strategies"]:
        for probe in recall["probes"]:
            if probe["strategy"] == strategy and recall["trials"][probe["trial"]]["kind"] in ("told", "corrected"):
                assert (probe["replies"]["oracle"]["outcome"] == "right") == probe["in_context"]
    for distance in recall["distances"]:
        for turns in (2, 8):
            expected = 1 if distance <= turns else 0
            assert share(right(recall, f"last_turns({turns})", "oracle", distance).values()) == expected


def test_the_tables_of_section_8_match_the_replies(report, recall):
    (history,) = tables(report, "### History On vs. History Off")
    for column, strategy in ((1, "full"), (2, "none")):
        found = right(recall, strategy).values()
        assert history[1][column].startswith(f"{sum(found)} of {len(found)}, {percent(share(found))} (")
        near = right(recall, strategy, distance=1).values()
        assert history[2][column].startswith(f"{sum(near)} of {len(near)}, ")
    rows, distances, costs = tables(report, "### What Each Strategy Still Recalls")
    for reader, strategy, still, recalled, *_ in rows[1:]:
        reader = "oracle" if reader.startswith("oracle (no language model)") else "model"
        assert recalled.startswith(percent(share(right(recall, strategy.strip("`"), reader).values())))
        probes = [probe for probe in recall["probes"] if probe["strategy"] == strategy.strip("`")]
        told = [probe for probe in probes if recall["trials"][probe["trial"]]["kind"] in ("told", "corrected")]
        assert still == percent(share([probe["in_context"] for probe in told]))
    for strategy, *cells in distances[1:]:
        for distance, cell in zip(recall["distances"], cells, strict=True):
            assert cell.startswith(percent(share(right(recall, strategy.strip("`"), distance=distance).values())))
    for strategy, tokens, *_ in costs[1:]:
        sizes = [probe["prompt_tokens"] for probe in recall["probes"] if f"`{probe['strategy']}`" == strategy]
        assert tokens == f"{share(sizes):.0f} ({max(sizes)})"


def test_the_sentences_of_section_8_match_the_replies(report, recall, chat):
    on, off = right(recall, "full"), right(recall, "none")
    only_on, only_off = (
        sum(a and not b for a, b in zip(x.values(), y.values(), strict=True)) for x, y in ((on, off), (off, on))
    )
    assert f"{only_on} facts recalled only with full history and {only_off} only with `none`" in report
    for turn in recall["alice"]["on"]["turns"] + recall["alice"]["off"]["turns"]:
        assert f"You: {turn['user']}\nAssistant: {turn['assistant']}\n" in report
    assert chat["transcripts"]["restored"]["same"]


def test_the_chat_model_recalls_only_facts_in_its_prompt(recall):
    assert share(right(recall, "full").values()) > 0.6
    assert share(right(recall, "none").values()) < 0.1
    never = [probe for probe in recall["probes"] if recall["trials"][probe["trial"]]["kind"] == "never"]
    assert share([probe["replies"]["model"]["outcome"] == "not_knowing" for probe in never]) > 0.6


def test_a_sliding_window_loses_most_of_the_cache(chat):
    rows = {row["strategy"]: row for row in chat["models"][0]["rows"] if row["distance"] == 16 and row["reader"] == "model"}
    kept = {strategy: row["cached_tokens"]["mean"] / row["prompt_tokens"]["mean"] for strategy, row in rows.items()}
    assert kept["full"] > 0.9 and kept["last_turns(8)"] < 0.3


def test_timed_replies_reuse_the_cache_that_was_computed(demo, recall):
    times = json.loads((demo / f"results/demo/chat/{MODEL}/times.json").read_text())
    expected = {
        (probe["strategy"], recall["trials"][probe["trial"]]["distance"], probe["prompt_tokens"], probe["cached_tokens"])
        for probe in recall["probes"]
    }
    for one in times["first_token"]:
        assert tuple(one[key] for key in ("strategy", "distance", "prompt_tokens", "cached_tokens")) in expected
        assert one["warm_s"] > 0 and one["cold_s"] > 0
    assert len(times["first_token"]) == len(recall["strategies"]) * len(recall["distances"]) * 2


def test_transcripts_show_whole_chats(demo):
    said = yaml.safe_load((demo / "workflow/recall/transcripts.yaml").read_text())
    for name in ("sliding_window", "token_budget_history_on", "saved_and_restored"):
        text = (demo / f"results/demo/chat/{name}.md").read_text()
        for message in said[name]["user"]:
            assert f"```text\n{message}\n```" in text
        assert text.count("**Assistant**\n\n```text\n") == len(said[name]["user"])
    assert "without its first" in (demo / "results/demo/chat/sliding_window.md").read_text()
    assert (
        "the process ended. Another process restored and continued it" in text
        and "later replies were the same, letter by letter" in text
    )


def benchmark(run, folder, model, *arguments):
    small = ["--trials", 1, "--distances", 1, 3, "--timed", 1, "--threads", 1, "--max-new-tokens", 12]
    written = ["--recall", folder / "recall.json", "--times", folder / "times.json"]
    return run("chat_benchmark.py", "--model", model, *small, *written, *arguments)


def test_recall_files_are_byte_identical_and_times_are_kept_separately(run, tmp_path, root):
    arguments = {"enable_thinking": False}
    model = shutil.copytree(root / f"workflow/demo/models/{MODEL}", tmp_path / MODEL)
    template = model / "chat_template.jinja"
    template.write_text("{% if enable_thinking %}<think>{% endif %}" + template.read_text())
    for name in ("one", "two"):
        process = benchmark(run, tmp_path / name, model, "--template-arguments", json.dumps(arguments))
        assert process.returncode == 0, process.stderr
    one, two = ((tmp_path / name / "recall.json").read_text() for name in ("one", "two"))
    assert one == two and '_s"' not in one and str(tmp_path) not in one
    assert json.loads(one)["template_arguments"] == arguments
    assert (tmp_path / "one/times.json").read_text() != (tmp_path / "two/times.json").read_text()


def test_a_killed_recall_run_resumes_after_its_last_batch(tmp_path, root):
    torch.set_num_threads(1)
    manifest = checkpoints.verified_manifest(root / "workflow/demo/models/demo-small")
    template = ChatTemplate(tokenizers.load_tokenizer(Path(manifest.folder)))
    replier = replies.Replier(loading.load(manifest, LoadSettings(), OnUnavailable.FAIL).model, template)
    texts = [f"Message number {number} of many." for number in range(40)]
    prompts = sorted(tuple(token_ids.prompt_ids([{"role": "user", "content": text}], template)) for text in texts)
    whole = probes.answers(prompts, replier, 4)
    assert len(set(whole.values())) > 1

    def killed(number, texts):
        journal.append(number, [{"text": text} for text in texts])
        if number == 1:
            raise KeyboardInterrupt

    journal = Journal(tmp_path / "chat.jsonl", "key")
    with pytest.raises(KeyboardInterrupt):
        probes.answers(prompts, replier, 4, {}, killed)
    journal.close()
    batches, new = Journal(tmp_path / "chat.jsonl", "key").kept, []
    kept = {number: [entry["text"] for entry in batch] for number, batch in batches.items()}
    assert probes.answers(prompts, replier, 4, kept, lambda number, texts: new.append(number)) == whole
    assert list(kept) == [0, 1] and new == [2]


def test_a_model_without_a_chat_template_is_reported_in_one_line(run, tmp_path, root, one_line):
    folder = shutil.copytree(root / "workflow/demo/models/demo-small", tmp_path / "mute")
    (folder / "chat_template.jinja").unlink()
    one_line(benchmark(run, tmp_path, folder), "mute has no chat template", "leave it out of the study's chat.models")
    assert not (tmp_path / "recall.json").exists()


def test_an_unknown_strategy_is_reported_in_one_line(run, tmp_path, root, one_line):
    process = benchmark(run, tmp_path, root / "workflow/demo/models/demo-small", "--strategies", "full", "last_turn(2)")
    one_line(process, "'last_turn(2)' is not a strategy")


def test_a_chat_model_that_cannot_run_is_named_and_retried(run, kit, tmp_path, root):
    if torch.backends.mps.is_available():
        pytest.skip("this machine has the device that the test needs to be missing")
    model, asked = root / f"workflow/demo/models/{MODEL}", ["--device", "mps", "--on-unavailable", "skip"]
    folder = tmp_path / "results/chat"
    for process in (
        benchmark(run, folder / MODEL, model, *asked),
        run("write_transcripts.py", "--model", model, "--name", MODEL, "--folder", folder, *asked),
        run("summarise_chat.py", "--models", MODEL, "--manifests", model, "--folder", folder,
            "--output", tmp_path / "results/chat.json"),
    ):  # fmt: skip
        assert process.returncode == 0, process.stderr
    because = "device 'mps' was requested, but this machine has none"
    chat = ChatFile.read(tmp_path / "results/chat.json")
    (not_run,) = chat.not_run
    assert (not_run.model, not_run.requested) == (MODEL, LoadSettings(device="mps")) and not_run.reason.startswith(because)
    assert chat.models == [] and chat.transcripts is None
    assert f"**Not run:** {MODEL}: {because}" in (folder / "sliding_window.md").read_text()
    assert kit("forget-skipped", tmp_path / "results").stdout.startswith("3 placeholders")
    assert not (tmp_path / "results/chat.json").exists() and not (folder / MODEL / "recall.json").exists()


def test_a_part_of_a_study_without_evaluations_is_merged(run, tmp_path, demo):
    study = {**json.loads((demo / "results/demo/merged.json").read_text())["study"], "baseline": None, "groups": []}
    (tmp_path / "timings").mkdir()
    (tmp_path / "timings/processes.json").write_text("{}")
    shutil.copy(demo / "results/demo/chat.json", tmp_path)
    process = run(
        "merge.py", "--study", json.dumps(study), "--results", tmp_path, "--resources", demo / "resources",
        "--merged", tmp_path / "merged.json", "--table", tmp_path / "questions.csv",
    )  # fmt: skip
    assert process.returncode == 0, process.stderr
    merged = json.loads((tmp_path / "merged.json").read_text())
    assert merged["results"] == [] and [model["model"] for model in merged["chat"]["models"]] == [MODEL]
