"""The package that the kit's programs share: one module for each thing (questions, prompts, models, scoring, …)."""

import os
from urllib.parse import urlsplit

# In place of the hub's address where it must not be used; programs that use the hub refuse them in one line.
UNREADABLE, WITH_PASSWORD = "unreadable", "with-password"

try:
    # Many libraries import the hub's client, which ends with a traceback on an address that it cannot parse. An address with a
    # password would reach logs, also those of jobs that inherit the environment.
    if "@" in urlsplit(os.environ.get("HF_ENDPOINT", "")).netloc:
        os.environ["HF_ENDPOINT"] = WITH_PASSWORD
except ValueError:
    os.environ["HF_ENDPOINT"] = UNREADABLE
