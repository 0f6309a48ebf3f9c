"""`edgekit devices`: `add`, `list`, `check`, `remove`."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from edgekit.cli import options, output
from edgekit.errors import HostKeyUnknown, UsageError

_SSH, _ADB = "ssh", "adb"
_UNPROVEN = (
    "adb over TCP proves nothing: whoever is in that network may answer in the phone's place, "
    "and use it; prefer a cable"
)

Name = Annotated[str, typer.Argument(help="Its name, as in `bench --device NAME`.")]

devices = typer.Typer(
    name="devices",
    help="The inventory of devices: boards over SSH, phones over adb; nothing installed on them.",
    no_args_is_help=True,
)


@devices.command("add")
def add(
    name: Name,
    address: Annotated[
        str,
        typer.Argument(
            help="user@host[:port], or a host of ~/.ssh/config; of a phone its serial number, as "
            "`adb devices` shows it."
        ),
    ],
    *,
    transport: Annotated[str, typer.Option(help="What reaches it: ssh, or adb for a phone.")] = (
        _SSH
    ),
    benchmark_model: Annotated[
        str, typer.Option(help="Of a phone: path here of LiteRT's benchmark_model for Android.")
    ] = "",
    fingerprint: Annotated[
        str, typer.Option(help="SHA256:... of the host key, in place of a question.")
    ] = "",
    work_dir: Annotated[
        str, typer.Option(help="Folder there that edgekit may use. Default: ~/.cache/edgekit.")
    ] = "",
    python: Annotated[
        str, typer.Option(help="Python there, by name or path. Default: python3.")
    ] = "",
    emulated: Annotated[
        bool, typer.Option("--emulated", help="It is no real hardware: its times say nothing.")
    ] = False,
    json: options.Json = False,
) -> None:
    """Add a device: show the fingerprint of its host key, and keep the key on yes.

    A phone has no such key: it is added as it is.
    """
    from edgekit import inventory
    from edgekit.records.devicespec import DeviceSpec
    from edgekit.workflows import devices as story

    inventory.check_name(name)
    if benchmark_model:
        benchmark_model = str(Path(benchmark_model).expanduser().absolute())
    given = {
        _SSH: {"work_dir": work_dir, "python": python, "fingerprint": fingerprint},
        _ADB: {"benchmark_model": benchmark_model},
    }
    _refuse_others(given, transport)
    fields = {key: value for key, value in given[transport].items() if value}
    fields.pop("fingerprint", None)
    spec = DeviceSpec.of(transport=transport, address=address, emulated=emulated, **fields)
    if transport == _ADB:
        added = story.add_phone(name, spec)
    else:
        key = story.offered(address)
        if not fingerprint:
            _confirm(address, key.fingerprint)
        added = story.add(name, spec, key, fingerprint)
    if json:
        output.print_json(added)
    else:
        output.print_text(f"added {added.name} to {added.file}")
        if transport == _ADB and ":" in address:
            output.say(_UNPROVEN)
        output.say(f"`edgekit devices check {added.name}` looks at it")


@devices.command("list")
def list_(*, json: options.Json = False) -> None:
    """List the devices of this folder's devices.toml and of the user's."""
    from edgekit.reports import devices as report
    from edgekit.workflows import devices as story

    found = story.listed()
    if json:
        output.print_json(found)
    else:
        output.print_text(report.listed(found))


@devices.command("check")
def check(name: Name, *, json: options.Json = False) -> None:
    """Reach a device; show what it is, what runs there, and what would disturb a measurement."""
    from edgekit.reports import devices as report
    from edgekit.workflows import devices as story

    found = story.check(name)
    if json:
        output.print_json(found)
    else:
        output.print_text(report.checked(found))


@devices.command("remove")
def remove(name: Name, *, json: options.Json = False) -> None:
    """Take a device out of the inventory. Nothing is changed on it."""
    from edgekit.workflows import devices as story

    file = story.remove(name)
    if json:
        output.print_json({"name": name, "file": file})
    else:
        output.print_text(f"removed {name} from {file}")


def _refuse_others(given: Mapping[str, Mapping[str, str]], transport: str) -> None:
    """Refuse options that mean nothing for `transport`.

    Raises:
        UsageError: There is one, or there is no such transport.
    """
    if transport not in given:
        raise UsageError(
            f"there is no transport named {transport!r}", hint=f"one of: {', '.join(given)}"
        )
    for other, fields in given.items():
        for name, value in fields.items():
            if value and other != transport:
                raise UsageError(
                    f"--{name.replace('_', '-')} means nothing for {transport}",
                    hint=f"leave it out, or give `--transport {other}`",
                )


def _confirm(address: str, fingerprint: str) -> None:
    """Ask whether that is the right machine.

    Raises:
        HostKeyUnknown: Nobody can be asked, or the answer is no.
    """
    output.say(f"{address} has the host key {fingerprint}")
    output.say("compare: ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub, on the device itself")
    if sys.stdin.isatty():
        if typer.confirm("is it the same?", err=True):
            return
        hint = "nothing was kept"
    else:
        hint = f"if it is the device's own: --fingerprint {fingerprint}"
    raise HostKeyUnknown(f"nobody says that {address} is the right machine", hint=hint)
