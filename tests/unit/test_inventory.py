"""The inventory: strict about what stands in it, careful with what people wrote."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgekit import inventory
from edgekit.errors import DataError, UsageError
from edgekit.records import Device
from edgekit.records.devicespec import Address, DeviceSpec
from edgekit.wire import Cooldown

JETSON = DeviceSpec(address="me@jetson:2222", host_key="ssh-ed25519 AAAA", emulated=True)


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_is_added_is_found() -> None:
    path = inventory.add("jetson", JETSON)
    assert path == Path("config/edgekit/devices.toml").absolute()
    assert inventory.load() == {"jetson": JETSON}
    assert inventory.device("jetson") == Device("jetson", "ssh", "me@jetson:2222", emulated=True)


def test_how_cool_a_device_has_to_be() -> None:
    text = '[jetson]\naddress = "j"\n[jetson.cooldown]\nstart_below_c = 45\non_timeout = "fail"\n'
    Path("devices.toml").write_text(text + '[pi]\naddress = "p"\n')
    assert inventory.device("jetson").cooldown == Cooldown(45.0, 300.0, "fail")
    inventory.remove("jetson")
    assert Path("devices.toml").read_text() == '[pi]\naddress = "p"\n'


@pytest.mark.parametrize(
    "line", ["start_below_c = -1", "start_below_c = 40\non_timeout = 'pray'", "max_wait_s = 1"]
)
def test_a_cooldown_that_means_nothing_is_refused(line: str) -> None:
    Path("devices.toml").write_text(f'[jetson]\naddress = "j"\n[jetson.cooldown]\n{line}\n')
    with pytest.raises(DataError, match="cooldown"):
        inventory.load()


def test_the_projects_entry_wins_over_the_users() -> None:
    inventory.add("jetson", JETSON)
    Path("devices.toml").write_text('[jetson]\naddress = "other"\n')
    assert inventory.find("jetson").address == "other"
    assert inventory.add("pi", JETSON) == Path("devices.toml")
    assert inventory.remove("jetson") == Path("devices.toml")
    assert inventory.find("jetson") == JETSON


def test_what_people_wrote_stays() -> None:
    Path("devices.toml").write_text('# mine\n[pi]\naddress = "pi" # attic\n')
    inventory.add("jetson", JETSON)
    inventory.remove("jetson")
    assert Path("devices.toml").read_text().rstrip() == '# mine\n[pi]\naddress = "pi" # attic'


def test_a_file_that_only_a_person_can_edit_is_left_alone() -> None:
    text = 'pi.address = "pi"\n'
    Path("devices.toml").write_text(text)
    with pytest.raises(DataError, match="by a program"):
        inventory.remove("pi")
    assert Path("devices.toml").read_text() == text


@pytest.mark.parametrize(
    "line", ['password = "x"', 'identity_file = "/root/.ssh/id"', 'adress = "typo"']
)
def test_what_does_not_belong_there_is_refused(line: str) -> None:
    Path("devices.toml").write_text(f'[pi]\naddress = "pi"\n{line}\n')
    with pytest.raises(DataError, match="unknown field") as caught:
        inventory.load()
    assert "~/.ssh/config" in caught.value.hint


@pytest.mark.parametrize("text", ["[pi", "pi = 3", "[pi]\naddress = 3", "[local]\naddress = 'x'"])
def test_a_broken_file_is_told(text: str) -> None:
    Path("devices.toml").write_text(text)
    with pytest.raises(DataError, match="devices.toml"):
        inventory.load()


@pytest.mark.parametrize("name", ["", "a b", "-x", "x" * 41, "a;b", "../x", "all", "local", "ä"])
def test_names_are_strict(name: str) -> None:
    with pytest.raises(UsageError):
        inventory.add(name, JETSON)


def test_a_name_is_had_once() -> None:
    inventory.add("jetson", JETSON)
    with pytest.raises(UsageError, match="there is a device"):
        inventory.add("jetson", JETSON)


def test_an_unknown_name_says_how_to_add_it() -> None:
    inventory.add("jetson", JETSON)
    with pytest.raises(UsageError, match="no device named 'jetsom'") as caught:
        inventory.find("jetsom")
    assert "jetson" in caught.value.hint
    assert "edgekit devices add jetsom user@host" in caught.value.hint


@pytest.mark.parametrize(
    "fields",
    [
        {"address": "a b"},
        {"address": "a;reboot"},
        {"address": "user@"},
        {"address": "host:0"},
        {"address": "host:65536"},
        {"address": "-oProxyCommand=x"},
        {"address": "x", "work_dir": "/a/../b"},
        {"address": "x", "work_dir": "relative"},
        {"address": "x", "work_dir": "/a b"},
        {"address": "x", "work_dir": "/a\n"},
        {"address": "x", "python": "python3; reboot"},
        {"address": "x", "python": "-c"},
        {"address": "x", "python": "$(reboot)"},
        {"address": "x", "host_key": "ssh-ed25519 AAAA\nother ssh-rsa BBBB"},
        {"address": "x", "password": "x"},
    ],
)
def test_what_could_mean_something_to_a_shell_is_refused(fields: dict[str, str]) -> None:
    with pytest.raises(UsageError):
        DeviceSpec.of(**fields)


def test_addresses() -> None:
    assert Address.of("host") == Address("host")
    assert Address.of("me@10.0.0.5:22") == Address("10.0.0.5", "me", 22)
    assert Address.of("me@[fe80::1]:2222") == Address("fe80::1", "me", 2222)


def test_a_fingerprint_is_written_as_openssh_writes_it() -> None:
    key = "AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl"
    spec = DeviceSpec(address="github.com", host_key=f"ssh-ed25519 {key}")
    assert spec.fingerprint == "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU"


@given(
    st.dictionaries(
        st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}", fullmatch=True).filter(
            lambda name: name not in ("local", "all")
        ),
        st.builds(
            DeviceSpec,
            transport=st.just("adb"),
            address=st.from_regex(r"[A-Za-z0-9._@:\[\]-]{1,40}", fullmatch=True),
            work_dir=st.from_regex(r"~(/[A-Za-z0-9_+-][A-Za-z0-9._+-]{0,9}){1,3}", fullmatch=True),
            emulated=st.booleans(),
        ),
        max_size=4,
    )
)
def test_whatever_is_added_is_read_back(entries: dict[str, DeviceSpec]) -> None:
    place = Path("devices.toml")
    place.write_text("# here\n")
    for name, entry in entries.items():
        inventory.add(name, entry)
    assert inventory.load() == entries
    for name in entries:
        inventory.remove(name)
    assert inventory.load() == {}


@given(st.text())
def test_no_text_is_more_than_a_broken_file(text: str) -> None:
    Path("devices.toml").write_text(text, encoding="utf-8", errors="replace")
    try:
        found = inventory.load()
    except DataError:
        return
    assert all(isinstance(entry, DeviceSpec) for entry in found.values())
