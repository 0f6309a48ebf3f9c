"""Fetching weights that libraries keep on the network, and not waiting where there is none."""

from __future__ import annotations

import queue
import re
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import huggingface_hub
import torch
from huggingface_hub import constants
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

# huggingface_hub tries again for most of a minute where there is no network; one probe says so
# at once. A refusal (HTTP 4xx) is an answer too: the download then says what is wrong.
PROBE_TIMEOUT_S = 3.0
# The base error of the library that speaks HTTP, which differs between versions, and OSError.
HTTP_ERRORS: Any = HfHubHTTPError.__bases__


def probe(url: str) -> None:
    """See whether the server of `url` answers.

    Raises:
        OSError: It doesn't, within `PROBE_TIMEOUT_S`.
    """
    server = urlsplit(url)
    if server.scheme not in {"https", "http"}:
        raise OSError(f"{url} is no web address")
    failures: queue.SimpleQueue[OSError | None] = queue.SimpleQueue()
    address = f"{server.scheme}://{server.netloc}"
    # In a thread of its own, since nothing else bounds the search for the server's name.
    threading.Thread(target=lambda: failures.put(_knock(address)), daemon=True).start()
    try:
        failure = failures.get(timeout=PROBE_TIMEOUT_S)
    except queue.Empty:
        raise OSError(f"no answer from {server.netloc} in {PROBE_TIMEOUT_S:g} s") from None
    if failure:
        reason = getattr(failure, "reason", failure)
        raise OSError(f"no connection to {server.netloc}: {reason}") from failure


def _knock(address: str) -> OSError | None:
    request = urllib.request.Request(address, method="HEAD")  # noqa: S310 -- probe checks it
    try:
        urllib.request.urlopen(request, timeout=PROBE_TIMEOUT_S).close()  # noqa: S310 -- as above
    except urllib.error.HTTPError as error:
        error.close()
    except OSError as error:
        return error
    return None


def cached(repository: str, names: Sequence[str]) -> Path | None:
    """The first of `names` that the local cache of the Hugging Face hub holds.

    Args:
        repository: Its id, with `@REVISION` where one is fixed.
        names: Files, the preferred first.
    """
    repo, _, revision = repository.partition("@")
    for name in names:
        found = huggingface_hub.try_to_load_from_cache(repo, name, revision=revision or None)
        if isinstance(found, str):
            return Path(found)
    return None


def fetch(repository: str, names: Sequence[str]) -> Path:
    """Download the first of `names` that `repository` has; arguments as in `cached`.

    Raises:
        OSError: It can't be had.
    """
    if constants.HF_HUB_OFFLINE:
        raise OSError("HF_HUB_OFFLINE is set")
    probe(constants.ENDPOINT)
    repo, _, revision = repository.partition("@")
    for name in names:
        try:
            return Path(huggingface_hub.hf_hub_download(repo, name, revision=revision or None))
        except EntryNotFoundError as error:
            if isinstance(error, LocalEntryNotFoundError):  # it could not be asked for
                raise OSError(str(error).splitlines()[0]) from error
        except HTTP_ERRORS as error:
            raise OSError(str(error).splitlines()[0]) from error
    raise FileNotFoundError(f"{repo} has none of {', '.join(names)}")


def _place(url: str) -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints" / Path(urlsplit(url).path).name


def cached_url(url: str) -> Path | None:
    """The file of `url` in torch's download folder, or None."""
    return _place(url) if _place(url).is_file() else None


def fetch_url(url: str) -> Path:
    """Download `url` to torch's download folder, and check the digest that its name holds.

    Raises:
        OSError: It can't be had, or is not what its name says.
    """
    probe(url)
    place = _place(url)
    place.parent.mkdir(parents=True, exist_ok=True)
    prefix = re.search(r"-([a-f0-9]{8,})\.", place.name)
    try:
        torch.hub.download_url_to_file(
            url, str(place), prefix and prefix.group(1), progress=sys.stderr.isatty()
        )
    except RuntimeError as error:  # what torch raises where the digest differs
        raise OSError(str(error)) from error
    return place
