"""What jobs ask of a cluster: memory, compared with measured peaks of whole processes, time, and GPUs."""

import functools
import itertools
import json
import os
import subprocess
import sys

import pytest
import transformers
from mmlu_kit.config import ModelEntry
from mmlu_kit.inputs import checkpoints, loaded_weights
from mmlu_kit.inputs.checkpoints import FileEntry, Manifest
from mmlu_kit.jobs import needs
from mmlu_kit.models import footprint, memory
from mmlu_kit.settings import Device, DType, Quantization

from benchmarks.make_random_model import save_empty
from tests.helpers.model_folders import write_header, write_weights

SIZES = "hidden_size intermediate_size num_hidden_layers num_attention_heads num_key_value_heads vocab_size tie_word_embeddings"
SHAPES = {
    "0.5B": (896, 4864, 24, 14, 2, 151936, True),
    "1.5B": (1536, 8960, 28, 12, 2, 151936, True),
    "3B": (2048, 11008, 36, 16, 2, 151936, True),
    "7B": (3584, 18944, 28, 28, 4, 152064, False),
    "14B": (5120, 13824, 48, 40, 8, 152064, False),
    "96 layers": (512, 1536, 96, 8, 4, 151936, True),
}
# Megabytes at the peak of evaluate.py, of random models in a memory control group: anonymous memory, and weights that are used
# where they are mapped. The checkpoint was in bfloat16 unless it is named.
MEASURED = [
    ("0.5B", "float32", "none", 2540),
    ("0.5B", "bfloat16", "none", 1471),
    ("0.5B float32", "float32", "none", 2495),
    ("0.5B float32", "bfloat16", "none", 1471),
    ("0.5B", "float32", "4bit", 1444),
    ("0.5B", "bfloat16", "4bit", 1071),
    ("0.5B", "bfloat16", "8bit", 2124),
    ("1.5B", "float32", "none", 6795),
    ("1.5B", "float32", "4bit", 2919),
    ("1.5B", "float32", "8bit", 2927),
    ("1.5B", "bfloat16", "4bit", 2184),
    ("96 layers", "float32", "none", 2154),
]


@pytest.fixture(scope="module")
def manifest(tmp_path_factory):
    """A function that returns the manifest of a checkpoint with a Qwen2.5 model's shape: '7B', or '0.5B float32'."""

    @functools.cache
    def make(name):
        size = name.removesuffix(" float32")
        shape = dict(zip(SIZES.split(), SHAPES[size], strict=True))
        return save_empty(tmp_path_factory.mktemp("model"), shape, "bfloat16" if name == size else "float32")

    return make


def entry(device="cpu", dtype="float32", quantization="none", on_unavailable="fail"):
    return ModelEntry(path=".", device=device, dtype=dtype, quantization=quantization, on_unavailable=on_unavailable)


@pytest.mark.parametrize(("name", "dtype", "quantization", "peak_mb"), MEASURED)
def test_jobs_ask_for_the_memory_that_was_measured_and_not_much_more(manifest, name, dtype, quantization, peak_mb):
    memory_mb = needs.memory_mb(manifest(name), entry(dtype=dtype, quantization=quantization))
    assert peak_mb < memory_mb < max(3000, 1.3 * peak_mb + 1000)


@pytest.mark.parametrize(
    ("size", "model", "memory_mb"),
    [
        ("7B", entry("cuda", "bfloat16", "4bit"), 6180),
        ("14B", entry("cuda", "bfloat16", "4bit"), 7115),
        ("14B", entry("cuda", "bfloat16", "4bit", "skip"), 7115),
        # Two float32 tensors of the embedding's size on their way to the GPU.
        ("14B", entry("cuda", "float32"), 10229),
        # What it may fall back to needs the whole model in the machine's memory.
        ("7B", entry("cuda", "bfloat16", "4bit", "fallback"), 17232),
        ("7B", entry("cpu", "bfloat16", "4bit", "fallback"), 17232),
        ("7B", entry("cpu", "bfloat16", "4bit"), 8632),
        ("7B", entry("mps", "float16"), 17232),
        ("3B", entry("cpu", "float32"), 14344),
    ],
)
def test_memory_depends_on_format_device_and_what_the_model_may_fall_back_to(manifest, size, model, memory_mb):
    assert needs.memory_mb(manifest(size), model) == memory_mb


