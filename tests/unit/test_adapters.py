"""Adapters give the scores of peft's own forward pass, or are refused in one line."""

import json
import shutil
import sys

import peft
import pytest
import safetensors.torch
import torch
from mmlu_kit.inputs import checkpoints
from mmlu_kit.jobs import forecast
from mmlu_kit.models import footprint, loading, transformers_model
from mmlu_kit.settings import LoadSettings, OnUnavailable, in_words
from mmlu_kit.timing import machine
from mmlu_kit.user_errors import UserError

from tests.helpers import adapters, scored_prompts
from tests.helpers.adapters import lora
from tests.helpers.gguf_files import write_model
from tests.unit import test_gguf_models as gguf_models


@pytest.fixture(scope="module")
def bases(tmp_path_factory):
    folder = tmp_path_factory.mktemp("bases")
    return {name: adapters.base_folder(folder / name, name) for name in adapters.CONFIGS}


@pytest.fixture(scope="module")
def adapter(bases, tmp_path_factory):
    """A LoRA of the tiny Llama."""
    return adapters.train(bases["llama"], tmp_path_factory.mktemp("adapters") / "lora")


def load(base, adapter, **settings):
    manifest = checkpoints.adapted(checkpoints.describe(base), adapter)
    return loading.load(manifest, LoadSettings(**settings), OnUnavailable.FAIL)


def logprobs(model):
    with torch.inference_mode():
        return model(adapters.tokens(3)).logits.float().log_softmax(-1)


def apart(model, reference):
    return float((logprobs(model) - logprobs(reference)).abs().max())


ATTENTION = ["q_proj", "v_proj"]
FORMS = {
    "all linear": ("llama", lora()),
    "rslora": ("llama", lora(use_rslora=True, target_modules=ATTENTION)),
    "dora": ("llama", lora(use_dora=True, target_modules=ATTENTION)),
    "patterns": ("llama", lora(rank_pattern={"q_proj": 2}, alpha_pattern={"layers.1.self_attn.v_proj": 32})),
    "a regular expression": ("qwen2", lora(target_modules=r".*\.1\.self_attn\.(q|k)_proj")),
    "one layer": ("qwen2", lora(target_modules=ATTENTION, layers_to_transform=[1])),
    "biases": ("qwen2", lora(bias="lora_only", target_modules=ATTENTION)),
    "a whole module": ("llama", lora(target_modules=ATTENTION, modules_to_save=["lm_head"])),
    "a tied embedding": ("llama tied", lora(target_modules=["embed_tokens", "q_proj"])),
    "an output layer": ("llama", lora(target_modules=["lm_head", "q_proj"])),
    "trained tokens": ("llama tied", lora(target_modules=ATTENTION, trainable_token_indices=[5, 6, 7])),
    "no task": ("llama", lora(task_type=None, target_modules=ATTENTION)),
    "gpt2": ("gpt2", lora(target_modules=["c_attn", "c_proj"], fan_in_fan_out=True)),
    "fused experts": ("mixtral", lora(target_modules=ATTENTION, target_parameters=["experts.gate_up_proj"])),
    "IA3": (
        "llama",
        peft.IA3Config(
            target_modules=["k_proj", "v_proj", "down_proj"], feedforward_modules=["down_proj"], task_type="CAUSAL_LM"
        ),
    ),
    "LoHa": ("llama", peft.LoHaConfig(r=4, target_modules=ATTENTION, task_type="CAUSAL_LM")),
    "LoKr": ("llama", peft.LoKrConfig(r=4, target_modules=ATTENTION, task_type="CAUSAL_LM")),
    "OFT": ("llama", peft.OFTConfig(oft_block_size=8, target_modules=ATTENTION, task_type="CAUSAL_LM")),
    "AdaLoRA": ("llama", peft.AdaLoraConfig(total_step=10, target_modules=ATTENTION, task_type="CAUSAL_LM")),
    "LN tuning": ("llama", peft.LNTuningConfig(target_modules=["input_layernorm"], task_type="CAUSAL_LM")),
    "tokens alone": ("llama tied", peft.TrainableTokensConfig(token_indices=[5, 6, 7], task_type="CAUSAL_LM")),
}


@pytest.mark.parametrize("form", FORMS)
def test_scores_are_those_of_peft(bases, tmp_path, form):
    name, config = FORMS[form]
    folder = adapters.train(bases[name], tmp_path / "adapter", config)
    for dtype, most in (("float32", 1e-5), ("bfloat16", 0.0)):
        reference = adapters.by_peft(bases[name], folder, getattr(torch, dtype))
        loaded = load(bases[name], folder, dtype=dtype)
        assert apart(loaded.model, reference) <= most
        assert (loaded.effective.dtype, loaded.effective.quantization, loaded.reason) == (dtype, "none", None)
        assert type(loaded.model).__name__.endswith(("ForCausalLM", "LMHeadModel")) and not loaded.model.training
        with reference.disable_adapter():
            assert apart(loaded.model, reference) > 1e-3  # it changes something


