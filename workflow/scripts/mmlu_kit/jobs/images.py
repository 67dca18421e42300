"""Which container image each of a study's jobs runs in."""

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from mmlu_kit.settings import Device, OnUnavailable
from mmlu_kit.study import Study
from mmlu_kit.user_errors import UserError

CPU, CUDA = "cpu", "cuda"
_ODD = re.compile(r"""[\s"'$`\\&;|<>()*?\[\]!]""")  # Snakemake writes an image's path into a shell command, without quotes
# The files of the parts of a study that load models, besides evaluations.
FILES = {"timing_setups": "setups.json", "stability": "stability.json", "chat": "chat.json"}


class Use(NamedTuple):
    """A model, timing setup or other part of a study that loads a model, and what it does without its device."""

    name: str
    device: Device
    on_unavailable: OnUnavailable


def uses(study: Study, evaluated: Iterable[str], parts: Collection[str]) -> list[Use]:
    """Whatever loads a model: the `evaluated` models and those of `parts`, names in FILES."""
    chat = study.chat.models if study.chat and "chat" in parts else []
    models = [(name, study.run[name]) for name in dict.fromkeys([*evaluated, *chat]) if name in study.run]
    setups = study.timing_setups.setups if study.timing_setups and "timing_setups" in parts else []
    result = [Use(f"models.{name}", model.device, model.on_unavailable) for name, model in models]
    result += [Use(f"timing_setups.{setup.name}", setup.device, setup.on_unavailable) for setup in setups]
    if study.stability and "stability" in parts:  # it compares runs on one device, so it never falls back
        result.append(Use("stability", study.run[study.stability.model].device, OnUnavailable.FAIL))
    return result


def is_address(name: str) -> bool:
    """Whether an image is named by an address, such as docker://…, and not by a file."""
    return "://" in name


def located(names: Mapping[str, str], locate: Callable[[str], str]) -> dict[str, str]:
    """Config's images by kind, with their files where `locate` says that they are.

    An address with braces, which Snakemake would take for wildcards, raises UserError.
    """
    for kind, name in names.items():
        if is_address(name) and {*"{}"} & {*name}:
            raise UserError(f"config: images.{kind}: {name}: an address has no braces: correct it")
    return {kind: name if is_address(name) else locate(name) for kind, name in names.items()}


class Images:
    """The images of a study's jobs: addresses, or paths of local files from the working directory.

    Without its image, what runs on CUDA runs in the CPU's, whose torch has no CUDA, if all of it may fall back or be skipped.
    """

    def __init__(self, names: Mapping[str, str], needed: Sequence[Use], in_images: bool, locate: Callable[[str], str]) -> None:
        """`names` are config's images and `in_images` is whether rules run in them; a missing image raises UserError."""
        self._names = located(names, locate)
        self._in_images = in_images
        self._cuda = CUDA
        on_cuda = [use for use in needed if use.device == Device.CUDA]
        self.need_gpu = bool(on_cuda)
        if in_images:
            if on_cuda and self._missing(CUDA) and all(use.on_unavailable != OnUnavailable.FAIL for use in on_cuda):
                self._cuda = CPU
            for kind in dict.fromkeys([CPU, self._cuda]) if on_cuda else [CPU]:
                self._check(kind, [use.name for use in on_cuda if use.on_unavailable == OnUnavailable.FAIL])
        self.used = {kind: self._names[kind] for kind in sorted({CPU, *(self.kind(use.device) for use in needed)}) if in_images}

    def kind(self, device: str) -> str:
        """The kind of image that models on a device run in: 'cpu' or 'cuda'."""
        return self._cuda if device == Device.CUDA else CPU

    def name(self, device: str) -> str:
        """The image for a device; a relative path stays relative, since Snakemake refuses spaces, which the whole may have."""
        return self._names[self.kind(device)]

    def files(self, device: str) -> list[str]:
        """The image for a device as a rule's input, so that a new image triggers a rerun; empty for an address or without."""
        return [] if not self._in_images or is_address(self.name(device)) else [self.name(device)]

    def _missing(self, kind: str) -> bool:
        return not is_address(self._names[kind]) and not Path(self._names[kind]).is_file()

    def _check(self, kind: str, failing: Sequence[str]) -> None:
        """Raise UserError if an image is missing or its path cannot be passed on.

        `failing` are the parts of the study that cannot do without CUDA's.
        """
        if not self._missing(kind):
            odd = None if "://" in self._names[kind] else _ODD.search(self._names[kind])
            if odd:
                raise UserError(
                    f"config: images.{kind}: {self._names[kind]}: Snakemake cannot take an image's path with {odd[0]!r} in it: "
                    f"make a link to the image, such as images/{kind}.sif in this folder, and name that"
                )
            return
        where = f"config: images.{kind}: there is no {self._names[kind]}"
        if kind == CPU:
            raise UserError(f"{where}: make it with `make image-cpu`, or name another")
        raise UserError(f"{where}, needed by {', '.join(failing)}: make it with `make image-cuda`, or name another")
