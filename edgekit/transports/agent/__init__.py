"""What runs on a device beside the worker: the standard library alone, for Python 3.6 and newer.

The host packs these modules into one file (`edgekit.transports.agentfile`), pushes it into a
folder that nobody else may enter, starts it over any channel with `python3 -I FILE [IDLE_S]`, and
talks to it in lines of JSON on its standard input and output:

    {"id": 1, "op": "status", "args": {"job": ID}}
    {"id": 1, "ok": {...}}    or    {"id": 1, "error": KIND, "message": TEXT}

The first line tells who answers. Every request may be sent again: what is done already isn't done
twice. The agent ends with the channel, or `IDLE_S` seconds after the last request. A job doesn't:
it belongs to a supervisor, a process of its own that keeps all it knows in the job's folder, so
that a lost channel loses nothing and a host that comes back reads on where it was.

    agent-*.pyz  the packed modules; the folder around it is the root
    guard        locked while the owner of the device changes or a job begins
    lock.json    who may begin jobs, and until when
    files/       what hosts pushed, each under its SHA-256
    jobs/ID/     alive (locked by the supervisor as long as it lives), began.json, lease, cancel,
                 stdout, stderr, reserve, result.json
    jobs/ID/work/    where the job runs: its files are hard links into files/
"""
