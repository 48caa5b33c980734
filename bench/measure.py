"""Runs a command to its end and prints {wall, user, sys, cpu, peakBytes, status} as JSON; the command's output goes to the file named first.

usage: measure.py OUTPUT COMMAND [ARGUMENT...]

peakBytes is the largest sum of resident memory of the command and its children, sampled every 20 ms, or the kernel's own maximum of the
largest single process when that is higher.
"""

import json
import os
import sys
import threading
import time


def children(pid):
    try:
        with open(f"/proc/{pid}/task/{pid}/children") as file:
            direct = [int(child) for child in file.read().split()]
    except OSError:
        return []
    return direct + [grand for child in direct for grand in children(child)]


def resident(pid):
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, IndexError):
        return 0


def main():
    output, command = sys.argv[1], sys.argv[2:]
    peak = 0
    started = time.monotonic()
    pid = os.fork()
    if pid == 0:
        out = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
        os.dup2(out, 1)
        os.execvp(command[0], command)
    done = threading.Event()

    def sample():
        nonlocal peak
        while not done.wait(0.02):
            peak = max(peak, sum(resident(p) for p in [pid, *children(pid)]))

    sampler = threading.Thread(target=sample)
    sampler.start()
    _, status, usage = os.wait4(pid, 0)
    wall = time.monotonic() - started
    done.set()
    sampler.join()
    print(
        json.dumps(
            {
                "wall": wall,
                "user": usage.ru_utime,
                "sys": usage.ru_stime,
                "cpu": usage.ru_utime + usage.ru_stime,
                "peakBytes": max(peak, usage.ru_maxrss * 1024),
                "status": os.waitstatus_to_exitcode(status),
            }
        )
    )


main()
