"""Which files of a model are its weights: the ones that transformers loads, and nothing ambiguous or unsafe."""

import json

import pytest
import torch
import transformers
from mmlu_kit.inputs import checkpoints, model_folders
from mmlu_kit.user_errors import UserError
from transformers.modeling_utils import _get_resolved_checkpoint_files

from tests.helpers.model_folders import WEIGHTS, write_folder, write_shards, write_weights


@pytest.fixture
def folder(tmp_path):
    return write_folder(tmp_path / "model")


def weights(folder):
    """The weight files in a manifest."""
    return [name for name in checkpoints.describe(folder).files if name.endswith(".safetensors")]


def loaded(folder):
    """The weight files that transformers would load."""
    explicit = json.loads((folder / "config.json").read_text()).get("transformers_weights")
    paths, _ = _get_resolved_checkpoint_files(
        str(folder), None, None, True, None, False, transformers_explicit_filename=explicit
    )
    return [path.removeprefix(f"{folder}/") for path in paths]


def explicit(folder, name):
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "transformers_weights": name}))


def other_files(folder):
    for name in ("consolidated", "adapter_model", "mtp", "model.fp16", "model-00003-of-00003"):
        write_weights(folder / f"{name}.safetensors", {"x": ("F32", [1000])})


def index_of_the_single_file(folder):
    weight_map = dict.fromkeys(WEIGHTS, "model.safetensors")
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": weight_map}))


def left_over_index(folder):
    write_shards(folder)
    for path in folder.glob("model-*.safetensors"):
        path.unlink()
    write_weights(folder / "model.safetensors", WEIGHTS)


def named_file(folder):
    (folder / "weights").mkdir()
    (folder / "model.safetensors").rename(folder / "weights/all.safetensors")
    write_weights(folder / "model.safetensors", {"x": ("F32", [1000])})
    explicit(folder, "weights/all.safetensors")


def named_index(folder):
    write_shards(folder)
    (folder / "model.safetensors.index.json").rename(folder / "other.safetensors.index.json")
    explicit(folder, "other.safetensors.index.json")


def shards_below(folder):
    write_shards(folder, weight_map={"x": "parts/1.safetensors"})
    (folder / "parts").mkdir()
    write_weights(folder / "parts/1.safetensors", WEIGHTS)


@pytest.mark.parametrize(
    "change",
    [other_files, write_shards, index_of_the_single_file, left_over_index, named_file, named_index, shards_below],
    ids=lambda change: change.__name__,
)
def test_the_manifest_describes_what_transformers_loads(folder, change):
    change(folder)
    assert weights(folder) == loaded(folder)
    assert checkpoints.describe(folder).parameters == 48


def both(folder):
    write_shards(folder)
    write_weights(folder / "model.safetensors", WEIGHTS)


def distributed(folder):
    write_weights(folder / "shard-00000-model-00001-of-00002.safetensors", WEIGHTS)


