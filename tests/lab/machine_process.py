"""The first process of a made machine, as a program.

Run as `python -m tests.lab.machine_process PLAN` by root. PLAN is a JSON object:

- `hostname`: the machine's own;
- `groups`: the `cgroup.procs` files that it joins;
- `own_users`: whether it has a user namespace, with the users 0 to 65535 of the one outside. The
  formats of programs (binfmt_misc) belong to such a namespace;
- `commands`: what is run in order before it is up, mostly mounts. All mounts are its own;
- `root`: the folder that is `/` for what is started later.

When it is up it prints the process id that it has outside. Each line on standard input is a JSON
object with the `argv` of a program to start, its `env` and its `log` file. It ends with its
standard input, and everything on the machine with it.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.lab import kernel

_USERS = "0 0 65536"


def main(plan: dict[str, Any]) -> int:
    """Make the namespaces, start the first process in them and wait for its end."""
    kinds = kernel.NEW_MOUNTS | kernel.NEW_PIDS | kernel.NEW_HOSTNAME
    if plan["own_users"]:
        _enter_own_users(kinds)
    else:
        kernel.unshare(kinds)
    first = os.fork()
    if not first:
        kernel.die_with_parent()
        _first_process(plan)
    kernel.die_with_parent()
    # Its pipes are the first process's now: they end with that one, not with this.
    nothing = os.open("/dev/null", os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(nothing, descriptor)
    return os.waitstatus_to_exitcode(os.waitpid(first, 0)[1]) & 0xFF


def _enter_own_users(kinds: int) -> None:
    # Only a process outside may map more than one user, so one stays behind to do it.
    made_read, made_write = os.pipe()
    me = os.getpid()
    outside = os.fork()
    if not outside:
        os.close(made_write)
        os.read(made_read, 1)
        for name in ("uid_map", "gid_map"):
            Path(f"/proc/{me}/{name}").write_text(_USERS)
        os._exit(0)
    os.close(made_read)
    kernel.unshare(kinds | kernel.NEW_USERS)
    os.close(made_write)
    if os.waitpid(outside, 0)[1] != 0:
        raise SystemExit("the users of the namespace could not be mapped")
    os.setgid(0)
    os.setuid(0)
    os.setgroups([])


def _first_process(plan: dict[str, Any]) -> None:
    try:
        # The file system of processes is still the one outside.
        process = Path("/proc/self").readlink()
        # The one that waits for this one stays outside: a frozen group shall not hold it.
        for group in plan["groups"]:
            Path(group).write_text("0")
        socket.sethostname(plan["hostname"])
        kernel.deny_vsock()
        for command in [["mount", "--make-rprivate", "/"], *plan["commands"]]:
            subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        # Jobs that outlive their session become this process's children.
        signal.signal(signal.SIGCHLD, _bury)
        print(process, flush=True)
        for line in sys.stdin:
            _start(plan["root"], **json.loads(line))
    except BaseException as error:  # noqa: BLE001 - a fork of the program must not return from here
        print(error, file=sys.stderr, flush=True)
        os._exit(1)
    os._exit(0)


def _bury(_signal: int, _frame: object) -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
    except ChildProcessError:
        pass


def _start(root: str, argv: list[str], env: dict[str, str], log: str) -> None:
    if os.fork():
        return
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        os.setsid()
        log_file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(os.open("/dev/null", os.O_RDONLY), 0)
        os.dup2(log_file, 1)
        os.dup2(log_file, 2)
        os.chroot(root)
        os.chdir("/")
        os.execve(argv[0], argv, env)
    finally:
        os._exit(127)


if __name__ == "__main__":
    sys.exit(main(json.loads(sys.argv[1])))
