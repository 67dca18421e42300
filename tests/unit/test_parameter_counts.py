"""Parameters of quantized checkpoints: each packed weight counts as what it stands for, and scales do not count."""

import json

import pytest
import transformers
from mmlu_kit.inputs import checkpoints
from mmlu_kit.models import footprint, memory
from mmlu_kit.settings import Device, DType, Quantization

from tests.helpers.model_folders import write_folder, write_weights

LAYER = "model.layers.0.mlp.up_proj"
OTHERS = {"model.embed_tokens.weight": ("BF16", [8, 128]), f"{LAYER}.bias": ("BF16", [64])}
# All describe one matrix of 64 x 128.
BNB = {"load_in_4bit": True, "quant_method": "bitsandbytes", "bnb_4bit_quant_type": "nf4"}
PACK = {"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {"num_bits": 4}}}}
CASES = {
    "nf4": (BNB, ("bitsandbytes", 4), {
        "weight": ("U8", [4096, 1]), "weight.absmax": ("U8", [128]), "weight.quant_map": ("F32", [16]),
        "weight.nested_absmax": ("F32", [1]), "weight.nested_quant_map": ("F32", [256]),
        "weight.quant_state.bitsandbytes__nf4": ("U8", [80]),
    }),
    "fp4 in bfloat16 storage": (BNB, ("bitsandbytes", 4), {
        "weight": ("BF16", [2048, 1]), "weight.absmax": ("F32", [128]), "weight.quant_map": ("F32", [16]),
        "weight.quant_state.bitsandbytes__fp4": ("U8", [80]),
    }),
    "int8": ({"load_in_8bit": True}, ("bitsandbytes", 8), {
        "weight": ("I8", [64, 128]), "SCB": ("F32", [64]), "weight_format": ("U8", []),
    }),
    "fp8 blocks": ({"quant_method": "fp8", "weight_block_size": [128, 128]}, ("fp8", 8), {
        "weight": ("F8_E4M3", [64, 128]), "weight_scale_inv": ("F32", [1, 1]), "activation_scale": ("F32", []),
    }),
    "fp8 by row": ({"quant_method": "fbgemm_fp8"}, ("fbgemm_fp8", 8), {
        "weight": ("F8_E4M3", [64, 128]), "weight_scale": ("F32", [64, 1]), "input_scale": ("F32", []),
        "input_scale_ub": ("F32", [1]), "k_scale": ("F32", []),
    }),
    "packed": (PACK, ("compressed-tensors", 4), {
        "weight_packed": ("I32", [64, 16]), "weight_scale": ("BF16", [64, 1]), "weight_zero_point": ("I32", [8, 1]),
        "weight_g_idx": ("I32", [128]),
    }),
    "packed in 3 bits, ten to a number": (
        {"quant_method": "compressed-tensors", "config_groups": {"a": {"weights": {"num_bits": 3}}}}, ("compressed-tensors", 3),
        {"weight_packed": ("I32", [64, 13]), "weight_scale": ("BF16", [64, 1]), "weight_shape": ("I64", [2])},
    ),
    "packed, two sizes": (
        {"quant_method": "compressed-tensors", "config_groups": {n: {"weights": {"num_bits": n}} for n in (4, 8)}},
        ("compressed-tensors", None),
        {"weight_packed": ("I32", [64, 32]), "weight_scale": ("BF16", [64, 1]), "weight_shape": ("I64", [2])},
    ),
    "int8 of compressed-tensors": (
        {"quant_method": "compressed-tensors",
         "config_groups": {"a": {"weights": {"num_bits": 8}, "input_activations": {"num_bits": 4}}}},
        ("compressed-tensors", 8), {"weight": ("I8", [64, 128]), "weight_scale": ("BF16", [64, 1])},
    ),
    "nvfp4 of compressed-tensors": (PACK, ("compressed-tensors", 4), {
        "weight_packed": ("U8", [64, 64]), "weight_scale": ("F8_E4M3", [64, 8]), "weight_global_scale": ("F32", [1]),
        "input_global_scale": ("F32", [1]),
    }),
    "nvfp4 of modelopt": ({"quant_method": "modelopt", "quant_algo": "NVFP4"}, ("modelopt", 4), {
        "weight": ("U8", [64, 64]), "weight_scale": ("F8_E4M3", [64, 8]), "weight_scale_2": ("F32", []),
        "input_scale": ("F32", []),
    }),
    "gptq": ({"quant_method": "gptq", "bits": 4, "group_size": 128}, ("gptq", 4), {
        "qweight": ("I32", [16, 64]), "qzeros": ("I32", [1, 8]), "scales": ("F16", [1, 64]), "g_idx": ("I32", [128]),
    }),
    "gptq in 3 bits": ({"quant_method": "gptq", "bits": 3}, ("gptq", 3), {
        "qweight": ("I32", [12, 64]), "qzeros": ("I32", [1, 6]), "scales": ("F16", [1, 64]), "g_idx": ("I32", [128]),
    }),
    "gptq, this layer in 8 bits": ({"quant_method": "gptq", "bits": 4}, ("gptq", 4), {
        "qweight": ("I32", [32, 64]), "qzeros": ("I32", [1, 16]), "scales": ("F16", [1, 64]),
    }),
    "awq": ({"quant_method": "awq", "bits": 4, "version": "gemm"}, ("awq", 4), {
        "qweight": ("I32", [128, 8]), "qzeros": ("I32", [1, 8]), "scales": ("F16", [1, 64]),
    }),
    "mlx": ({"quant_method": "metal", "bits": 4, "group_size": 64}, ("metal", 4), {
        "weight": ("U32", [64, 16]), "scales": ("F16", [64, 2]), "biases": ("F16", [64, 2]),
    }),
    "hqq": ({"quant_method": "hqq", "quant_config": {"weight_quant_params": {"nbits": 4, "group_size": 64}}}, ("hqq", 4), {
        "W_q": ("U8", [32, 128]), "scale": ("F16", [128, 1]), "zero": ("F16", [128, 1]), "shape": ("I64", [2]),
        "nbits": ("I64", []),
    }),
    "quanto": ({"quant_method": "quanto", "weights": "int4"}, ("quanto", 4), {
        "weight._data._data": ("U8", [32, 128]), "weight._scale": ("F16", [64, 1]), "weight._shift": ("U8", [64, 1]),
    }),
    "quanto, 8 bits": ({"quant_method": "quanto", "weights": "float8"}, ("quanto", 8), {
        "weight._data": ("F8_E4M3", [64, 128]), "weight._scale": ("F16", [64, 1]), "output_scale": ("F32", []),
    }),
    "torchao": (
        {"quant_method": "torchao", "quant_type": {"default": {"_type": "Int8DynamicActivationInt4WeightConfig", "_data": {}}}},
        ("torchao", 4), {"_weight_qdata": ("U8", [64, 64]), "_weight_scale": ("BF16", [64, 1])},
    ),
    "bitnet": ({"quant_method": "bitnet"}, ("bitnet", 2), {"weight": ("U8", [16, 128]), "weight_scale": ("BF16", [1])}),
    "eetq": ({"quant_method": "eetq", "weights": "int8"}, ("eetq", 8), {
        "weight": ("I8", [64, 128]), "weight_scales": ("F16", [64]),
    }),
    "unknown": ({"quant_method": "new", "bits": 77}, ("new", None), {"codes": ("U8", [64, 128]), "positions": ("I64", [1, 9])}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_a_packed_matrix_counts_as_what_it_stands_for(tmp_path, case):
    config, (method, bits), tensors = CASES[case]
    tensors = OTHERS | {f"{LAYER}{'' if name[0] == '_' else '.'}{name}": tensor for name, tensor in tensors.items()}
    folder = write_folder(tmp_path / "model", {"quantization_config": config})
    shape = b"".join(size.to_bytes(8, "little") for size in (64, 128))
    write_weights(
        folder / "model.safetensors", tensors, {f"{LAYER}.weight_shape": shape} if "weight_shape" in str(tensors) else {}
    )
    manifest = checkpoints.describe(folder)
    assert manifest.parameters == 64 * 128 + 8 * 128 + 64
    assert (manifest.quantization.method, manifest.quantization.bits) == (method, bits)


def test_experts_in_mxfp4(tmp_path):
    experts = "model.layers.0.mlp.experts.gate_up_proj"
    tensors = {f"{experts}_blocks": ("U8", [2, 64, 4, 16]), f"{experts}_scales": ("U8", [2, 64, 4]),
               f"{experts}_bias": ("BF16", [2, 64])}  # fmt: skip
    folder = write_folder(tmp_path / "model", {"quantization_config": {"quant_method": "mxfp4"}}, tensors)
    assert checkpoints.describe(folder).parameters == 2 * 64 * 128 + 2 * 64


def test_experts_in_fp8(tmp_path):
    experts = "model.layers.0.mlp.experts.gate_up_proj"
    tensors = {experts: ("F8_E4M3", [2, 64, 128]), f"{experts}_scale_inv": ("F32", [2, 1, 1])}
    folder = write_folder(tmp_path / "model", {"quantization_config": {"quant_method": "fp8"}}, tensors)
    assert checkpoints.describe(folder).parameters == 2 * 64 * 128


def test_scales_of_a_model_without_quantization_are_parameters(tmp_path):
    tensors = {f"{LAYER}.weight": ("BF16", [64, 128]), f"{LAYER}.weight_scale": ("BF16", [64]), "model.scale": ("F32", [1]),
               "model.positions": ("I64", [1, 9]), "model.mask": ("U8", [9, 9])}  # fmt: skip
    manifest = checkpoints.describe(write_folder(tmp_path / "model", None, tensors))
    assert (manifest.parameters, manifest.quantization) == (64 * 128 + 64 + 1, None)


@pytest.mark.parametrize(
    ("numbers", "count"), [((64, 128), 64 * 128), ((1 << 62, 1 << 62), 8192), ((-1, 5), 8192), ((0, 0), 8192)]
)
def test_a_shape_that_cannot_be_true_is_not_believed(tmp_path, numbers, count):
    tensors = {f"{LAYER}.weight_packed": ("I32", [64, 16]), f"{LAYER}.weight_scale": ("F32", [64]),
               f"{LAYER}.weight_shape": ("I64", [2])}  # fmt: skip
    folder = write_folder(tmp_path / "model", {"quantization_config": PACK})
    shape = b"".join(number.to_bytes(8, "little", signed=True) for number in numbers)
    write_weights(folder / "model.safetensors", tensors, {f"{LAYER}.weight_shape": shape})
    assert checkpoints.describe(folder).parameters == count


@pytest.mark.parametrize(("quantization", "bits"), [("int8", 8), ("nf4", 4)])
def test_a_checkpoint_saved_by_bitsandbytes(tmp_path, quantization, bits):
    config = transformers.LlamaConfig(
        vocab_size=64, hidden_size=64, intermediate_size=96, num_hidden_layers=2, num_attention_heads=2
    )
    model = transformers.LlamaForCausalLM(config)
    parameters = model.num_parameters()
    model.save_pretrained(tmp_path / "full")
    arguments = {"load_in_8bit": True} if bits == 8 else {"load_in_4bit": True, "bnb_4bit_quant_type": quantization}
    quantized = transformers.AutoModelForCausalLM.from_pretrained(
        tmp_path / "full", quantization_config=transformers.BitsAndBytesConfig(**arguments, bnb_4bit_use_double_quant=True)
    )
    quantized.save_pretrained(tmp_path / "saved")
    for name in ("full", "saved"):
        (tmp_path / name / "tokenizer.json").write_text("{}")
    manifest = checkpoints.describe(tmp_path / "saved")
    assert manifest.parameters == parameters == checkpoints.describe(tmp_path / "full").parameters
    assert manifest.quantization.plain() == {"method": "bitsandbytes", "bits": bits, "activations": None, "types": []}
    assert footprint.needed(manifest, Device.CPU, DType.FLOAT32, Quantization.NONE) > memory.BESIDE_WEIGHTS


@pytest.mark.parametrize(
    ("config", "quantization"),
    [
        ({}, None),
        ({"quantization_config": None}, None),
        ({"compression_config": {"quant_method": "compressed-tensors"}}, ("compressed-tensors", None)),
        ({"text_config": {"quantization_config": {"quant_method": "gptq", "bits": 8}}}, ("gptq", 8)),
        ({"quantization_config": {"quant_method": "gptq", "bits": True}}, ("gptq", None)),
        ({"quantization_config": {"quant_method": "gptq", "bits": -4}}, ("gptq", None)),
        ({"quantization_config": {"quant_method": "gptq", "bits": 10**30}}, ("gptq", None)),
        ({"quantization_config": {"quant_method": "gptq", "bits": [4]}}, ("gptq", None)),
        (
            {"quantization_config": {"quant_method": "compressed-tensors", "config_groups": {"a": 5}}},
            ("compressed-tensors", None),
        ),
    ],
)
def test_what_config_json_says_of_the_quantization(tmp_path, config, quantization):
    saved = checkpoints.describe(write_folder(tmp_path / "model", config)).quantization
    assert (saved and (saved.method, saved.bits)) == quantization


def test_the_quantization_is_written_and_read(tmp_path):
    manifest = checkpoints.describe(write_folder(tmp_path / "model", {"quantization_config": {"quant_method": "mxfp4"}}))
    manifest.write(tmp_path / "m.json")
    quantization = json.loads((tmp_path / "m.json").read_text())["quantization"]
    assert quantization == {"method": "mxfp4", "bits": 4, "activations": None, "types": []}
    assert checkpoints.verified_manifest(tmp_path / "m.json") == manifest
