#!/bin/sh
# Run a command under /usr/bin/time and keep its log: timed.sh LOG COMMAND [ARGUMENT ...]
# GNU time writes its long form with -v, BSD and macOS with -l; the exit status is the command's own.
log=$1
shift
if [ ! -x /usr/bin/time ]; then
    echo "error: /usr/bin/time is missing: install it (Debian and Ubuntu: apt-get install time)" >&2
    exit 2
fi
if /usr/bin/time --version >/dev/null 2>&1; then
    exec /usr/bin/time -v -o "$log" "$@"
fi
exec /usr/bin/time -l -o "$log" "$@"
