import hashlib
import http.server
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants

from edgekit.models import hub

CONTENT = b"weights"


class Server(http.server.BaseHTTPRequestHandler):
    """As much of a hub as a download needs: it has `plain.bin` of the repository `edge/net`."""

    def do_HEAD(self) -> None:
        self.answer(body=b"")

    def do_GET(self) -> None:
        self.answer(body=CONTENT)

    def answer(self, *, body: bytes) -> None:
        if self.path == "/":
            self.send_response(403)
        elif self.path.endswith("plain.bin") or self.path.endswith(".pth"):
            self.send_response(200)
            self.send_header("ETag", f'"{hashlib.sha256(CONTENT).hexdigest()}"')
            self.send_header("X-Repo-Commit", "0" * 40)
            self.send_header("Content-Length", str(len(CONTENT)))
        else:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("Content-Length", "0")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def address(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server)
    url = f"http://127.0.0.1:{server.server_port}"
    template = "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", url)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", url + template)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hf"))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path / "torch"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield url
    server.shutdown()
    server.server_close()
    thread.join()


def test_fetches_the_first_file_that_is_there_and_finds_it_again(address: str) -> None:
    names = ("missing.safetensors", "plain.bin")
    assert hub.cached("edge/net", names) is None
    assert hub.fetch("edge/net", names).read_bytes() == CONTENT
    found = hub.cached("edge/net", names)
    assert found
    assert found.read_bytes() == CONTENT


def test_says_what_the_hub_lacks(address: str) -> None:
    with pytest.raises(OSError, match=r"has none of a\.bin, b\.bin"):
        hub.fetch("edge/net", ("a.bin", "b.bin"))


def test_fetches_an_address_and_checks_the_digest_in_the_name(address: str) -> None:
    digest = hashlib.sha256(CONTENT).hexdigest()[:8]
    url = f"{address}/net-{digest}.pth"
    assert hub.cached_url(url) is None
    assert hub.fetch_url(url).read_bytes() == CONTENT
    assert hub.cached_url(url)
    with pytest.raises(OSError, match="hash"):
        hub.fetch_url(f"{address}/net-00000000.pth")
    assert hub.cached_url(f"{address}/net-00000000.pth") is None


def test_no_server_is_said_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    start = time.perf_counter()
    with pytest.raises(OSError, match=r"no connection to 127\.0\.0\.1:9"):
        hub.fetch("edge/net", ("a.bin",))
    assert time.perf_counter() - start < 10


def test_a_server_that_never_answers_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hub, "PROBE_TIMEOUT_S", 0.05)
    monkeypatch.setattr(hub, "_knock", lambda _: time.sleep(1))
    with pytest.raises(OSError, match=r"no answer from example\.org in 0\.05 s"):
        hub.probe("https://example.org/file")


def test_offline_mode_is_respected(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(OSError, match="HF_HUB_OFFLINE is set"):
        hub.fetch("edge/net", ("a.bin",))


def test_only_web_addresses_are_fetched() -> None:
    with pytest.raises(OSError, match="no web address"):
        hub.fetch_url("file:///etc/passwd")
