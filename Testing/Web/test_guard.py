"""Nothing is let in that should stay out: foreign pages, wrong keys, paths outside the folders, files that are no images."""

import asyncio
import http.client
import io
import json
import zipfile
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import aiohttp
import msgpack
import numpy as np
import pytest
import SimpleITK as sitk
from SlicePropagationWeb.serve import free_port
from SlicePropagationWeb.transfer import TAB_HEADER
from web_bench import wait_for

from SlicePropagationLib.errors import ConfigError


def ask(address, path, method="GET", headers=(), body=None):
    """(status, headers, text) of one request whose path is sent as it stands."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in {
        "Host": parts.netloc,
        "Content-Length": str(len(body or b"")),
    }.items() | dict(headers).items():
        if name not in dict(headers) or dict(headers)[name] == value:
            connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read().decode(errors="replace")


def upload(bench, name, content, tab=None):
    """(status, answer) of an upload of one file by the tab that has the session."""
    if not bench.application.data.owner:
        bench.call(bench.application.tenancy.take_over, "tab of the test")
    border = "border"
    body = (
        f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode()
        + content
        + f"\r\n--{border}--\r\n".encode()
    )
    headers = {
        "Content-Type": f"multipart/form-data; boundary={border}",
        TAB_HEADER: bench.application.data.owner if tab is None else tab,
    }
    status, _, text = ask(bench.address, "/upload", "POST", headers, body)
    return status, json.loads(text)


def image_bytes(folder, suffix=".nrrd"):
    path = folder / f"image{suffix}"
    sitk.WriteImage(
        sitk.GetImageFromArray(
            np.random.default_rng(0).normal(0, 50, (12, 40, 40)).astype(np.float32)
        ),
        str(path),
    )
    return path.read_bytes()


def left_in(folder):
    return sorted(path.name for path in folder.glob("**/*"))


@pytest.mark.parametrize(
    "path",
    [
        "/../../../../etc/passwd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/slice_propagation/../../words.py",
        "/slice_propagation/..%2f..%2fwords.py",
        "/download/..%2f..%2f..%2fetc%2fpasswd",
        "/download/%2e%2e%2fsecret.txt",
        "/download//etc/passwd",
        "/download/uploads",
    ],
)
def test_no_path_leads_out_of_the_folders(bench, path):
    (bench.out.parent / "secret.txt").write_text("root:secret", encoding="utf-8")
    status, _, text = ask(bench.address, path)
    assert status in (403, 404)
    assert "root:" not in text
    assert "COMMANDS" not in text


def test_a_link_in_the_result_folder_is_not_followed_out_of_it(bench):
    (bench.out.parent / "secret.txt").write_text("root:secret", encoding="utf-8")
    (bench.out / "link.txt").symlink_to(bench.out.parent / "secret.txt")
    assert ask(bench.address, "/download/link.txt")[0] == 404


def test_a_foreign_host_name_and_a_foreign_page_are_refused(bench):
    assert ask(bench.address, "/index.html")[0] == 200
    assert ask(bench.address, "/index.html", headers={"Host": "evil.example"})[0] == 403
    assert (
        ask(bench.address, "/paraview/", "POST", headers={"Origin": "http://evil.example"})[0]
        == 403
    )


def test_the_page_may_load_nothing_from_elsewhere(bench):
    policy = ask(bench.address, "/index.html")[1]["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "http:" not in policy
    assert "*" not in policy


async def greet(address, key):
    """What the socket answers to a greeting with a key."""
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(address.replace("http", "ws") + "ws") as socket,
    ):
        message = msgpack.packb(
            {
                "wslink": "1.0",
                "id": "system:c0:0",
                "method": "wslink.hello",
                "args": [{"secret": key}],
                "kwargs": {},
            }
        )
        head = b"\x00" * 4 + (0).to_bytes(4, "little") + len(message).to_bytes(4, "little")
        await socket.send_bytes(head + message)
        return (await socket.receive(timeout=10)).data


def answer_to(address, key):
    """What `greet` returns; in a thread of its own, as Playwright's event loop runs in this one."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, greet(address, key)).result()


def test_the_fixed_key_of_the_wire_protocol_opens_nothing(bench):
    assert b"Authentication failed" in answer_to(bench.address, "wslink-secret")
    key = json.loads(ask(bench.address, "/paraview/", "POST")[2])["secret"]
    assert b"clientID" in answer_to(bench.address, key)


def test_an_oversized_upload_is_refused_and_leaves_nothing(bench, page):
    status, answer = upload(bench, "big.nrrd", bytes(31 * 1024**2))
    assert status == 413
    assert "larger than 30 MiB" in answer["error"]
    assert left_in(bench.out / "uploads") == []
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
    assert left_in(bench.out / "uploads") == []
    assert not (bench.out.parent / "evil.sh").exists()


