"""Nothing is let in that should stay out.

Foreign pages, wrong keys, paths outside the folders, files that are no images.
"""

import asyncio
import io
import json
import socket
import struct
import zipfile
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import aiohttp
import msgpack
import pytest
from plain_requests import ask, base_of, cookie_of, status_of, token_of
from SlicePropagationWeb.guard import COOKIE
from SlicePropagationWeb.serve import free_port
from SlicePropagationWeb.transfer import TAB_HEADER
from web_files import ct, write_image

from SlicePropagationLib.errors import ConfigError

MIB = 1024**2


def upload(bench, name, content, tab=None):
    """(status, answer) of an upload of one file by the tab that has the session."""
    if not bench.data.owner:
        bench.call(bench.application.session_lock.take_over, "tab of the test")
    owner = bench.data.owner
    what = f'Content-Disposition: form-data; name="file"; filename="{name}"'
    body = f"--border\r\n{what}\r\n\r\n".encode() + content + b"\r\n--border--\r\n"
    headers = {
        "Content-Type": "multipart/form-data; boundary=border",
        TAB_HEADER: owner if tab is None else tab,
    }
    status, _, text = ask(bench.address, "/upload", "POST", headers, body)
    return status, json.loads(text)


def image_bytes(folder):
    """A whole .nrrd file."""
    path = folder / "image.nrrd"
    return write_image(path, ct()).read_bytes()


def check_refused(bench, name, content):
    status, _ = upload(bench, name, content)
    assert status == 415


def left_in(bench):
    """Names of all that lies in the folder of uploads."""
    folder = bench.out / "uploads"
    return sorted(path.name for path in folder.glob("**/*"))


def write_secret(bench):
    """A file beside the folder of results; returns its path."""
    path = bench.out.parent / "secret.txt"
    path.write_text("root:secret", encoding="utf-8")
    return path


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/slice_propagation/../../command_labels.py",
        "/slice_propagation/../command_labels.py",
        "/slice_propagation/..%2fcommand_labels.py",
        "/download/..%2f..%2f..%2fetc%2fpasswd",
        "/download/%2e%2e%2fsecret.txt",
        "/download//etc/passwd",
        "/download/uploads",
    ],
)
def test_no_path_leads_out_of_the_folders(bench, path):
    write_secret(bench)
    status, _, text = ask(bench.address, path)
    assert status in (403, 404)
    assert "root:" not in text
    assert "COMMANDS" not in text


def test_a_link_in_the_result_folder_is_not_followed_out_of_it(bench):
    secret = write_secret(bench)
    link = bench.out / "link.txt"
    link.symlink_to(secret)
    assert status_of(bench.address, "/download/link.txt") == 404


def test_a_foreign_host_name_and_a_foreign_page_are_refused(bench):
    assert status_of(bench.address, "/index.html") == 200
    host = {"Host": "evil.example"}
    assert status_of(bench.address, "/index.html", headers=host) == 403
    origin = {"Origin": "http://evil.example"}
    assert status_of(bench.address, "/paraview/", "POST", origin) == 403


def test_the_page_may_load_nothing_from_elsewhere(bench):
    _, headers, _ = ask(bench.address, "/index.html")
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "http:" not in policy
    assert "*" not in policy


def test_nobody_learns_which_versions_answer(bench):
    _, headers, _ = ask(bench.address, "/index.html")
    assert "aiohttp" not in headers["Server"]


async def greet(address, key):
    """What the socket answers to a greeting with a key."""
    async with (
        aiohttp.ClientSession(headers=cookie_of(address)) as session,
        session.ws_connect(base_of(address).replace("http", "ws") + "ws") as socket,
    ):
        await socket.send_bytes(greeting(key))
        answer = await socket.receive(timeout=10)
        return answer.data


def greeting(key):
    """A greeting with a key, as wslink writes it: id, offset and length before the message."""
    content = {
        "wslink": "1.0",
        "id": "system:c0:0",
        "method": "wslink.hello",
        "args": [{"secret": key}],
        "kwargs": {},
    }
    message = msgpack.packb(content)
    assert message is not None
    return struct.pack("<III", 0, 0, len(message)) + message


def answer_to(address, key):
    """What `greet` returns; in a thread of its own, as Playwright's event loop runs in this one."""
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(asyncio.run, greet(address, key))
        return answer.result()