@pytest.mark.parametrize("form", ["a regular expression", "gpt2", "a tied embedding"])
def test_packed_scores_are_those_of_each_prompt_alone(bases, tmp_path, form):
    name, config = FORMS[form]
    folder = adapters.train(bases[name], tmp_path / "adapter", config)
    model = load(bases[name], folder).model
    _, packing = scored_prompts.score(model, scored_prompts.make_prompts((1, 3, 9, 20, 50), 12), 256)
    assert packing.packed == 5


@pytest.mark.parametrize("quantization", ["4bit", "8bit"])
def test_a_quantized_base_is_not_merged(bases, tmp_path, quantization):
    base = bases["wider llama"]
    adapter = adapters.train(base, tmp_path / "adapter")
    loaded = load(base, adapter, quantization=quantization)
    reference = adapters.by_peft(
        base,
        adapter,
        torch.float32,
        quantization_config=transformers_model.quantization_config(quantization, "float32"),
        device_map={"": "cpu"},
    )
    assert apart(loaded.model, reference) == 0
    assert (loaded.effective.quantization, loaded.effective.dtype) == (quantization, "float32")
    assert loaded.effective.adapter == "LoRA beside 14 layers"


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_an_adapter_of_a_folder_is_applied_to_its_weights_as_a_gguf_file(tmp_path, dtype):
    base, folder = gguf_models.tiny("llama", tie_word_embeddings=True), tmp_path / "base"
    base.save_pretrained(folder)
    adapter = adapters.train(folder, tmp_path / "adapter", lora(target_modules=["embed_tokens", "q_proj", "down_proj"]))
    path = write_model(tmp_path / "base.gguf", base)
    loaded = load(path, adapter, dtype=dtype)
    assert apart(loaded.model, adapters.by_peft(folder, adapter, getattr(torch, dtype))) == 0
    assert loaded.effective.adapter == "LoRA beside 7 layers" and "GGUF F32" in loaded.effective.saved
    other = write_model(tmp_path / "other.gguf", gguf_models.tiny("llama", num_hidden_layers=2))
    with pytest.raises(UserError, match=r"no place for .*layers.2.* \(4 in all\): it was trained on base: name that as the"):
        load(other, adapter)


def test_a_machine_without_peft(bases, adapter, monkeypatch):
    monkeypatch.setitem(sys.modules, "peft", None)
    why = "the library peft, which applies adapters, is missing"
    with pytest.raises(UserError, match=f"{why} .*: use another machine"):
        load(bases["llama"], adapter)
    manifest = checkpoints.adapted(checkpoints.describe(bases["llama"]), adapter)
    skipped = loading.load(manifest, LoadSettings(), OnUnavailable.SKIP)
    assert skipped.model is None and why in skipped.reason and str(adapter) not in skipped.reason


def test_only_adapted_models_depend_on_the_version_of_peft():
    assert set(machine.packages()) - set(machine.packages(adapter=False)) == {"peft"}


def test_how_an_adapter_was_applied(bases, adapter):
    base = loading.load(checkpoints.describe(bases["llama"]), LoadSettings(), OnUnavailable.FAIL).effective
    merged = load(bases["llama"], adapter).effective
    assert merged == base.model_copy(update={"adapter": "LoRA merged into 14 layers"})
    beside = load(bases["llama"], adapter, dtype="bfloat16").effective
    assert [(part.tensors, part.module, part.dtype) for part in beside.parts if "adapter" in part.module] == [
        (28, "Linear of the adapter", "float32")
    ]
    assert in_words(beside) == "cpu, bfloat16, LoRA beside 14 layers"


def change_config(**changes):
    def change(folder):
        path = folder / "adapter_config.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), **changes}))

    return change


def change_weights(change):
    def write(folder):
        path = folder / "adapter_model.safetensors"
        safetensors.torch.save_file(change(safetensors.torch.load_file(path)), path)

    return write


def without(weights, words):
    return {name: weight for name, weight in weights.items() if words not in name}


def as_pickle(folder):
    weights = safetensors.torch.load_file(folder / "adapter_model.safetensors")
    (folder / "adapter_model.safetensors").unlink()
    torch.save(weights, folder / "adapter_model.bin")


