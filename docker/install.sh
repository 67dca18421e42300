#!/bin/sh
# Install what both images share while one is built: /usr/bin/time (which slim images lack), an unprivileged user, and Python
# with a lock's packages in /opt/kit/venv.
#   install.sh LOCK [TORCH [PIP OPTIONS FOR TORCH ...]]
set -eu
lock=$1
shift
apt-get update
apt-get install --yes --no-install-recommends python3 python3-venv time
rm -rf /var/lib/apt/lists/*
python3 -m venv /opt/kit/venv
install="/opt/kit/venv/bin/pip install --no-cache-dir"
# As in envs/install.sh: torch by version if the lock does not contain it, everything else by hash.
if [ $# -gt 0 ]; then
    torch=$1
    shift
    $install "$@" --requirement "$torch"
fi
$install --no-deps --require-hashes --requirement "$lock"
useradd --create-home --uid 1000 kit
