"""What kind of device this is, by its own account: its device tree and its release files."""

from __future__ import annotations

from pathlib import Path
from typing import Dict, List, Sequence

from edgekit.measure.environment import device_tree, read
from edgekit.measure.jetson import jetpack, l4t

JETSON, RASPBERRY_PI, LINUX = "jetson", "raspberry-pi", "linux"
_RELEASE = "etc/nv_tegra_release"
_DMI = "sys/class/dmi/id"
# What a device tree's `compatible` begins with, and the kind of board that it tells of. The
# maker of the board comes before the maker of its chip.
_MAKERS = (("raspberrypi,", RASPBERRY_PI), ("nvidia,tegra", JETSON))


def board(root: Path) -> Dict[str, str]:
    """What kind of device it is.

    Args:
        root: Where the system's files are.

    Returns:
        `board.kind`: `jetson`, `raspberry-pi` or `linux`; `board.model`, as its maker calls it;
        `board.soc`, its chip, as in `tegra234`; of a Jetson `board.l4t`, the release of its
        system, as in `36.4.3`, and `board.jetpack`, the major version that it belongs to.
    """
    compatible = device_tree(root, "compatible").split("\0")
    release = l4t(read(root / _RELEASE))
    facts = {
        "board.kind": _kind(compatible, release),
        "board.model": device_tree(root, "model") or _from_firmware(root),
        "board.soc": _soc(compatible),
        "board.l4t": release,
        "board.jetpack": jetpack(release),
    }
    return {name: value for name, value in facts.items() if value}


def _kind(compatible: Sequence[str], release: str) -> str:
    for maker, kind in _MAKERS:
        if any(word.startswith(maker) for word in compatible):
            return kind
    # In a container the device tree may be hidden; NVIDIA's runtime shows the release.
    return JETSON if release else LINUX


def _soc(compatible: Sequence[str]) -> str:
    """The chip: the last word, since the list goes from the board to what it has in common."""
    words: List[str] = [word for word in compatible if "," in word]
    return words[-1].partition(",")[2] if words else ""


def _from_firmware(root: Path) -> str:
    words = (read(root / _DMI / name) for name in ("sys_vendor", "product_name"))
    return " ".join(filter(None, words))
