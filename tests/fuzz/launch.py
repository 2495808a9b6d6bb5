"""Runs a program within limits, and prints its wait status, its seconds and its largest memory in KiB:

    launch.py SECONDS STDOUT STDERR PROGRAM [ARGUMENT...]

It is a process of its own, because the memory of a process counts from its fork: a large parent would count too.
"""
import os
import resource
import signal
import sys
import time

seconds, out, err, *command = sys.argv[1:]
began = time.monotonic()
pid = os.fork()
if pid == 0:
    for number, path in ((1, out), (2, err)):
        os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
    os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
    resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.alarm(int(seconds))
    os.execv(command[0], command)
_, status, usage = os.wait4(pid, 0)
print(status, time.monotonic() - began, usage.ru_maxrss)
