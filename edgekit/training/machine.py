"""What computes a training: a GPU in mixed precision where there is one, else the CPU."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch


@dataclass(frozen=True, slots=True)
class Machine:
    """What computes.

    Attributes:
        device: torch's device.
        dtype: What the network computes in where that is safe; weights stay float32.
    """

    device: torch.device
    dtype: torch.dtype

    @property
    def name(self) -> str:
        """`cpu`, or the name of the GPU."""
        if self.device.type == "cpu":
            return "cpu"
        return str(torch.cuda.get_device_name(self.device))

    @property
    def precision(self) -> str:
        """`float32`, `bfloat16` or `float16`."""
        return str(self.dtype).removeprefix("torch.")

    @property
    def rng_devices(self) -> list[torch.device]:
        """Devices with a random generator of their own."""
        return [] if self.device.type == "cpu" else [self.device]

    def mixed(self) -> contextlib.AbstractContextManager[Any]:
        """In which the network is run."""
        if self.dtype is torch.float32:
            return contextlib.nullcontext()
        mixed: contextlib.AbstractContextManager[Any] = torch.autocast(
            self.device.type, self.dtype
        )
        return mixed

    def scaler(self) -> torch.amp.GradScaler:
        """Keeps float16 gradients from vanishing; does nothing for other types."""
        return torch.amp.GradScaler(self.device.type, enabled=self.dtype is torch.float16)

    def moved(self, value: Any) -> Any:
        """Tensors in tuples, lists and dicts, on the device; images channels last.

        So laid out, depthwise and pointwise convolutions take two thirds of the time.
        """
        return _each(value, lambda tensor: _laid_out(tensor.to(self.device, non_blocking=True)))

    def home(self, value: Any) -> Any:
        """Tensors in tuples, lists and dicts, on the CPU, float32 where they are floats."""
        return _each(
            value,
            lambda tensor: (tensor.float() if tensor.is_floating_point() else tensor).cpu(),
        )


def here() -> Machine:
    """This machine."""
    if not torch.cuda.is_available():
        return Machine(torch.device("cpu"), torch.float32)
    half = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    return Machine(torch.device("cuda"), half)


def _laid_out(tensor: torch.Tensor) -> torch.Tensor:
    images = tensor.ndim == 4  # noqa: PLR2004 -- N, C, H, W
    return tensor.to(memory_format=torch.channels_last) if images else tensor


def _each(value: Any, change: Any) -> Any:
    match value:
        case torch.Tensor():
            return change(value)
        case Mapping():
            return {key: _each(each, change) for key, each in value.items()}
        case list() | tuple():
            return type(value)(_each(each, change) for each in value)
        case _:
            return value
