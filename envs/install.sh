#!/bin/sh
# Create .venv and install a lock into it: install.sh PYTHON cpu|quantized|test
set -eu
python=$1
lock=envs/$2.lock
fail() {
    echo "error: $1" >&2
    exit 2
}
command -v "$python" >/dev/null || fail "$python is missing: install Python 3.11 or newer, or name one with make PYTHON=…"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "$python is older than 3.11: name a newer one with make PYTHON=…"
if [ ! -x /usr/bin/time ]; then
    fail "/usr/bin/time is missing: install it (Debian and Ubuntu: apt-get install time)"
fi
if [ ! -x .venv/bin/pip ]; then
    "$python" -m venv .venv || fail "the virtual environment .venv could not be created (Debian and Ubuntu: apt-get install python3-venv)"
fi
# torch is installed first and by version, as its wheel differs between machines; everything else is installed by hash.
echo "Installing $(grep '^torch' envs/torch.txt) into .venv …"
.venv/bin/pip install --quiet --requirement envs/torch.txt
# The lock is complete, so dependencies are not resolved again (--no-deps); otherwise pip refuses some packages with extras.
echo "Installing the $(grep -c '^[a-z]' "$lock") packages of $lock …"
.venv/bin/pip install --quiet --no-deps --require-hashes --requirement "$lock"
# The kit itself with its command mmlu-kit, as a link to this folder; this needs no network.
.venv/bin/pip install --quiet --no-index --no-deps --no-build-isolation --editable .
