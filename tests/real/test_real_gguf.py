"""A real published model is scored from its GGUF file as from a folder with the same weights, to the last digit."""

import json

import pytest

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def results(kit, real_gguf, real_folder, real_data, tmp_path_factory):
    """Return each evaluation's file and what was printed, by the kind of weights and the number format."""
    folder = tmp_path_factory.mktemp("results")

    def evaluate(kind, dtype):
        path = {"file": real_gguf, "folder": real_folder}[kind]
        process = kit("evaluate", "--model", path, "--questions", real_data / "mmlu", "--subjects", "anatomy", "--limit", 8,
                      "--dtype", dtype, "--preset", "chat", "--evaluations", folder / kind / dtype)  # fmt: skip
        assert process.returncode == 0, process.stderr
        return json.loads((folder / kind / dtype / "anatomy.json").read_text()), process.stdout

    return {(kind, dtype): evaluate(kind, dtype) for kind in ("file", "folder") for dtype in ("float32", "bfloat16")}


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_same_weights_answer_alike(results, dtype):
    (from_file, _), (from_folder, _) = results["file", dtype], results["folder", dtype]
    differing = {key for key in from_file if from_file[key] != from_folder[key]}
    assert differing == {"model", "model_files", "effective"}
    assert {key for key, value in from_file["effective"].items() if value != from_folder["effective"][key]} == {"saved"}


def test_ran_as_names_the_types_in_the_file(results):
    result, printed = results["file", "float32"]
    saved = "GGUF Q4_1 (210 tensors, 78.9%), Q8_0 (1 tensor, 21.0%), F32 (61 tensors, under 0.1%), dequantized"
    assert result["effective"]["saved"] == saved and f"Weights saved as: {saved}\n" in printed
    assert list(result["model_files"]) == ["SmolLM2-135M-Instruct.Q4_1.gguf"] and result["parameters"] == 134_515_008


def test_it_answers_in_the_chat(kit, real_gguf):
    process = kit("chat", "--model", real_gguf, input="What is the capital of France? One word.\n/quit\n")
    assert process.returncode == 0 and "Paris" in process.stdout, process.stderr
