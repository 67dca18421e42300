#!/bin/sh
# Run a command under /usr/bin/time and keep the log: timed.sh LOG COMMAND [ARGUMENT ...]
# The option for the long form is -v with GNU time and -l on BSD and macOS. The exit status is the command's.
log=$1
shift
if [ ! -x /usr/bin/time ]; then
    echo "error: /usr/bin/time is missing: install it (Debian and Ubuntu: apt-get install time)" >&2
    exit 2
fi
if /usr/bin/time --version >/dev/null 2>&1; then
    /usr/bin/time -v -o "$log" "$@"
    status=$?
    # The command names folders of this machine; the log may be published.
    sed -i '/^\tCommand being timed: /d' "$log"
else
    /usr/bin/time -l -o "$log" "$@"
    status=$?
fi
if [ $status -eq 137 ] || [ $status -eq 9 ]; then
    echo "error: killed by signal 9, most likely for lack of memory: give the job more, or lower tokens_per_batch;" \
        "scored batches are kept, and the next run resumes after them" >&2
fi
exit $status
