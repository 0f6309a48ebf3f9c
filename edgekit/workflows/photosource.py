"""What sources share whose networks take photos."""

from __future__ import annotations

from edgekit.quantization.schemes import STATIC
from edgekit.records import Format, Target
from edgekit.workflows.calibrate import PhotoSet, golden_set, held_out_set
from edgekit.workflows.int8 import Int8Plan


class PhotoSource:
    """Where the samples of a network that takes photos come from, and how 8 bits are used.

    Attributes:
        seed: Of the sample that is taken of many photos.
    """

    seed: int

    def scheme(self, target: Target, format: Format) -> str:  # noqa: ARG002 -- the same for all
        """Ranges from calibration."""
        return STATIC

    def golden(self) -> PhotoSet:
        """Photos that come with packages."""
        return golden_set()

    def calibration(self, plan: Int8Plan) -> PhotoSet:
        """The photos that the plan names, or those that come with packages."""
        return plan.calibration(self.seed)

    def held_out(self, plan: Int8Plan) -> PhotoSet:
        """Photos of the same folder that aren't calibrated on, or the golden ones."""
        return held_out_set(plan.calib)