Q = "base_model.model.model.layers.0.self_attn.q_proj"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            as_pickle,
            r"only as a pickle \(adapter_model.bin\), and loading a pickle can run code: save them as adapter_model.saf",
        ),
        (lambda folder: (folder / "adapter_config.json").unlink(), "adapter_config.json is missing, so this is not an adapter"),
        (lambda folder: (folder / "adapter_config.json").write_text("[]"), r"is not a configuration \(a JSON object\)"),
        (lambda folder: (folder / "adapter_model.safetensors").write_bytes(b"x"), "is not a safetensors file, or is truncated"),
        *(
            (change_config(peft_type=kind), f"{kind} changes the prompt")
            for kind in ("PROMPT_TUNING", "P_TUNING", "PREFIX_TUNING")
        ),
        (
            change_config(peft_type="XLORA"),
            "peft_type in adapter_config.json is 'XLORA', which is not supported: use one of LORA",
        ),
        (change_config(peft_type=["LORA"]), r"peft_type in adapter_config.json is \['LORA'\], which is not supported"),
        (change_config(task_type="SEQ_CLS"), "task_type .* is 'SEQ_CLS', so the adapter was trained for another task"),
        (change_config(auto_mapping={"parent_library": "evil.code"}), "names code outside transformers .'evil.code'."),
        (change_config(auto_mapping="evil"), "names code outside transformers"),
        (change_config(megatron_config={"a": 1}, megatron_core="os"), "megatron_config is set .* imports a library"),
        (change_config(layer_replication=[[0, 2], [0, 2]]), "layer_replication is set .* repeats layers"),
        (change_config(alora_invocation_tokens=[3]), "alora_invocation_tokens is set .* begins in the middle of a prompt"),
        (
            change_config(init_lora_weights="pissa"),
            "init_lora_weights .* is 'pissa', so the adapter belongs to changed weights",
        ),
        (change_config(a_later_setting=[1]), "peft .* does not know a_later_setting, which adapter_config.json sets"),
        (
            change_config(target_modules=["query"]),
            "the model has none of the adapter's target_modules: it was trained on another",
        ),
        (change_config(target_modules=["("]), "the model has none of the adapter's target_modules"),
        (
            change_config(target_modules="("),
            r"target_modules in adapter_config.json, '\(', is not a regular expression \(missing",
        ),
        (
            change_config(target_modules="(a+)+$"),
            r"target_modules .* repeats groups or too many parts, .* list the modules' names",
        ),
        (change_config(rank_pattern={"(.*)*x": 4}), "rank_pattern .* repeats groups or too many parts"),
        (change_config(layers_pattern=["(?:.*)*x"], layers_to_transform=[1]), "layers_pattern .* repeats groups"),
        (change_config(r=[8]), "the adapter cannot be applied"),
        (change_config(r=8), rf"{Q}.lora_A.weight has shape \(4, 32\), and the model needs \(8, 32\): it was trained on anot"),
        (
            change_config(target_modules=["q_proj"]),
            r"no place for .*k_proj.lora_A.weight \(24 in all\): it was trained on anoth",
        ),
        (change_config(modules_to_save=["lm_head"]), "lm_head.weight is missing in the adapter"),
        (change_config(use_dora=True), r"lora_magnitude_vector.* is missing in the adapter \(14 in all\)"),
        (change_config(bias="all"), None),
        (
            change_weights(lambda weights: without(weights, "layers.1")),
            r"layers.1.*lora_A.weight is missing .* \(14 in all\): it",
        ),
        (change_weights(lambda weights: {**weights, "more": torch.zeros(2)}), r"the model has no place for more \(1 in all\)"),
        (change_weights(lambda weights: {}), "adapter_model.safetensors holds no weights"),
        (change_weights(lambda weights: {name: weight.to(torch.int8) for name, weight in weights.items()}), "is stored as I8"),
        (change_weights(lambda weights: {name: weight * float("nan") for name, weight in weights.items()}), "not finite"),
    ],
)
def test_an_adapter_that_cannot_be_applied_is_refused_in_one_line(bases, adapter, tmp_path, change, words):
    folder = shutil.copytree(adapter, tmp_path / "adapter")
    change(folder)
    if words is None:
        load(bases["llama"], folder)
        return
    with pytest.raises(UserError, match=words) as error:
        load(bases["llama"], folder)
    line = str(error.value)
    assert line.startswith(str(folder)) and line.isprintable() and len(line) < 600 and "applied." not in line