def test_the_fixed_key_of_the_wire_protocol_opens_nothing(bench):
    assert b"Authentication failed" in answer_to(bench.address, "wslink-secret")
    _, _, text = ask(bench.address, "/paraview/", "POST")
    key = json.loads(text)["secret"]
    assert b"clientID" in answer_to(bench.address, key)


def test_an_oversized_upload_is_refused_and_leaves_nothing(bench, page):
    status, answer = upload(bench, "big.nrrd", bytes(31 * MIB))
    assert status == 413
    assert "larger than 30 MiB" in answer["error"]
    assert left_in(bench) == []
    page.wait_for_selector("text=larger than 30 MiB")


@pytest.mark.parametrize(
    "name, content",
    [
        ("notes.txt", b"hello"),
        ("script.py", b"import os"),
        ("image.nii.gz", b"not an image at all"),
        ("image.nrrd", b"NRRD0004\ntype: float\n"),
        ("../../evil.sh", b"#!"),
    ],
)
def test_what_is_no_image_is_refused_and_leaves_nothing(bench, name, content):
    status, answer = upload(bench, name, content)
    assert status == 415
    assert answer["error"]
    assert str(bench.out) not in answer["error"]
    assert left_in(bench) == []
    assert not (bench.out.parent / "evil.sh").exists()


def test_a_truncated_image_is_refused(bench, tmp_path):
    content = image_bytes(tmp_path)
    half = len(content) // 2
    status, _ = upload(bench, "image.nrrd", content[:half])
    assert status == 415
    assert left_in(bench) == []


NRRD = b"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 4 4 4\nencoding: raw\n"
META = b"ObjectType = Image\nNDims = 3\nDimSize = 4 4 4\nElementType = MET_UCHAR\n"


@pytest.mark.parametrize(
    "name, content",
    [
        ("secret.nrrd", NRRD + b"data file: /etc/passwd\n\n"),
        ("secret.nrrd", NRRD + b"DATAFILE: ../../../secret.txt\n\n"),
        (
            "secret.nrrd",
            NRRD
            + 2000 * b"# a remark of forty signs, and so on.....\n"
            + b"data file: /etc/passwd\n\n",
        ),
        ("secret.mha", META + b"ElementDataFile = /etc/passwd\n"),
        ("secret.mha", META + b"ElementDataFile = LOCAL\nElementDataFile = /etc/passwd\n"),
        ("secret.mhd", META + b"ElementDataFile = /etc/passwd\n"),
        ("secret.nhdr", NRRD + b"data file: /etc/passwd\n\n"),
    ],
)
def test_a_header_that_names_a_file_of_the_server_is_refused(bench, name, content):
    status, answer = upload(bench, name, content)
    assert status == 415
    assert "not a kind of image that is taken here" in answer["error"]
    assert left_in(bench) == []


def zipped(members, compression=zipfile.ZIP_DEFLATED):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


def test_an_archive_cannot_write_outside_its_folder_nor_unpack_beyond_the_limit(bench, tmp_path):
    slip = zipped([("../../../evil.sh", b"#!"), ("/etc/evil.sh", b"#!")])
    check_refused(bench, "slip.zip", slip)
    bomb = zipped([("bomb.nrrd", bytes(200 * MIB))])
    status, answer = upload(bench, "bomb.zip", bomb)
    assert status == 413
    assert "unpacks to something larger than 30 MiB" in answer["error"]
    files = [(f"{number}.dcm", b"") for number in range(5001)]
    check_refused(bench, "many.zip", zipped(files))
    image = ("image.nrrd", image_bytes(tmp_path))
    whole = zipped([image], zipfile.ZIP_STORED)
    check_refused(bench, "broken.zip", whole.replace(b"NRRD", b"nrrd"))
    assert left_in(bench) == []
    assert not list(bench.out.parent.glob("**/evil.sh"))


def test_a_tab_without_the_session_uploads_nothing(bench, tmp_path):
    for tab in ("", "another tab"):
        image = image_bytes(tmp_path)
        status, answer = upload(bench, "image.nrrd", image, tab)
        assert status == 409
        assert "another tab" in answer["error"]
        assert left_in(bench) == []


