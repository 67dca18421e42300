"""Time: phases of a process, logs of /usr/bin/time, the GPU and the machine."""
