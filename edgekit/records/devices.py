"""Records of devices: what one says of itself, and what is found when it is looked at."""

from dataclasses import dataclass, field
from typing import Literal

from edgekit.records.findings import Disturbance


@dataclass(frozen=True, slots=True)
class HostKey:
    """The key by which a machine proves that it is itself.

    Attributes:
        public: The public key, as `ssh-ed25519 AAAA...`.
        fingerprint: Its digest for people, as `SHA256:...`.
    """

    public: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class DeviceFacts:
    """What a device's agent says of it; what it can't tell is None or empty.

    Attributes:
        python: Version of its Python; empty where it has none, as phones.
        machine: Its processor's architecture, as `uname -m` says; of a phone its ABI.
        platform: What Python's wheels call it.
        bits: Bits of a pointer in that Python: 32 also on some 64-bit systems.
        glibc: Its C library, as `glibc 2.31`.
        kernel: Release of its kernel.
        model: Name of the board.
        l4t: NVIDIA's release of its system.
        cpus: CPUs that a job may use.
        memory_bytes: Memory that a job may use at most.
        available_bytes: Memory that is free.
        disk_free_bytes: Free on the disk of the folder that edgekit works in.
        governor: What decides on the clock of its first CPU.
        temperatures_c: Temperatures by thermal zone, in degrees Celsius.
        packages: Versions of runtimes that are installed there.
        programs: Paths of programs that edgekit can use.
        system: Name and release of its system, of a phone.
        big_cpus: Of its CPUs, how many are of the strongest kind; 0 where it isn't told.
        thermal_status: What Android says of its heat: from 0, none, to 6, shutdown.
        battery: How full its battery is, and what it does.
        holder: Who measures on it now; empty if nobody does.
    """

    python: str
    machine: str
    platform: str = ""
    bits: int = 64
    glibc: str = ""
    kernel: str = ""
    model: str = ""
    l4t: str = ""
    cpus: int = 1
    memory_bytes: int | None = None
    available_bytes: int | None = None
    disk_free_bytes: int = 0
    governor: str = ""
    temperatures_c: dict[str, float] = field(default_factory=dict)
    packages: dict[str, str] = field(default_factory=dict)
    programs: dict[str, str] = field(default_factory=dict)
    system: str = ""
    big_cpus: int = 0
    thermal_status: int | None = None
    battery: str = ""
    holder: str = ""


@dataclass(frozen=True, slots=True)
class DeviceEntry:
    """A device of the inventory, as it is listed.

    Attributes:
        name: Its name.
        transport: What reaches it.
        address: Where.
        fingerprint: That of its host key; empty where the user's `known_hosts` has the key.
        work_dir: Folder there that edgekit works in.
        python: Its Python.
        emulated: Whether it is no real hardware.
        file: The inventory that it stands in.
        benchmark_model: Of a phone: the path here of the program that runs models there.
    """

    name: str
    transport: str
    address: str
    fingerprint: str
    work_dir: str
    python: str
    emulated: bool
    file: str
    benchmark_model: str = ""


@dataclass(frozen=True, slots=True)
class DeviceRuntime:
    """A runtime on a device: there, brought when it is needed, or missing.

    Attributes:
        name: Its name.
        state: `there`, `brought` or `missing`.
        versions: Versions of its packages: of those that are there, or of what would be brought.
        size_bytes: Size of what would be brought; None where that isn't known yet.
        why: Where it is missing, why it can't be brought.
        install: Where it is missing, how to get it.
    """

    name: str
    state: Literal["there", "brought", "missing"]
    versions: dict[str, str]
    size_bytes: int | None = None
    why: str = ""
    install: str = ""


@dataclass(frozen=True, slots=True)
class DeviceCheck:
    """A device that was reached and looked at.

    Attributes:
        name: Its name.
        facts: What it says of itself.
        runtimes: What can run model files there, and how to get what is missing.
        disturbances: What would disturb a measurement.
        emulated: Whether it is no real hardware.
        machine: What doesn't change while it runs; empty where it wasn't looked at.
        state: What changes: clocks, load, pressure, heat, memory; empty where it wasn't looked at.
        unseen: Why it wasn't looked at; empty if it was.
    """

    name: str
    facts: DeviceFacts
    runtimes: tuple[DeviceRuntime, ...]
    disturbances: tuple[Disturbance, ...]
    emulated: bool = False
    machine: dict[str, str] = field(default_factory=dict)
    state: dict[str, str] = field(default_factory=dict)
    unseen: str = ""