def index(value):
    def change(folder):
        write_shards(folder)
        (folder / "model.safetensors.index.json").write_text(json.dumps(value))

    return change


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (both, r"holds both model.safetensors and shards listed in model.safetensors.index.json \(model-00001-of-00002.safet"),
        (distributed, "shard-00000-model-00001-of-00002.safetensors is part of a distributed checkpoint"),
        (lambda folder: explicit(folder, "../x.safetensors"), "transformers_weights in config.json is '../x.safetensors'"),
        (lambda folder: explicit(folder, "/x.safetensors"), "transformers_weights in config.json is '/x.safetensors'"),
        (lambda folder: explicit(folder, "a/../../x.safetensors"), "not a safetensors file or index in the folder"),
        (lambda folder: explicit(folder, "adapter_model.bin"), "not a safetensors file or index in the folder"),
        (lambda folder: explicit(folder, ["model.safetensors"]), "not a safetensors file or index in the folder"),
        (
            lambda folder: explicit(folder, "\x1b[2J.safetensors"),
            r"\\x1b\[2J.safetensors, named in config.json as transformers_w",
        ),
        (index([]), "model.safetensors.index.json is not an index of weights"),
        (index(None), "model.safetensors.index.json is not an index of weights"),
        (index({"metadata": {}}), "model.safetensors.index.json is not an index of weights"),
        (index({"metadata": {}, "weight_map": None}), "model.safetensors.index.json is not an index of weights"),
        (index({"metadata": {}, "weight_map": ["x"]}), "model.safetensors.index.json is not an index of weights"),
        (index({"metadata": {}, "weight_map": {}}), "model.safetensors.index.json is not an index of weights"),
        (index({"metadata": {}, "weight_map": {"x": None}}), "None, listed in model.safetensors.index.json, is missing"),
        (index({"metadata": {}, "weight_map": {"x": 5}}), "5, listed in model.safetensors.index.json, is missing"),
        (
            index({"metadata": {}, "weight_map": {"x": "/etc/passwd"}}),
            "'/etc/passwd', listed in .*it is not a file in the folder",
        ),
        (index({"metadata": {}, "weight_map": {"x": "../x.safetensors"}}), "it is not a file in the folder"),
        (index({"metadata": {}, "weight_map": {"x": "pytorch_model.bin"}}), "pytorch_model.bin, .*, is not a safetensors file"),
        (index({"weight_map": {"x": "model-00001-of-00002.safetensors"}}), "lacks metadata, which transformers needs"),
    ],
)
def test_ambiguous_and_unsafe_weights_are_refused(folder, change, words):
    change(folder)
    with pytest.raises(UserError, match=words) as error:
        model_folders.check(folder)
    assert "\n" not in str(error.value) and "\x1b" not in str(error.value) and "delete" not in str(error.value)


def test_the_weights_of_the_text_model_are_not_guessed(tmp_path):
    folder = write_folder(tmp_path / "model", {"text_config": {"transformers_weights": "other.safetensors"}})
    with pytest.raises(UserError, match=r"transformers_weights differs between config\.json and its text_config"):
        model_folders.check(folder)


def test_a_described_model_is_the_loaded_one(tmp_path):
    """A second copy of the weights, as some makers publish, changes neither the description nor what is loaded."""
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=32, hidden_size=16, intermediate_size=32, num_hidden_layers=2, num_attention_heads=2
    )
    folder = tmp_path / "model"
    transformers.LlamaForCausalLM(config).save_pretrained(folder, max_shard_size="4KB")
    (folder / "tokenizer.json").write_text("{}")
    write_weights(folder / "consolidated.safetensors", WEIGHTS)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    assert len(weights(folder)) > 2 and "consolidated.safetensors" not in weights(folder)
    assert checkpoints.describe(folder).parameters == model.num_parameters()


def test_a_tensor_in_two_files_is_refused(folder):
    """transformers takes it from the last file, whatever the index says."""
    write_shards(folder)
    shards = sorted(folder.glob("model-*.safetensors"))
    tensors = {name: tensor for name, tensor in list(WEIGHTS.items())[:1]}
    for shard in shards:
        write_weights(shard, tensors)
    with pytest.raises(UserError, match=r" is in model-.* and model-.*: keep only the files that belong together$"):
        model_folders.check(folder)


@pytest.mark.parametrize("dtype", ["I8", "U8", "I32"])
def test_integer_weights_need_a_quantization_to_be_read_by(folder, dtype):
    write_weights(folder / "model.safetensors", WEIGHTS | {"model.layers.0.mlp.up_proj.weight": (dtype, [4, 4])})
    with pytest.raises(UserError, match=rf"up_proj.weight is stored as {dtype}, but config.json has no quantization_config"):
        model_folders.check(folder)
    write_weights(folder / "model.safetensors", WEIGHTS | {"model.layers.0.attn.bias": (dtype, [4, 4])})  # GPT-2's mask
    assert model_folders.check(folder)
