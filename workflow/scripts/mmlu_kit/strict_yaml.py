"""YAML without what PyYAML would read in silence: a duplicate key, of which it takes the last one, or aliases without end."""

from typing import Any

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode

MERGE = "tag:yaml.org,2002:merge"
# With every alias written out; far more than any file of the kit has.
MAX_VALUES = 50_000
MAX_DIGITS = 100
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")


class Refused(yaml.YAMLError):
    """The file is YAML, but not taken; the message says why, and what to do."""


class Loader(yaml.SafeLoader):
    """PyYAML's safe loader; a mapping that has a key twice, and aliases that repeat without end, raise Refused."""

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self._written = 0

    def get_single_node(self) -> Node | None:
        """Compose the document and check its size before any value is made: merge keys (<<) copy what they name."""
        node = super().get_single_node()
        if node is not None:
            _count(node, {})
        return node

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        """Compose one value or alias as it is written; so many that the file cannot be meant raise Refused at once."""
        self._written += 1
        if self._written > MAX_VALUES:
            raise _too_many(self.get_mark().line + 1)
        return super().compose_node(parent, index)

    def compose_mapping_node(self, anchor: Any) -> MappingNode:
        """Compose one mapping as it is written: keys that it merges from another one (<<) are no duplicates."""
        node = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if not isinstance(key, ScalarNode):
                raise Refused(f"the key in line {line} is a list or a mapping: write a text")
            name = key.tag, str(key.value)
            if name in lines:
                first = f"in line {lines[name]} and again in line {line}"
                raise Refused(f"the key '{key.value[:80]}' is {first}: keep one of them")
            if key.tag != MERGE:
                lines[name] = line
        return node


def _count(node: Node, counts: dict[Node, int]) -> int:
    """How many values a node has with every alias written out; too many, or endless ones, raise Refused.

    `counts` has those of the nodes that were counted; 0 for one that is being counted, so that its alias would be endless.
    """
    line = node.start_mark.line + 1
    if node not in counts:
        counts[node] = 0
        counts[node] = 1 + sum(_count(child, counts) for child in _children(node))
    elif counts[node] == 0:
        raise Refused(f"the value in line {line} has an alias (*name) of itself: write it without")
    if counts[node] > MAX_VALUES:
        raise _too_many(line)
    return counts[node]


def _children(node: Node) -> list[Node]:
    """The values in a list, the keys and values of a mapping; none in a scalar, which is checked itself."""
    if isinstance(node, MappingNode):
        return [child for pair in node.value for child in pair]
    if not isinstance(node, ScalarNode):
        return list(node.value)
    line = node.start_mark.line + 1
    if node.tag in _NUMBERS and len(node.value) > MAX_DIGITS:
        raise Refused(f"the number in line {line} has more than {MAX_DIGITS} digits: shorten it")
    if not node.value.isprintable() and any("\ud800" <= letter <= "\udfff" for letter in node.value):
        raise Refused(f"the text in line {line} has half of a character (a lone surrogate): write the character itself")
    return []


def _too_many(line: int) -> Refused:
    return Refused(f"the value in line {line} is one of more than {MAX_VALUES:,} (an alias, *name, repeats all of its values)")
