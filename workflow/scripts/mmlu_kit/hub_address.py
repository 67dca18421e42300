"""The address of the hub, HF_ENDPOINT, checked before any library imports the hub's client."""

import os
from urllib.parse import urlsplit

# In place of an address that must not be used; programs that use the hub refuse them in one line.
UNREADABLE, WITH_PASSWORD = "unreadable", "with-password"


def check() -> None:
    """Replace an address that cannot be parsed, or that has a password, in the environment.

    The client ends with a traceback on the one, when it is imported. The other would reach logs, also those of jobs that
    inherit the environment.
    """
    try:
        address = urlsplit(os.environ.get("HF_ENDPOINT", ""))
        if "@" in address.netloc:
            os.environ["HF_ENDPOINT"] = WITH_PASSWORD
        _ = address.port  # one that is no port raises ValueError
    except ValueError:
        os.environ["HF_ENDPOINT"] = UNREADABLE
