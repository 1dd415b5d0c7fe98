"""A server of its own, and a browser that tells everything it dislikes: see scripts/test_browser.sh."""

import os
import shutil
import socket
import subprocess
import time
import urllib.request

import pytest
from playwright.sync_api import sync_playwright

TOOL = os.environ.get("SPECCLIP", ".build/release/specclip")
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
# What the page may take: other work goes on beside a test.
PATIENCE = 60_000


def free_port():
    with socket.socket() as door:
        door.bind(("127.0.0.1", 0))
        return door.getsockname()[1]


class Server:
    """`specclip serve` on a port of its own, ended with what uses it."""

    def __init__(self, folder, *words):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / f"server-{self.port}.log"
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                [TOOL, "serve", "--port", str(self.port), *words], stdout=log, stderr=subprocess.STDOUT
            )
        ends = time.monotonic() + 60
        while True:
            try:
                urllib.request.urlopen(f"{self.url}/health", timeout=5).close()
                return
            except OSError:
                if self.process.poll() is not None or time.monotonic() > ends:
                    raise AssertionError(f"specclip serve does not answer:\n{self.log.read_text(errors='replace')}")
                time.sleep(0.1)

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("browser")


@pytest.fixture(scope="session")
def base(folder):
    """The address of the page: SPECCLIP_URL, where a server runs already, or one that is started here."""
    if url := os.environ.get("SPECCLIP_URL"):
        yield url
        return
    server = Server(folder)
    yield server.url
    server.stop()


@pytest.fixture(scope="session")
def browser():
    with sync_playwright() as playwright:
        # Without a sandbox: tests run as root in containers, where there is none to be had.
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Complaints:
    """What a page should never cause: script errors, content that its policy forbids, requests elsewhere."""

    def __init__(self, page, base):
        self.found = []
        self.expected = []
        page.on("console", lambda message: message.type in ("error", "warning") and self.found.append(message.text))
        page.on("pageerror", lambda error: self.found.append(f"script: {error}"))
        page.on("request", lambda request: self.request(request.url, base))

    def request(self, url, base):
        if not url.startswith((base, "blob:", "data:")):
            self.found.append(f"request elsewhere: {url}")

    def left(self):
        return [text for text in self.found if not any(part in text for part in self.expected)]


@pytest.fixture
def open_page(browser, base):
    """Opens a page in a context of its own; afterwards nothing may have been complained of."""
    opened = []

    def open(address="/", url=None, expected=(), is_open=True, **options):
        options = {"viewport": {"width": 1280, "height": 900}, "accept_downloads": True, **options}
        context = browser.new_context(**options)
        context.set_default_timeout(PATIENCE)
        page = context.new_page()
        complaints = Complaints(page, url or base)
        complaints.expected = expected
        opened.append((page, complaints))
        page.goto((url or base) + address)
        page.wait_for_selector("html[data-ready]" if is_open else "dialog[open]")
        return page

    yield open
    for page, complaints in opened:
        # Sessions of a server that others use, too, are not left to its patience.
        session = page.url.partition("#/")[2].split("/")[0]
        if session and page.url.startswith(base):
            page.request.delete(f"{base}/v1/sessions/{session}")
        page.context.close()
    assert [text for _, complaints in opened for text in complaints.left()] == []
