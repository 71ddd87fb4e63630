"""Nothing is let in that should stay out: foreign pages, wrong keys, paths outside the folders, files that are no images."""

import asyncio
import http.client
import json
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

import aiohttp
import msgpack
import numpy as np
import pytest
import SimpleITK as sitk

from web_bench import wait_for


def ask(address, path, method="GET", headers=(), body=None):
    """(status, headers, text) of one request whose path is sent as it stands."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=30)
    connection.putrequest(method, path, skip_host=True, skip_accept_encoding=True)
    for name, value in {"Host": parts.netloc, "Content-Length": str(len(body or b""))}.items() | dict(headers).items():
        if name not in dict(headers) or dict(headers)[name] == value:
            connection.putheader(name, value)
    connection.endheaders(body)
    answer = connection.getresponse()
    return answer.status, dict(answer.getheaders()), answer.read().decode(errors="replace")


def upload(address, name, content):
    """(status, answer) of an upload of one file."""
    border = "border"
    body = f'--{border}\r\nContent-Disposition: form-data; name="file"; filename="{name}"\r\n\r\n'.encode() + content + f"\r\n--{border}--\r\n".encode()
    status, _, text = ask(address, "/upload", "POST", {"Content-Type": f"multipart/form-data; boundary={border}"}, body)
    return status, json.loads(text)


def image_bytes(folder, suffix=".nrrd"):
    path = folder / f"image{suffix}"
    sitk.WriteImage(sitk.GetImageFromArray(np.random.default_rng(0).normal(0, 50, (12, 40, 40)).astype(np.float32)), str(path))
    return path.read_bytes()


def left_in(folder):
    return sorted(path.name for path in folder.glob("**/*"))


@pytest.mark.parametrize("path", ["/../../../../etc/passwd", "/%2e%2e/%2e%2e/%2e%2e/etc/passwd", "/slice_propagation/../../words.py", "/slice_propagation/..%2f..%2fwords.py",
                                  "/download/..%2f..%2f..%2fetc%2fpasswd", "/download/%2e%2e%2fsecret.txt", "/download//etc/passwd", "/download/uploads"])
def test_no_path_leads_out_of_the_folders(bench, path):
    (bench.out.parent / "secret.txt").write_text("root:secret", encoding="utf-8")
    status, _, text = ask(bench.address, path)
    assert status in (403, 404) and "root:" not in text and "COMMANDS" not in text


def test_a_link_in_the_result_folder_is_not_followed_out_of_it(bench):
    (bench.out.parent / "secret.txt").write_text("root:secret", encoding="utf-8")
    (bench.out / "link.txt").symlink_to(bench.out.parent / "secret.txt")
    assert ask(bench.address, "/download/link.txt")[0] == 404


def test_a_foreign_host_name_and_a_foreign_page_are_refused(bench):
    assert ask(bench.address, "/index.html")[0] == 200
    assert ask(bench.address, "/index.html", headers={"Host": "evil.example"})[0] == 403
    assert ask(bench.address, "/paraview/", "POST", headers={"Origin": "http://evil.example"})[0] == 403


def test_the_page_may_load_nothing_from_elsewhere(bench):
    policy = ask(bench.address, "/index.html")[1]["Content-Security-Policy"]
    assert "default-src 'self'" in policy and "http:" not in policy and "*" not in policy


async def greet(address, key):
    """What the socket answers to a greeting with a key."""
    async with aiohttp.ClientSession() as session, session.ws_connect(address.replace("http", "ws") + "ws") as socket:
        message = msgpack.packb({"wslink": "1.0", "id": "system:c0:0", "method": "wslink.hello", "args": [{"secret": key}], "kwargs": {}})
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
    status, answer = upload(bench.address, "big.nrrd", bytes(31 * 1024 ** 2))
    assert status == 413 and "larger than 30 MiB" in answer["error"]
    assert left_in(bench.out / "uploads") == []
    page.wait_for_selector("text=larger than 30 MiB")


@pytest.mark.parametrize("name, content", [("notes.txt", b"hello"), ("script.py", b"import os"), ("image.nii.gz", b"not an image at all"), ("image.nrrd", b"NRRD0004\ntype: float\n"), ("../../evil.sh", b"#!")])
def test_what_is_no_image_is_refused_and_leaves_nothing(bench, name, content):
    status, answer = upload(bench.address, name, content)
    assert status == 415 and answer["error"] and str(bench.out) not in answer["error"]
    assert left_in(bench.out / "uploads") == [] and not (bench.out.parent / "evil.sh").exists()


def test_a_truncated_image_is_refused(bench, tmp_path):
    content = image_bytes(tmp_path)
    assert upload(bench.address, "image.nrrd", content[:len(content) // 2])[0] == 415
    assert left_in(bench.out / "uploads") == []


def test_an_image_is_uploaded_through_the_browser_and_opened(bench, page, tmp_path):
    (tmp_path / "mine.nrrd").write_bytes(image_bytes(tmp_path))
    page.click("[data-command=open]")
    with page.expect_file_chooser() as chooser:
        page.get_by_text("Upload a file").click()
    chooser.value.set_files(tmp_path / "mine.nrrd")
    wait_for(page, lambda: bench.application.data.volume_name == "mine.nrrd")
    page.wait_for_selector("text=40×40×12 voxels")
    for path in (bench.out / "uploads").iterdir():
        path.unlink()


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
    base, token = start(tmp_path, "--host", "0.0.0.0").address.replace("0.0.0.0", "127.0.0.1").split("?token=")
    assert ask(base, "/index.html")[0] == 403 and ask(base, "/ws")[0] == 403 and ask(base, "/paraview/", "POST")[0] == 403
    assert ask(base, "/?token=wrong")[0] == 403
    status, headers, _ = ask(base, f"/?token={token}")
    assert status == 302 and "token" not in headers["Location"] and "HttpOnly" in headers["Set-Cookie"]
    assert ask(base, "/index.html", headers={"Cookie": headers["Set-Cookie"].split(";")[0]})[0] == 200
