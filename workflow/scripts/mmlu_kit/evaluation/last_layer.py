"""The last layer of a packed pass: behind its attention only the tokens whose logits are wanted are computed.

No other token reads what a token becomes there, so the projection of its attention, its norms and its feed-forward part are
left out, whatever the family calls them. Only modules that are called with all tokens of the pass are given fewer. They give
zeros for the rest, which nothing reads.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.nn import Module

Arguments = tuple[tuple[Any, ...], dict[str, Any]]


class LastLayer:
    """Gives modules of a model's last layer only the wanted tokens, once the attention of that layer is computed.

    Does nothing without a model, and for one whose `_no_split_modules` names no layer.
    """

    def __init__(self, model: Module | None) -> None:
        names = set(getattr(model, "_no_split_modules", None) or ())
        layers = [module for module in model.modules() if type(module).__name__ in names] if model else []
        self._modules = list(layers[-1].modules())[1:] if layers else []
        self._attended = False

    def attended(self, module: Module) -> None:
        """Note that the attention of this module is being computed."""
        self._attended = self._attended or module in self._modules

    @contextmanager
    def only(self, wanted: torch.Tensor, tokens: int) -> Iterator[None]:
        """Compute only the `wanted` tokens, which are places in a pass over so many `tokens`."""
        cut: list[Module] = []

        def is_whole(value: Any) -> bool:
            return isinstance(value, torch.Tensor) and value.dim() == 3 and value.shape[:2] == (1, tokens)

        def before(module: Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Arguments | None:
            if not self._attended or not any(map(is_whole, (*args, *kwargs.values()))):
                return None
            cut.append(module)
            fewer = [value[:, wanted] if is_whole(value) else value for value in (*args, *kwargs.values())]
            return tuple(fewer[: len(args)]), dict(zip(kwargs, fewer[len(args) :], strict=True))

        def after(module: Module, args: tuple[Any, ...], output: Any) -> Any:
            if not cut or cut[-1] is not module:
                return None
            cut.pop()
            return tuple(map(whole, output)) if isinstance(output, tuple) else whole(output)

        def whole(value: Any) -> Any:
            if not isinstance(value, torch.Tensor) or value.dim() not in (2, 3) or value.shape[-2] != len(wanted):
                return value
            # Experts give back their tokens without the batch.
            return value.new_zeros(*value.shape[:-2], tokens, value.shape[-1]).index_copy_(-2, wanted, value)

        handles = []
        self._attended = False
        try:
            for module in self._modules if len(wanted) < tokens else ():
                handles.append(module.register_forward_pre_hook(before, with_kwargs=True))
                handles.append(module.register_forward_hook(after))
            yield
        finally:
            for handle in handles:
                handle.remove()
