"""What a training is at the end of an epoch, on disk: whole, or not there."""

from __future__ import annotations

import io
import os
import pickle
import zipfile
from pathlib import Path
from typing import Any

import msgspec
import torch

from edgekit import publishing
from edgekit.errors import DataError, UsageError
from edgekit.records.training import Epoch

NAME = "checkpoint.pt"
_AGAIN = "remove it to begin again, or give another folder with --out"


class Checkpoint:
    """The checkpoint of one training.

    Args:
        folder: Where it lies.
        plan: Digest of everything that decides what comes of the training.
    """

    def __init__(self, folder: Path, plan: str) -> None:
        self.path = folder / NAME
        self._plan = plan

    def save(self, state: dict[str, Any], epochs: list[Epoch]) -> None:
        """Put it in the place of the one before, which stays until this one is whole.

        Args:
            state: Tensors, numbers and containers of them.
            epochs: Every epoch so far.

        Raises:
            DataError: The disk is full or read-only.
        """
        buffer = io.BytesIO()
        rows = msgspec.json.encode(epochs).decode()
        torch.save({**state, "plan": self._plan, "epochs": rows}, buffer)
        aside = self.path.with_suffix(".part")
        with publishing.disk_errors(self.path):
            try:
                with aside.open("wb") as file:
                    file.write(buffer.getbuffer())
                    file.flush()
                    os.fsync(file.fileno())
                aside.replace(self.path)
            finally:
                aside.unlink(missing_ok=True)

    def load(self, device: torch.device) -> tuple[dict[str, Any], list[Epoch]] | None:
        """The state and the epochs so far; None where nothing was saved yet.

        Raises:
            UsageError: It is of another training.
            DataError: It can't be read.
        """
        if not self.path.exists():
            return None
        try:
            content = torch.load(self.path, map_location=device, weights_only=True)
            plan = content.pop("plan")
            epochs = msgspec.json.decode(content.pop("epochs"), type=list[Epoch])
        except (
            OSError,
            RuntimeError,
            EOFError,
            LookupError,
            AttributeError,
            pickle.UnpicklingError,
            zipfile.BadZipFile,
            msgspec.MsgspecError,
        ) as error:
            message = f"{self.path} can't be read: {str(error).partition('. ')[0]}"
            raise DataError(message, hint=_AGAIN) from error
        if plan != self._plan:
            message = f"{self.path} is of another training: other data, model or settings"
            raise UsageError(message, hint=_AGAIN)
        return content, epochs
