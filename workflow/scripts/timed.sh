#!/bin/sh
# Run a command under /usr/bin/time and keep the log: timed.sh LOG COMMAND [ARGUMENT ...]
# The option for the long form is -v with GNU time and BusyBox, and -l on BSD and macOS. The exit status is the command's.
log=$1
shift
if [ ! -x /usr/bin/time ]; then
    echo "error: /usr/bin/time is missing: install it (Debian and Ubuntu: apt-get install time)" >&2
    exit 2
fi
# BSD's time writes a decimal comma where the user's locale has one. The command itself keeps the user's locale.
if [ -n "${LC_ALL+set}" ]; then
    set -- env LC_ALL="$LC_ALL" "$@"
else
    set -- env -u LC_ALL "$@"
fi
if LC_ALL=C /usr/bin/time -v -o /dev/null true >/dev/null 2>&1; then
    LC_ALL=C /usr/bin/time -v -o "$log" "$@"
    status=$?
    # The command names folders of this machine; the log may be published. It may have several lines.
    sed -i '/^\tCommand being timed: /,/^\tUser time (seconds): [0-9.]*$/{/^\tUser time (seconds): [0-9.]*$/!d}' "$log"
else
    LC_ALL=C /usr/bin/time -l -o "$log" "$@"
    status=$?
fi
if [ $status -eq 137 ] || [ $status -eq 9 ]; then
    echo "error: killed by signal 9, most likely for lack of memory: give the job more, or lower tokens_per_batch;" \
        "scored batches are kept, and the next run resumes after them" >&2
fi
exit $status
