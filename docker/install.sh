#!/bin/sh
# What both images have in common, run while one is built: /usr/bin/time, which slim images lack, a user that is not root,
# and Python with a lock's packages in /opt/kit/venv.
#   install.sh LOCK [TORCH [PIP'S OPTIONS FOR IT ...]]
set -eu
lock=$1
shift
apt-get update
apt-get install --yes --no-install-recommends python3 python3-venv time
rm -rf /var/lib/apt/lists/*
python3 -m venv /opt/kit/venv
install="/opt/kit/venv/bin/pip install --no-cache-dir"
# As envs/install.sh does: torch by its pin where the lock leaves it out, everything else by hash.
if [ $# -gt 0 ]; then
    torch=$1
    shift
    $install "$@" --requirement "$torch"
fi
$install --no-deps --require-hashes --requirement "$lock"
useradd --create-home --uid 1000 kit