def test_the_page_cannot_open_or_write_outside_its_folders(bench, page):
    outside = bench.out / "uploads/../../secret.txt"
    for path in ("/etc/passwd", str(outside)):
        page.evaluate("path => window.trame.trigger('command', ['load', path])", path)
        bench.wait_for_text(page, "outside the folders")
        bench.call(setattr, bench.data, "message", "")
    bench.call(setattr, bench.data, "save_name", "../../evil")
    page.evaluate("window.trame.trigger('command', ['write'])")
    bench.wait_for_text(page, "cannot be a file name")
    assert list(bench.out.parent.glob("evil*")) == []


def check_that_the_token_is_demanded(printed):
    """At an address that the program printed: nothing without the token, everything with it."""
    base = base_of(printed)
    assert status_of(base, "/index.html") == 403
    assert status_of(base, "/ws") == 403
    assert status_of(base, "/paraview/", "POST") == 403
    assert status_of(base, "/upload", "POST") == 403
    assert status_of(base, "/?token=wrong") == 403
    status, headers, _ = ask(base, f"/?token={token_of(printed)}")
    assert status == 302
    assert "token" not in headers["Location"]
    assert "HttpOnly" in headers["Set-Cookie"]
    cookie = headers["Set-Cookie"].split(";")[0]
    assert status_of(base, "/index.html", headers={"Cookie": cookie}) == 200


def test_another_address_demands_the_token(tmp_path, start):
    printed = start(tmp_path, "--host", "0.0.0.0").address
    check_that_the_token_is_demanded(printed.replace("0.0.0.0", "127.0.0.1"))


def test_this_machine_s_own_address_demands_the_token_too(bench):
    check_that_the_token_is_demanded(bench.address)


def test_the_cookie_of_another_port_opens_nothing_and_is_not_replaced(bench):
    base = base_of(bench.address)
    port = urlsplit(base).port
    token = token_of(bench.address)
    other = {"Cookie": f"{COOKIE}_{port + 1}={token}"}
    assert status_of(base, "/index.html", headers=other) == 403
    _, headers, _ = ask(base, f"/?token={token}", headers=other)
    assert headers["Set-Cookie"].startswith(f"{COOKIE}_{port}=")


def test_without_a_token_only_who_means_it_lets_everybody_in(tmp_path, start):
    program = start(tmp_path, "--no-token")
    assert "token" not in program.address
    assert status_of(program.address, "/index.html") == 200
    foreign = {"Host": "evil.example"}
    assert status_of(program.address, "/index.html", headers=foreign) == 403
    assert any("every account of this machine" in line for line in program.lines)


@pytest.mark.parametrize(
    "path, headers",
    [
        ("/download/%00", {}),
        ("/%00", {}),
        ("/index.html?token=%00", {}),
        ("/assets/%00.js", {}),
        ("/download/" + 4000 * "a", {}),
        ("/index.html", {"Cookie": f"{COOKIE}=\xff"}),
        ("/index.html", {"Cookie": "\xff\xfe=\x80"}),
        ("/index.html", {"Cookie": "a=b\x01"}),
        ("/index.html", {"Host": "\xff"}),
        ("/index.html", {"Host": "127.0.0.1:port"}),
        ("/index.html", {"Host": "127.0.0.1:999999"}),
        ("/index.html", {"Origin": "\xff"}),
    ],
)
def test_what_cannot_be_read_is_a_bad_request(bench, path, headers):
    for key in ("Cookie", "Host", "Origin"):
        if key in headers:
            headers = {key: headers[key].encode("latin-1")}
    status, _, text = ask(bench.address, path, headers=headers)
    assert status == 400
    assert "Traceback" not in text


def test_what_is_no_request_is_told_in_one_line_without_a_traceback(bench, caplog):
    where = urlsplit(bench.address)
    with socket.create_connection((where.hostname, where.port), timeout=10) as line:
        line.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: \x1b[31mten\r\n\r\n")
        assert line.recv(100).startswith(b"HTTP/1.0 400")
    [record] = [record for record in caplog.records if record.name == "aiohttp.server"]
    assert "Content-Length" in record.getMessage()
    assert record.exc_info is None


def test_an_address_that_is_not_this_machine_s_is_refused_without_a_port_that_nobody_asked_for():
    with pytest.raises(ConfigError, match=r"at 192\.0\.2\.1 \(.* --host or --port"):
        free_port("192.0.2.1")
    with pytest.raises(ConfigError, match=r"at 192\.0\.2\.1, port 80 \("):
        free_port("192.0.2.1", 80)
