"""Adapters (LoRA and others of peft), which are not supported yet and must not be applied by accident."""

from collections.abc import Collection

from mmlu_kit.user_errors import UserError

CONFIG = "adapter_config.json"
_WEIGHTS = ("adapter_model.safetensors", "adapter_model.bin")


def check(where: str, names: Collection[str]) -> None:
    """Check that the files `names` of a model hold no adapter that could be loaded; raises UserError if they do.

    With adapter_config.json, transformers applies the adapter wherever peft is installed, so that scores would depend on an
    unrelated package. Adapter weights alone are never loaded.
    """
    only = next((name for name in (CONFIG, *_WEIGHTS) if name in names), None)
    if only and not any(name.endswith(".safetensors") and not name.startswith("adapter_") for name in names):
        raise UserError(
            f"{where}: holds only an adapter ({only}), and adapters are not supported yet: merge it into the weights of its "
            "base model, and use the folder of the result"
        )
    if CONFIG in names:
        raise UserError(
            f"{where}: holds an adapter ({CONFIG}), and adapters are not supported yet: merge it into the model's weights, "
            f"or use a folder without {CONFIG}"
        )
