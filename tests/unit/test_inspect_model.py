"""Effective settings, counted from the modules: with real bitsandbytes on this processor, and where library flags are wrong."""

import pytest
import torch
import transformers
from mmlu_kit import settings
from mmlu_kit.inputs.model_configs import SavedQuantization
from mmlu_kit.models import transformers_model
from mmlu_kit.models.inspect_model import effective_configuration
from mmlu_kit.settings import LoadSettings

from benchmarks.make_random_model import save

DEMO = "workflow/demo/models/demo-medium"


@pytest.fixture(scope="module")
def folder(root):
    return root / DEMO


def requested(quantization="none", dtype="float32"):
    return LoadSettings(quantization=quantization, dtype=dtype)


def quantized(effective, module):
    return [part for part in effective.parts if part.module == module and part.quant_type]


@pytest.mark.parametrize(("dtype", "size"), [("float32", 4), ("bfloat16", 2)])
def test_unquantized_weights_have_the_requested_dtype(root, tmp_path, dtype, size):
    model = transformers_model.load_model(save(tmp_path, root / DEMO, dtype="bfloat16"), requested(dtype=dtype))
    effective = effective_configuration(model)
    assert settings.differences(requested("none", dtype), effective) == []
    assert {(part.dtype, part.device) for part in effective.parts} == {(dtype, "cpu")}
    assert effective.weight_bytes == size * sum(weight.numel() for weight in model.parameters())
    assert sum(part.tensors for part in effective.parts) == len(list(model.parameters()))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_4_bits_on_this_processor_are_4_bits(folder, dtype):
    model = transformers_model.load_model(folder, requested("4bit", dtype))
    effective = effective_configuration(model)
    assert settings.differences(requested("4bit", dtype), effective) == []
    (part,) = quantized(effective, "Linear4bit")
    assert (part.quant_type, part.dtype, part.compute_dtype, part.tensors) == ("nf4", "uint8", dtype, 21)
    # Seven linear layers in each of three decoder layers: half a byte a weight, and the scales beside it.
    weights = sum(
        module.in_features * module.out_features for module in model.model.layers.modules() if "in_features" in vars(module)
    )
    assert weights / 2 < part.bytes < weights / 2 * 1.1
    assert all(module.weight.quant_state.nested for module in model.modules() if type(module).__name__ == "Linear4bit")


def test_8_bits_on_this_processor_are_8_bits(folder):
    effective = effective_configuration(transformers_model.load_model(folder, requested("8bit")))
    assert settings.differences(requested("8bit"), effective) == []
    (part,) = quantized(effective, "Linear8bitLt")
    assert (part.quant_type, part.dtype, part.tensors) == ("8bit", "int8", 21)


def loaded(folder, **config):
    return transformers.AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, device_map={"": "cpu"}, quantization_config=transformers.BitsAndBytesConfig(**config)
    )


@pytest.mark.parametrize("flag", ["llm_int8_enable_fp32_cpu_offload", "llm_int8_has_fp16_weight"])
def test_unquantized_weights_are_detected_whatever_the_library_says(folder, flag):
    model = loaded(folder, load_in_8bit=True, **{flag: True})
    assert model.is_loaded_in_8bit, "the library says so itself"
    effective = effective_configuration(model)
    assert effective.quantization == "none"
    assert settings.differences(requested("8bit"), effective) == ["no quantization instead of 8bit"]
    assert effective.weight_bytes == 4 * sum(weight.numel() for weight in model.parameters())


def test_another_4_bit_format_is_reported_by_its_name(folder):
    effective = effective_configuration(loaded(folder, load_in_4bit=True))
    assert settings.differences(requested("4bit"), effective) == ["fp4 instead of 4bit"]


def test_another_compute_dtype_is_a_difference(folder):
    effective = effective_configuration(
        loaded(folder, load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype="bfloat16")
    )
    assert settings.differences(requested("4bit"), effective) == ["bfloat16+float32 instead of float32"]


def test_layers_left_unquantized_are_a_difference(folder):
    model = loaded(folder, load_in_4bit=True, bnb_4bit_quant_type="nf4", llm_int8_skip_modules=["lm_head", "down_proj"])
    effective = effective_configuration(model)
    assert settings.differences(requested("4bit"), effective) == ["partly 4bit (80.0% of the weights) instead of 4bit"]


def test_weights_left_on_another_device_are_a_difference(folder):
    model = transformers_model.load_model(folder, requested())
    model.model.norm.to("meta")
    assert settings.differences(requested("none"), effective_configuration(model)) == ["cpu+meta instead of cpu"]


class PackedLinear(torch.nn.Module):
    """A layer as libraries for GPTQ and AWQ have it: its values are no parameters, and its class is none of torch's."""

    def __init__(self, in_features, out_features, bits):
        super().__init__()
        self.in_features, self.out_features = in_features, out_features
        self.register_buffer("qweight", torch.zeros(in_features * bits // 32, out_features, dtype=torch.int32))
        self.register_buffer("qzeros", torch.zeros(1, out_features * bits // 32, dtype=torch.int32))
        self.register_buffer("scales", torch.ones(1, out_features, dtype=torch.float16))
        self.register_buffer("g_idx", torch.zeros(in_features, dtype=torch.int32))


@pytest.mark.parametrize(("bits", "kinds"), [(4, ("q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "gate_proj", "down_proj")),
                                             (8, ("q_proj", "k_proj", "v_proj", "o_proj", "up_proj", "gate_proj", "down_proj")),
                                             (4, ("down_proj",))])  # fmt: skip
def test_packed_layers_of_other_libraries_are_counted_by_their_tensors(folder, bits, kinds):
    model = transformers_model.load_model(folder, requested())
    for path, module in list(model.named_modules()):
        if path.endswith(kinds):
            model.set_submodule(path, PackedLinear(module.in_features, module.out_features, bits))
    effective = effective_configuration(model, SavedQuantization(method="gptq", bits=bits))
    words = f"{bits}bit" if len(kinds) > 1 else "partly 4bit (20.0% of the weights)"
    assert settings.in_words(effective) == f"cpu, float32, {words}, saved as gptq {bits}-bit"
    part = next(part for part in quantized(effective, "PackedLinear"))
    assert (part.dtype, part.tensors) == ("int32", 3 * len(kinds))


def test_layers_that_were_not_quantized_are_not_taken_from_the_config(folder):
    model = transformers_model.load_model(folder, requested())
    effective = effective_configuration(model, SavedQuantization(method="gptq", bits=4))
    assert settings.in_words(effective) == "cpu, float32, saved as gptq 4-bit, dequantized"


def test_in_words():
    assert settings.in_words(requested("none")) == "cpu, float32"
    assert settings.in_words(requested("4bit")) == "cpu, float32, 4bit"
