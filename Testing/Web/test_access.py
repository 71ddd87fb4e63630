"""How a person gets in, and nobody else: the file for the browser, TLS, what the terminal shows."""

import logging
import shutil
import ssl
import stat
import subprocess
import sys
import urllib.request
import webbrowser

import pytest
from SlicePropagationWeb.encryption import encryption
from SlicePropagationWeb.private_link import open_browser, remove_links
from SlicePropagationWeb.terminal import make_log_visible, visible
from web_bench import open_page

from SlicePropagationLib.errors import ConfigError

ADDRESS = "http://127.0.0.1:8642/?token=s3cret"
HAS_ARGUMENTS = pytest.mark.skipif(
    sys.platform == "win32",
    reason="other accounts do not see a program's arguments there",
)


@pytest.fixture
def opened(monkeypatch):
    """The addresses that a browser was asked to open."""
    addresses = []
    monkeypatch.setattr(webbrowser, "open", addresses.append)
    return addresses


@HAS_ARGUMENTS
def test_the_token_is_no_argument_of_the_browser_but_in_a_file_of_the_owner(tmp_path, opened):
    link = open_browser(ADDRESS, tmp_path)
    assert link is not None
    assert opened == [link.as_uri()]
    assert "s3cret" not in opened[0]
    assert ADDRESS in link.read_text(encoding="utf-8")
    assert stat.S_IMODE(link.stat().st_mode) == 0o600
    remove_links(tmp_path)
    assert list(tmp_path.iterdir()) == []


@HAS_ARGUMENTS
def test_the_file_leads_a_real_browser_to_the_page(bench, browser, tmp_path, opened):
    bench.open_sample()
    link = open_browser(bench.address, tmp_path)
    assert link is not None
    page = open_page(browser, link.as_uri())
    page.wait_for_selector("[data-slice]", state="attached")
    assert "token" not in page.url
    page.close()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """(certificate, key) of 127.0.0.1, made on the spot."""
    program = shutil.which("openssl")
    if program is None:
        pytest.skip("needs the program openssl")
    folder = tmp_path_factory.mktemp("tls")
    names = [folder / "page.pem", folder / "page.key"]
    words = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        "-subj",
        "/CN=127.0.0.1",
    ]
    words += ["-addext", "subjectAltName=IP:127.0.0.1", "-out", names[0], "-keyout", names[1]]
    subprocess.run([program, *map(str, words)], check=True, capture_output=True)
    return names


def test_with_a_certificate_the_page_is_encrypted_and_its_cookie_too(tmp_path, start, certificate):
    pem, key = certificate
    program = start(tmp_path, "--certificate", pem, "--key", key)
    assert program.address.startswith("https://127.0.0.1:")
    trusting = ssl.create_default_context(cafile=str(pem))
    cookies = urllib.request.HTTPCookieProcessor()
    opener = urllib.request.build_opener(urllib.request.HTTPSHandler(context=trusting), cookies)
    with opener.open(program.address, timeout=30) as answer:
        assert answer.status == 200
    [cookie] = cookies.cookiejar
    assert cookie.secure
    assert encryption(pem, key) is not None


def test_a_certificate_that_cannot_be_used_is_refused_with_a_sentence(tmp_path, certificate):
    pem, key = certificate
    assert encryption(None) is None
    with pytest.raises(ConfigError, match="no certificate; name it with --certificate"):
        encryption(None, key)
    with pytest.raises(ConfigError, match="nowhere.pem cannot be read"):
        encryption(tmp_path / "nowhere.pem", key)
    with pytest.raises(ConfigError, match="cannot be used for encryption"):
        encryption(pem)
    with pytest.raises(ConfigError, match="cannot be used for encryption"):
        encryption(key, pem)


def test_the_terminal_shows_control_signs_and_does_not_obey_them(capsys):
    assert visible("two\nlines\tä\x1b[2J\x9b1m\u202e") == "two\nlines\tä\\x1b[2J\\x9b1m\\u202e"
    handler = logging.StreamHandler(sys.stderr)
    root = logging.getLogger()
    root.addHandler(handler)
    make_log_visible()
    try:
        logging.getLogger("a").warning("file \x1b]0;title\x07")
    finally:
        root.removeHandler(handler)
    printed = capsys.readouterr().err
    assert "file \\x1b]0;title\\x07" in printed
    assert "\x1b" not in printed