@pytest.mark.parametrize(
    ("trained", "base", "words"),
    [
        (
            "llama",
            "deeper llama",
            r"layers.2.*lora_A.weight is missing in the adapter \(4 in all\): it was trained on TRAINED",
        ),
        (
            "deeper llama",
            "llama",
            r"the model has no place for .*layers.2.* \(4 in all\): it was trained on TRAINED: name that as the model",
        ),
        (
            "llama",
            "wider llama",
            r"has shape \(\d+, 32\), and the model needs \(\d+, 64\): it was trained on TRAINED: name that as the model",
        ),
        (
            "llama",
            "gpt2",
            "the model has none of the adapter's target_modules: it was trained on TRAINED: name that as the model",
        ),
    ],
)
def test_an_adapter_of_another_model_is_refused(bases, tmp_path, trained, base, words):
    folder = adapters.train(bases[trained], tmp_path / "adapter", lora(target_modules=ATTENTION))
    with pytest.raises(UserError, match=words.replace("TRAINED", trained)):
        load(bases[base], folder)


def test_an_adapter_of_a_larger_vocabulary_is_refused(bases, tmp_path):
    more = adapters.VOCABULARY + 8
    folder = adapters.train(bases["llama"], tmp_path / "adapter", prepare=lambda model: model.resize_token_embeddings(more))
    with pytest.raises(
        UserError, match=rf"embed_tokens.weight has shape \({more}, 32\), and the model needs \({more - 8}, 32\)"
    ):
        load(bases["llama"], folder)


@pytest.mark.parametrize(
    ("named", "revision", "repository", "trained_on"),
    [
        ("owner/model", None, "owner/model", None),
        ("Owner/Model", "main", "owner/model", None),
        ("other/model", None, "owner/model", "other/model"),
        ("/home/somebody/checkpoints/model/", None, "owner/model", None),
        ("/home/somebody/checkpoints/other", None, "owner/model", "other"),
        (r"C:\\models\\other", None, "owner/model", "other"),
        ("owner/model", "a" * 40, "owner/model", "owner/model at aaaaaaaaaaaa"),
        ("owner/model", "b" * 40, "owner/model", None),
        ("owner/llama", None, None, None),
        ("owner/model", None, None, "owner/model"),
        ("", None, "owner/model", None),
        (None, None, "owner/model", None),
        (["x"], None, "owner/model", None),
    ],
)
def test_another_base_is_named(bases, adapter, tmp_path, named, revision, repository, trained_on):
    folder = shutil.copytree(adapter, tmp_path / "adapter")
    change_config(base_model_name_or_path=named, revision=revision)(folder)
    manifest = checkpoints.describe(bases["llama"], repository, "b" * 40 if repository else None)
    assert checkpoints.adapted(manifest, folder).adapter.trained_on == trained_on


def test_a_manifest_knows_its_adapter(bases, adapter, tmp_path):
    folder, path = shutil.copytree(adapter, tmp_path / "lora"), tmp_path / "m.json"
    base = checkpoints.describe(bases["llama"])
    manifest = checkpoints.adapted(base, folder, "owner/lora", "c" * 40)
    manifest.write(path)
    assert checkpoints.verified_manifest(path) == manifest
    assert set(manifest.hashes) - set(base.hashes) == {"adapter/adapter_config.json", "adapter/adapter_model.safetensors"}
    assert manifest.adapter.in_words() == "adapter owner/lora (LoRA, rank 4, 3,712 parameters) at cccccccccccc"
    assert str(tmp_path) not in manifest.adapter_identity.model_dump_json()
    with pytest.raises(UserError, match=r"already has an adapter \(owner/lora\): leave --adapter out"):
        checkpoints.verified_manifest(path, folder)
    change_weights(lambda weights: {name: weight * 2 for name, weight in weights.items()})(folder)
    with pytest.raises(UserError, match=r"lora: adapter_model\.safetensors was changed after .*m.json was written"):
        checkpoints.verified_manifest(path)
    (folder / "adapter_model.safetensors").unlink()
    for reader in (checkpoints.check_model, checkpoints.verified_manifest):
        with pytest.raises(UserError, match=r"adapter_model\.safetensors is missing, so this is not an adapter"):
            reader(path)


def test_an_adapter_needs_memory(bases, adapter):
    base = checkpoints.describe(bases["llama"])
    manifest = checkpoints.adapted(base, adapter)
    settings = LoadSettings()
    more = footprint.needed(manifest, *settings_of(settings)) - footprint.needed(base, *settings_of(settings))
    assert more == forecast.needed_bytes(manifest, settings) - forecast.needed_bytes(base, settings)
    assert more == 4 * manifest.adapter.parameters > 0


def settings_of(settings):
    return settings.device, settings.dtype, settings.quantization
