"""Hooks of mkdocs: pages that are made from the JSON schemas, and links to files of the repository."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

PROJECT = Path(__file__).parents[1]
SCHEMAS = PROJECT / "workflow/schemas"
CONFIG = "config.json"
_OUTSIDE = re.compile(r"\[([^\]]+)\]\(\.\./([^)#]+)(#[^)]*)?\)")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the reference of config and of the result files."""
    others = sorted(path for path in SCHEMAS.glob("*.json") if path.name != CONFIG)
    head = "# Every key of config\n\nGenerated from the data models, as `workflow/schemas/config.json` is.\n"
    files.append(File.generated(config, "config.md", content="\n".join([head, *_page(SCHEMAS / CONFIG)])))
    head = "# The form of every file\n\nGenerated from the data models, as the JSON schemas in `workflow/schemas` are.\n"
    files.append(
        File.generated(config, "files.md", content="\n".join([head, *(line for path in others for line in _page(path))]))
    )
    return files


def on_page_markdown(markdown: str, config: MkDocsConfig, **_: Any) -> str:
    """Point links to schemas at their pages, and those to other files of the repository at its address or, without one, keep
    their texts.
    """

    def replaced(match: re.Match[str]) -> str:
        text, path, anchor = match[1], match[2], match[3] or ""
        if path.startswith(f"{SCHEMAS.relative_to(PROJECT)}/"):
            name = Path(path).stem
            return f"[{text}](config.md)" if name == "config" else f"[{text}](files.md#{name})"
        if not (PROJECT / path).exists():
            raise FileNotFoundError(f"a page of docs links to {path}, which is not there")
        return f"[{text}]({config.repo_url.rstrip('/')}/blob/main/{path}{anchor})" if config.repo_url else text

    return _OUTSIDE.sub(replaced, markdown)


def _page(path: Path) -> Iterator[str]:
    """The sections of one schema: the document, then each part that it uses."""
    schema = json.loads(path.read_text(encoding="utf-8"))
    yield from _section(path.stem, path.stem, schema, 2)
    for name, part in schema.get("$defs", {}).items():
        yield from _section(path.stem, name, part, 3)


def _section(page: str, name: str, schema: dict[str, Any], level: int) -> Iterator[str]:
    """A heading, the description, and a table of the keys or the list of the values."""
    anchor = page if level == 2 else f"{page}-{name.lower()}"
    yield f"{'#' * level} {name} {{#{anchor}}}\n"
    if "description" in schema:
        yield f"{schema['description']}\n"
    if "enum" in schema:
        yield f"One of {', '.join(f'`{value}`' for value in schema['enum'])}.\n"
    if schema.get("properties"):
        yield "| Key | Value | Default | |\n|---|---|---|---|"
        for key, value in schema["properties"].items():
            default = f"`{json.dumps(value['default'])}`" if "default" in value else ""
            yield f"| `{key}` | {_cell(_words(page, value))} | {_cell(default)} | {_cell(value.get('description', ''))} |"
        yield ""


def _words(page: str, schema: dict[str, Any]) -> str:
    """What a value is: 'text', 'list of Setup', 'a number or null'."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{page}-{name.lower()})"
    for key in ("anyOf", "oneOf"):
        if key in schema:
            return " or ".join(dict.fromkeys(_words(page, each) for each in schema[key]))
    if "const" in schema or "enum" in schema:
        return " or ".join(f"`{value}`" for value in schema.get("enum", [schema.get("const")]))
    if schema.get("type") == "array":
        return f"list of {_words(page, schema.get('items', {}))}"
    if schema.get("type") == "object":
        values = schema.get("additionalProperties")
        return f"{_words(page, values)} by name" if isinstance(values, dict) else "object"
    return {"string": "text", "integer": "whole number", "boolean": "true or false"}.get(
        schema.get("type"), schema.get("type", "any")
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
