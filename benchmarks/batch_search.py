"""The search for a program's fastest batch size."""

from collections.abc import Callable, Sequence


def fastest(sizes: Sequence[int], seconds: Callable[[int], float]) -> int:
    """The size, of ascending ones, for which `seconds` is smallest: tried from the second one upwards until it grows.

    The first one is tried only where the third one isn't faster than the second. A single size isn't tried.
    """
    if len(sizes) == 1:
        return sizes[0]
    seconds(sizes[1])  # warms up
    took = {sizes[1]: seconds(sizes[1])}
    for size, before in zip(sizes[2:], sizes[1:], strict=False):
        took[size] = seconds(size)
        if took[size] > took[before]:
            break
    if min(took, key=took.__getitem__) == sizes[1]:
        took[sizes[0]] = seconds(sizes[0])
    return min(took, key=took.__getitem__)