def test_a_truncated_image_is_refused(bench, tmp_path):
    content = image_bytes(tmp_path)
    assert upload(bench, "image.nrrd", content[: len(content) // 2])[0] == 415
    assert left_in(bench.out / "uploads") == []


@pytest.mark.parametrize(
    "name, content",
    [
        (
            "secret.nrrd",
            (
                b"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 4 4 4\nencoding: raw\ndata file:"
                b" /etc/passwd\n\n"
            ),
        ),
        (
            "secret.nrrd",
            (
                b"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 4 4 4\nencoding: raw\nDATAFILE:"
                b" ../../../secret.txt\n\n"
            ),
        ),
        (
            "secret.mha",
            (
                b"ObjectType = Image\nNDims = 3\nDimSize = 4 4 4\nElementType ="
                b" MET_UCHAR\nElementDataFile = /etc/passwd\n"
            ),
        ),
        (
            "secret.mhd",
            (
                b"ObjectType = Image\nNDims = 3\nDimSize = 4 4 4\nElementType ="
                b" MET_UCHAR\nElementDataFile = /etc/passwd\n"
            ),
        ),
        (
            "secret.nhdr",
            (
                b"NRRD0004\ntype: uint8\ndimension: 3\nsizes: 4 4 4\nencoding: raw\ndata file:"
                b" /etc/passwd\n\n"
            ),
        ),
    ],
)
def test_a_header_that_names_a_file_of_the_server_is_refused(bench, name, content):
    status, answer = upload(bench, name, content)
    assert status == 415
    assert "not a kind of image that is taken here" in answer["error"]
    assert left_in(bench.out / "uploads") == []


def zipped(members, compression=zipfile.ZIP_DEFLATED):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", compression) as archive:
        for name, content in members:
            archive.writestr(name, content)
    return packed.getvalue()


def test_an_archive_cannot_write_outside_its_folder_nor_unpack_beyond_the_limit(bench, tmp_path):
    assert (
        upload(bench, "slip.zip", zipped([("../../../evil.sh", b"#!"), ("/etc/evil.sh", b"#!")]))[0]
        == 415
    )
    status, answer = upload(bench, "bomb.zip", zipped([("bomb.nrrd", bytes(200 * 1024**2))]))
    assert status == 413
    assert "unpacks to something larger than 30 MiB" in answer["error"]
    assert (
        upload(bench, "many.zip", zipped([(f"{number}.dcm", b"") for number in range(5001)]))[0]
        == 415
    )
    assert (
        upload(
            bench,
            "broken.zip",
            zipped([("image.nrrd", image_bytes(tmp_path))], zipfile.ZIP_STORED).replace(
                b"NRRD",
                b"nrrd",
            ),
        )[0]
        == 415
    )
    assert left_in(bench.out / "uploads") == []
    assert not list(bench.out.parent.glob("**/evil.sh"))


def test_a_tab_without_the_session_uploads_nothing(bench, tmp_path):
    for tab in ("", "another tab"):
        status, answer = upload(bench, "image.nrrd", image_bytes(tmp_path), tab)
        assert status == 409
        assert "another tab" in answer["error"]
        assert left_in(bench.out / "uploads") == []


def test_the_page_cannot_open_or_write_outside_its_folders(bench, page):
    for command in (["load", "/etc/passwd"], ["load", str(bench.out / "uploads/../../secret.txt")]):
        page.evaluate("command => window.trame.trigger('command', command)", command)
        wait_for(page, lambda: "outside the folders" in bench.application.data.message)
        bench.call(setattr, bench.application.data, "message", "")
    bench.call(setattr, bench.application.data, "save_name", "../../evil")
    page.evaluate("window.trame.trigger('command', ['write'])")
    wait_for(page, lambda: "cannot be a file name" in bench.application.data.message)
    assert list(bench.out.parent.glob("evil*")) == []


def test_another_address_demands_the_token(tmp_path, start):
    base, token = (
        start(tmp_path, "--host", "0.0.0.0")
        .address.replace("0.0.0.0", "127.0.0.1")
        .split("?token=")
    )
    assert ask(base, "/index.html")[0] == 403
    assert ask(base, "/ws")[0] == 403
    assert ask(base, "/paraview/", "POST")[0] == 403
    assert ask(base, "/?token=wrong")[0] == 403
    status, headers, _ = ask(base, f"/?token={token}")
    assert status == 302
    assert "token" not in headers["Location"]
    assert "HttpOnly" in headers["Set-Cookie"]
    assert (
        ask(base, "/index.html", headers={"Cookie": headers["Set-Cookie"].split(";")[0]})[0] == 200
    )


def test_an_address_that_is_not_this_machine_s_is_refused_without_a_port_that_nobody_asked_for():
    with pytest.raises(ConfigError, match=r"at 192\.0\.2\.1 \(.* --host or --port"):
        free_port("192.0.2.1", None)
    with pytest.raises(ConfigError, match=r"at 192\.0\.2\.1, port 80 \("):
        free_port("192.0.2.1", 80)
