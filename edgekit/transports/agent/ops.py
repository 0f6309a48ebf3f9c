"""What a host may ask for."""

import base64
import contextlib
import json
import os
import shutil
import signal
import time
from pathlib import Path
from typing import Callable, Dict, Iterable, List, NoReturn, Optional, TypeVar

from edgekit.transports.agent import requests
from edgekit.transports.agent.files import measured, open_own, piece, put, read_fields
from edgekit.transports.agent.job import Job, jobs, send
from edgekit.transports.agent.launching import guarded, launch
from edgekit.transports.agent.machine import boot_id, facts, now_s
from edgekit.transports.agent.requests import LINE_BYTES, Fields, RefusedError, check, kind_of
from edgekit.transports.agent.supervisor import STREAMS
from edgekit.transports.agent.unpacking import GUARD, bundles, remove, size_bytes, unpack

PART_BYTES = 2**19  # of a file in one answer, which base64 makes a third longer
WAIT_S = 30.0  # the longest that `tail` waits for something to come
WATCH_S = 0.2  # how often it looks
MESSAGE = 300  # characters

_Item = TypeVar("_Item")


class Agent:
    """Answers requests.

    Args:
        root: The folder of all that it keeps.
    """

    OPS = (
        "probe", "lock", "unlock", "unpack", "mkjob", "start", "status", "touch", "tail", "cancel",
        "gc",
    )  # fmt: skip

    def __init__(self, root: Path) -> None:
        self._root = root
        self._files = root / "files"
        self._bundles = root / "bundles"
        self._guard = root / "guard"
        for folder in (self._files, self._bundles, root / "jobs"):
            folder.mkdir(exist_ok=True)
        for job in jobs(root):
            job.bury()

    def answer(self, line: bytes) -> Fields:
        """What to say to one request, whatever it is."""
        number = None
        try:
            check(len(line) <= LINE_BYTES, f"a line has at most {LINE_BYTES} bytes")
            request = json.loads(line.decode("utf-8"), parse_constant=_no_number)
            check(isinstance(request, dict), "a request is an object")
            number = request.get("id") if type(request.get("id")) is int else None
            check(number is not None, "a request has an id")
            op, args = request.get("op"), request.get("args", {})
            check(op in self.OPS, "there is no such op")
            check(isinstance(args, dict), "args is an object")
            return {"id": number, "ok": getattr(self, op)(args)}
        except RefusedError as error:
            kind, text = error.kind, str(error)
        except OSError as error:
            kind, text = kind_of(error), str(error)
        except (ValueError, RecursionError) as error:
            kind, text = "bad-request", str(error)
        except Exception as error:  # noqa: BLE001 -- a defect must not look like a lost channel
            kind, text = "defect", f"{type(error).__name__}: {error}"
        return {"id": number, "error": kind, "message": text[:MESSAGE]}

    def probe(self, args: Fields) -> Fields:
        """What the device is and has; what it doesn't tell is null or empty."""
        holder = self._holder() or {"owner": ""}
        return {**facts(requests.system(args), self._root), "holder": holder["owner"]}

    def lock(self, args: Fields) -> Fields:
        """Take the device, or renew one's hold on it, unless another has it."""
        owner = requests.owner(args)
        ttl_s = requests.number(args, "ttl_s", (60.0, 1.0, 86400.0))
        with guarded(self._guard):
            holder = self._holder()
            if holder and holder["owner"] != owner:
                return {**holder, "held": False}
            until = {
                "owner": owner,
                "until_s": now_s() + ttl_s,
                "ttl_s": ttl_s,
                "boot_id": boot_id(),
            }
            put(self._root / "lock.json", until)
        return {"owner": owner, "left_s": ttl_s, "held": True}

    def unlock(self, args: Fields) -> Fields:
        """Give the device back. A job that still runs keeps it until its end."""
        owner, place = requests.owner(args), self._root / "lock.json"
        with guarded(self._guard):
            released = read_fields(place).get("owner") == owner
            if released:
                place.unlink()
        return {"released": released}

    def unpack(self, args: Fields) -> Fields:
        """Make an archive that was pushed a folder of packages; says if it's there to be used."""
        sha256 = requests.matching(args.get("sha256"), requests.SHA256, "SHA-256")
        folder, archive = self._bundles / sha256, self._files / sha256
        with guarded(self._bundles / GUARD):
            there = folder.is_dir()
            if not there and archive.is_file():
                self._check(sha256, "the archive")
                unpack(archive, folder)
                there = True
            if there:
                os.utime(str(folder))  # what was used last goes last
                with contextlib.suppress(FileNotFoundError):
                    archive.unlink()
        return {"there": there}

    def mkjob(self, args: Fields) -> Fields:
        """Make a job's folder; says which of its files must still be pushed into `files/`."""
        job, wanted = self._job(args), set(requests.files(args).values())
        job.work.mkdir(parents=True, exist_ok=True)
        return {"missing": sorted(sha for sha in wanted if not (self._files / sha).is_file())}

    def start(self, args: Fields) -> Fields:
        """Begin a job, unless it has begun already. Its owner must have the device."""
        job, spec = self._job(args), requests.spec(args)
        if not job.work.is_dir():
            raise RefusedError("no-job", "mkjob comes first")
        if not job.began():
            self._place(job, spec.files)  # which takes its time, so before others must wait
            with guarded(self._guard) as guard:
                if not job.began():
                    holder = self._holder(job.name) or {"owner": "nobody"}
                    if holder["owner"] != spec.owner:
                        raise RefusedError("busy", f"the device is held by {holder['owner']}")
                    launch(job, spec, guard)
        return job.state()

    def status(self, args: Fields) -> Fields:
        """How a job is. What a dead supervisor left running is ended."""
        job = self._job(args)
        job.bury()
        return job.state()

    def touch(self, args: Fields) -> Fields:
        """Renew a job's lease."""
        job = self._job(args)
        job.renew()
        return job.state()

    def tail(self, args: Fields) -> Fields:
        """The next bytes of a stream or of an output; waits up to `wait_s` for some to come.

        The state is from before the reading: if it isn't `running` and nothing has come, nothing
        will. Who reads wants the job, so its lease is renewed.
        """
        job = self._job(args)
        name = requests.matching(args.get("name"), requests.NAME, "name")
        offset = int(requests.number(args, "offset", (0, 0, 2**53)))
        until_s = time.monotonic() + requests.number(args, "wait_s", (0.0, 0.0, WAIT_S))
        state = job.state()
        place = _place_of(job, name, state)
        job.renew()
        self._prolong(job)
        while True:
            data = piece(place, offset, PART_BYTES)
            if data or state["state"] != "running" or time.monotonic() >= until_s:
                break
            time.sleep(WATCH_S)
            job.renew()
            if not job.running():  # which is cheap to ask, and somebody measures here
                state = job.state()
        coded = base64.b64encode(data).decode("ascii")
        return {"data": coded, "next": offset + len(data), "state": state["state"]}

    def cancel(self, args: Fields) -> Fields:
        """Let a job end, or never begin."""
        job = self._job(args)
        with contextlib.suppress(OSError):  # a full disk: the signal is enough
            os.close(open_own(job.folder / "cancel", os.O_WRONLY | os.O_CREAT))
        began = job.began()
        if began and job.running():
            send(began["pid"], signal.SIGTERM)
        return job.state()

    def gc(self, args: Fields) -> Fields:
        """Remove one job, and what is beyond the newest jobs and files. None that runs."""
        keep_jobs = int(requests.number(args, "keep_jobs", (50, 0, 10**6)))
        keep_bytes = int(requests.number(args, "keep_bytes", (2**62, 0, 2**62)))
        doomed = [self._job(args)] if "job" in args else []
        doomed += _newest_first(jobs(self._root), lambda job: job.folder)[keep_jobs:]
        for job in doomed:
            job.bury()
            if not job.running():
                shutil.rmtree(str(job.folder), ignore_errors=True)
        self._thin(keep_bytes)
        return {"left": sorted({job.name for job in doomed if job.folder.exists()})}

    def _thin(self, keep_bytes: int) -> None:
        """Remove what was used longest ago, of files and bundles, beyond `keep_bytes`."""
        with guarded(self._bundles / GUARD):
            sizes = {path: path.lstat().st_size for path in self._files.iterdir()}
            # A job has its files by links of its own, but reads a bundle until its end.
            if not any(job.running() for job in jobs(self._root)):
                sizes.update({path: size_bytes(path) for path in bundles(self._bundles)})
            total_bytes = 0
            for path in _newest_first(sizes, lambda path: path):
                total_bytes += sizes[path]
                if total_bytes > keep_bytes:
                    remove(path) if path.parent == self._bundles else path.unlink()

    def _job(self, args: Fields) -> Job:
        return Job(self._root, args.get("job"))

    def _holder(self, beside: str = "") -> Optional[Fields]:
        """Who has the device: whoever runs a job on it, else whoever's lock isn't over.

        Args:
            beside: A job that doesn't count: its last supervisor may not be gone altogether.
        """
        for job in jobs(self._root):
            if job.name != beside and job.running():
                return {"owner": job.began().get("owner", "a job that begins"), "left_s": 0.0}
        lock = read_fields(self._root / "lock.json")
        if lock.get("boot_id") != boot_id():  # whoever it was, all that ran is gone
            return None
        left_s = lock["until_s"] - now_s()
        return {"owner": lock["owner"], "left_s": round(left_s, 1)} if left_s > 0 else None

    def _prolong(self, job: Job) -> None:
        """Whoever reads what their job says has the device for as long again."""
        with guarded(self._guard):
            lock = read_fields(self._root / "lock.json")
            left_s = lock.get("until_s", 0.0) - now_s()
            is_theirs = lock.get("owner") == job.began().get("owner", "")
            if is_theirs and lock.get("boot_id") == boot_id() and 2 * left_s < lock["ttl_s"]:
                put(self._root / "lock.json", {**lock, "until_s": now_s() + lock["ttl_s"]})

    def _place(self, job: Job, files: Dict[str, str]) -> None:
        for name, sha256 in files.items():
            kept = self._check(sha256, name)
            os.utime(str(kept))  # what was used last goes last
            place = job.work / name
            place.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                os.link(str(kept), str(place))

    def _check(self, sha256: str, name: str) -> Path:
        """The file of that digest, if it's what was pushed."""
        kept = self._files / sha256
        try:
            right = measured(kept)["sha256"] == sha256
        except OSError:
            raise RefusedError("file", f"{name} was not pushed") from None
        if not right:
            kept.unlink()
            raise RefusedError("file", f"{name} is not what it should be: push it again")
        return kept


def _place_of(job: Job, name: str, state: Fields) -> Path:
    """Where a stream is, or an output that the job's result names.

    Raises:
        RefusedError: It is neither, or there is no such job.
    """
    if state["state"] == "unknown":
        raise RefusedError("no-job", "there is no such job")
    if name in STREAMS:
        return job.folder / name
    if name in state.get("result", {}).get("outputs", {}):
        return job.work / name
    raise RefusedError("no-file", "the job has no such output")


def _newest_first(items: Iterable[_Item], place: Callable[[_Item], Path]) -> List[_Item]:
    return sorted(items, key=lambda item: place(item).lstat().st_mtime_ns, reverse=True)


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
