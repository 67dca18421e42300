"""The package that the kit's programs share: one module for each thing (questions, prompts, models, scoring, …)."""

import os
from urllib.parse import urlsplit

try:
    # The hub's client, which many libraries import, ends with a traceback on an address that cannot be parsed.
    urlsplit(os.environ.get("HF_ENDPOINT", ""))
except ValueError:
    os.environ["HF_ENDPOINT"] = "unreadable"  # refused in one line by programs that use the hub
