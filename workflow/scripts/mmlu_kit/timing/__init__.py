"""Timing: the phases of a process, logs of /usr/bin/time, GPU usage and the machine."""