def test_a_real_process_stays_below_what_its_job_asks_for(root, tmp_path):
    """The demo's largest model, whose peak is what Python, torch and transformers need: a quarter of the request and more."""
    folder = root / "workflow/demo/models/demo-large"
    program = (
        "import sys, torch; from pathlib import Path; from mmlu_kit.models import transformers_model;"
        "from mmlu_kit.settings import LoadSettings; from mmlu_kit.timing import phase_timer;"
        "model = transformers_model.load_model(Path(sys.argv[1]), LoadSettings());"
        "model(torch.ones(1, 512, dtype=torch.long));"
        # Not getrusage's number, which on Linux is never below the peak of the process that started this one.
        "print(phase_timer.peak_rss_bytes())"
    )
    process = subprocess.run([sys.executable, "-c", program, folder], capture_output=True, text=True, check=True)
    memory_mb = needs.memory_mb(checkpoints.describe(folder), entry())
    assert 0.15 * memory_mb < int(process.stdout) / 10**6 < memory_mb


TINY = {"hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 600}
GPT2 = {"n_embd": 64, "n_layer": 2, "n_head": 4, "vocab_size": 600, "n_positions": 8}
EXPERTS = {"num_key_value_heads": 2, "head_dim": 16, "moe_intermediate_size": 96, "num_experts": 8, "num_experts_per_tok": 2}


@pytest.mark.parametrize("quantization", [Quantization.FOUR_BIT, Quantization.EIGHT_BIT])
@pytest.mark.parametrize(
    ("family", "config", "sizes"),
    [
        ("Llama", "Llama", TINY),
        ("Gemma2", "Gemma2", TINY | {"num_key_value_heads": 2, "head_dim": 16}),
        ("GPTNeoX", "GPTNeoX", TINY),
        ("GPT2LMHead", "GPT2", GPT2),
        ("Qwen3Moe", "Qwen3Moe", TINY | EXPERTS),
    ],
)
def test_weights_counted_in_files_are_those_of_the_model_that_is_loaded(tmp_path, family, config, sizes, quantization):
    kind = "GPT2LMHeadModel" if family == "GPT2LMHead" else f"{family}ForCausalLM"
    getattr(transformers, kind)(getattr(transformers, f"{config}Config")(**sizes)).save_pretrained(tmp_path)
    (tmp_path / "tokenizer.json").write_text("{}")
    manifest = checkpoints.describe(tmp_path)
    for dtype in (DType.FLOAT32, DType.BFLOAT16):
        estimate = footprint.needed(manifest, Device.CPU, dtype, quantization) - memory.BESIDE_WEIGHTS
        assert loaded_weights.compressed(manifest, Device.CPU, dtype, quantization) == pytest.approx(estimate, rel=0.02)


def test_experts_are_not_compressed_and_weights_saved_quantized_take_what_they_take_in_the_file(tmp_path):
    layer = "model.layers.0"
    tensors = {
        "model.embed_tokens.weight": ("BF16", [600, 64]),
        f"{layer}.mlp.down_proj.weight": ("U8", [64 * 96 // 2, 1]),
        f"{layer}.mlp.down_proj.weight.quant_state.bitsandbytes__nf4": ("U8", [50]),
        f"{layer}.mlp.down_proj.weight.absmax": ("U8", [96]),
    }
    write_weights(tmp_path / "model.safetensors", tensors)
    (tmp_path / "tokenizer.json").write_text("{}")
    quantization = {"quant_method": "bitsandbytes", "load_in_4bit": True}
    (tmp_path / "config.json").write_text(json.dumps({"model_type": "qwen2", "quantization_config": quantization}))
    manifest = checkpoints.describe(tmp_path)
    as_saved = 64 * 96 // 2 + 50 + 96
    assert loaded_weights.as_saved(manifest, Device.CPU, DType.BFLOAT16) == 2 * 600 * 64 + as_saved
    # Embeddings are converted, though they were saved in bfloat16.
    assert loaded_weights.as_saved(manifest, Device.CPU, DType.FLOAT32) == 4 * 600 * 64 + as_saved


# Two layers of 302 million parameters and one of 604 million, from a checkpoint in bfloat16 with several shards; the peak is
# of anonymous memory.
@pytest.mark.parametrize(
    ("layers", "experts", "dtype", "peak_mb"),
    [(2, 64, "float32", 3929), (2, 64, "bfloat16", 1913), (1, 128, "float32", 4341), (1, 128, "bfloat16", 2321)],
)
def test_jobs_ask_for_the_copies_of_a_layers_experts_too(tmp_path, layers, experts, dtype, peak_mb):
    shapes = {"gate_proj": [1536, 1024], "up_proj": [1536, 1024], "down_proj": [1024, 1536]}
    header, end = {}, 0
    for layer, expert, name in itertools.product(range(layers), range(experts), shapes):
        begin, end = end, end + 2 * 1536 * 1024
        place = {"dtype": "BF16", "shape": shapes[name], "data_offsets": [begin, end]}
        header[f"model.layers.{layer}.mlp.experts.{expert}.{name}.weight"] = place
    path = write_header(tmp_path / "model.safetensors", header)
    os.truncate(path, path.stat().st_size + end)
    files = {path.name: FileEntry(bytes=path.stat().st_size, sha256="0" * 64)}
    manifest = Manifest(
        folder=str(tmp_path), repository=None, commit=None, files=files, parameters=end // 2, checkpoint_bytes=end
    )
    memory_mb = needs.memory_mb(manifest, entry(dtype=dtype))
    snakemake_mb = 400
    assert peak_mb + snakemake_mb < memory_mb < 1.3 * peak_mb + 1500


def test_weights_that_cannot_be_read_here_count_as_one_tensor(manifest, tmp_path):
    checkpoint = manifest("0.5B")
    moved = checkpoint.model_copy(update={"folder": str(tmp_path / "elsewhere")})
    assert needs.memory_mb(moved, entry()) == needs.memory_mb(checkpoint, entry())
    assert needs.memory_mb(moved, entry(quantization="4bit")) == needs.memory_mb(moved, entry())


def test_stability_asks_for_the_larger_format_and_time_for_every_run(manifest):
    checkpoint = manifest("0.5B")
    assert needs.stability_mb(checkpoint, Device.CPU) == needs.memory_mb(checkpoint, entry())
    assert needs.stability_mb(checkpoint, Device.CUDA) == needs.memory_mb(checkpoint, entry("cuda"))
    assert needs.stability_minutes(checkpoint, Device.CPU, 2) == needs.minutes(checkpoint, Device.CPU, 16) == 99


@pytest.mark.parametrize(
    ("device", "subjects", "max_new_tokens", "minutes"),
    [("cpu", 1, 1, 96), ("cuda", 1, 1, 28), ("cuda", 57, 1, 454), ("cpu", 1, 5, 142), ("cuda", 1, 101, 142)],
)
def test_time_grows_with_subjects_and_with_the_tokens_of_a_reply(manifest, device, subjects, max_new_tokens, minutes):
    assert needs.minutes(manifest("7B"), Device(device), subjects, max_new_tokens) == minutes


@pytest.mark.parametrize(("device", "number"), [("cpu", 0), ("mps", 0), ("cuda", 1)])
def test_only_models_on_cuda_ask_for_a_gpu(device, number):
    assert needs.gpus(Device(device)) == number
