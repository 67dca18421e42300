"""Where a config says that a model's weights come from: a folder, a GGUF file or a repository, and an adapter."""

from pathlib import PurePath
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from mmlu_kit.data import Text
from mmlu_kit.source_entries import Source

GGUF = ".gguf"


def _gguf_file(name: str) -> str:
    """Check the name of a GGUF file in a repository."""
    if not name.endswith(GGUF) or any(part in ("", ".", "..") for part in name.split("/")) or {*name} & {*"\\\0"}:
        raise ValueError(f"'{name[:80]}' is no GGUF file in a repository; write one such as model-Q4_K_M.gguf")
    return name


GgufFile = Annotated[str, AfterValidator(_gguf_file)]


class AdapterSource(Source):
    """An adapter's files: a local folder, or a repository at a commit."""

    path: Text | None = Field(
        None,
        description="A local folder with adapter_config.json and adapter_model.safetensors, absolute or relative to the "
        "working directory or, if it is not there, to the kit's.",
    )


class ModelSource(Source):
    """A model's weights, and an adapter that is applied to them."""

    path: Text | None = Field(
        None,
        description="A local folder in Hugging Face form, or a GGUF file, absolute or relative to the working directory or, if "
        "it is not there, to the kit's. A GGUF file's weights are dequantized to `dtype`; its tokenizer and chat template are "
        "read from it, and files beside it play no part.",
    )
    file: GgufFile | None = Field(
        None,
        description="The GGUF file of the repository that is read, instead of safetensors weights.",
    )
    adapter: AdapterSource | None = Field(
        None,
        description="An adapter of peft, such as a LoRA, trained on these weights and saved as safetensors. It is merged into "
        "float32 weights, and computed beside others, so that scores are those of peft; every weight of it must fit the model.",
    )

    @model_validator(mode="after")
    def _file_of_a_repository(self) -> Self:
        if self.file is not None and self.path is not None:
            raise ValueError("'file' goes with 'repository'; name a local GGUF file as 'path'")
        return self

    @property
    def gguf(self) -> str | None:
        """The name of the GGUF file that is the model, without its folders; None for safetensors weights."""
        name = PurePath(self.file or self.path or "").name
        return name if name.endswith(GGUF) else None

    def source(self) -> dict[str, Any]:
        """The keys that say what the model's weights are, as JSON values."""
        return self.model_dump(mode="json", exclude_none=True, include=set(ModelSource.model_fields))
