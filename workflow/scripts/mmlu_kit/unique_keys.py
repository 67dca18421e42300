"""YAML without duplicate keys, of which PyYAML would silently take the last one."""

from typing import Any

import yaml
from yaml.nodes import MappingNode

MERGE = "tag:yaml.org,2002:merge"


class DuplicateKey(yaml.YAMLError):
    """A mapping has a key twice; the message names the key and its lines."""


class Loader(yaml.SafeLoader):
    """PyYAML's safe loader; a mapping that has a key twice raises DuplicateKey."""

    def compose_mapping_node(self, anchor: Any) -> MappingNode:
        """Compose one mapping as it is written: keys that it merges from another one (<<) are no duplicates."""
        node = super().compose_mapping_node(anchor)
        lines: dict[tuple[str, str], int] = {}
        for key, _ in node.value:
            name, line = (key.tag, str(key.value)), key.start_mark.line + 1
            if name in lines:
                first = f"in line {lines[name]} and again in line {line}"
                raise DuplicateKey(f"the key '{key.value[:80]}' is {first}: keep one of them")
            if key.tag != MERGE:
                lines[name] = line
        return node
