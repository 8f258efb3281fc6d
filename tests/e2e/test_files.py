"""Files over HTTP and commands: what is stored, what is served, and what no name reaches."""

import base64
import http.client
import os

import pytest

from strowger import ADMIN, ADMIN_PASSWORD, Server

SECRET = b"this must never leave"


@pytest.fixture(scope="module")
def server():
    with Server(filesquota="1", filestoragequota="1") as running:
        running.alice = running.account("alice")
        running.account("bob")
        web = running.folder / "mvweb"
        (web / "sub").mkdir(parents=True, exist_ok=True)
        (web / "index.html").write_text("<p>front</p>")
        (web / "sub" / "a b.txt").write_bytes(bytes(range(48, 58)))
        (web / ".hidden").write_bytes(SECRET)
        (running.folder / "secret").write_bytes(SECRET)
        os.symlink(running.folder / "secret", web / "link")
        os.symlink(running.folder, web / "out")
        yield running


def get(server, path, method="GET", body=None, **headers):
    """Status, headers and body of one raw request: nothing is normalised on the way."""
    connection = http.client.HTTPConnection("127.0.0.1", server.ready["main"], timeout=15)
    connection.putrequest(method, path, skip_accept_encoding=True)
    if body is not None:
        connection.putheader("Content-Length", str(len(body)))
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    if body:
        connection.send(body)
    answer = connection.getresponse()
    read = answer.read()
    connection.close()
    return answer.status, {name.lower(): value for name, value in answer.getheaders()}, read


def test_static_files_with_ranges_and_tags(server):
    status, headers, body = get(server, "/mvweb/sub/a%20b.txt")
    assert (status, body) == (200, b"0123456789")
    assert headers["content-type"].startswith("text/plain") and headers["x-content-type-options"] == "nosniff"
    tag = headers["etag"]
    assert get(server, "/mvweb/sub/a%20b.txt", If_None_Match=tag)[::2] == (304, b"")
    assert get(server, "/mvweb/sub/a%20b.txt", If_None_Match='"other"')[0] == 200
    status, headers, body = get(server, "/mvweb/sub/a%20b.txt", Range="bytes=2-4")
    assert (status, body, headers["content-range"]) == (206, b"234", "bytes 2-4/10")
    assert get(server, "/mvweb/sub/a%20b.txt", Range="bytes=-3")[::2] == (206, b"789")
    assert get(server, "/mvweb/sub/a%20b.txt", Range="bytes=2-4", If_Range='"old"')[::2] == (200, b"0123456789")
    status, headers, body = get(server, "/mvweb/sub/a%20b.txt", Range="bytes=10-")
    assert (status, headers["content-range"], body) == (416, "bytes */10", b"")
    status, headers, body = get(server, "/mvweb/sub/a%20b.txt", method="HEAD")
    assert (status, headers["content-length"], body) == (200, "10", b"")
    assert get(server, "/mvweb/")[2] == b"<p>front</p>" == get(server, "/mvweb")[2]
    assert get(server, "/mvweb/sub/")[0] == 404, "no listing"
    assert get(server, "/mvweb/sub/a%20b.txt", method="DELETE")[0] == 405


OUTSIDE = [
    "../secret", "%2e%2e/secret", "%2e%2e%2fsecret", "..%2fsecret", "..%5csecret", "..\\secret", "%252e%252e%252fsecret",
    "..%c0%afsecret", "%c0%ae%c0%ae/secret", "%uff0e%uff0e/secret", "%ef%bc%8e%ef%bc%8e/secret", "..%00/secret", "secret%00",
    "sub/../../secret", "sub/%2e%2e/%2e%2e/secret", "./../secret", "/../secret", "//etc/passwd", "%2fetc%2fpasswd", "/etc/passwd",
    "link", "out/secret", "out/strowger.key", ".hidden", "sub/../.hidden", "...//secret", "....//secret", "..;/secret", "%2e%2e;/secret",
    "file:///etc/passwd", "sub%2f..%2f..%2fsecret", "a" * 300, "x/" * 40 + "y", "%", "%zz", "%ff",
]


@pytest.mark.parametrize("name", OUTSIDE)
def test_no_path_leads_out_of_the_web_root(server, name):
    status, _, body = get(server, "/mvweb/" + name)
    assert status in (400, 404), (name, status)
    assert SECRET not in body and b"root:" not in body


@pytest.mark.parametrize("name", [*OUTSIDE, "..", ".", "", "logs", "files", "logs/../secret", "files/../../etc/passwd", "recordings/link"])
def test_no_name_leads_a_command_out_of_its_folder(server, name):
    for command in ("getfile", "file", "pgetfile"):
        answer = server.api(command, filename=name)
        # What was put under a cleaned or merely odd name may come back; nothing else does.
        assert answer.startswith("ERROR: ") or answer == "OK: aGVsbG8=", (command, answer)
        assert base64.b64encode(SECRET).decode() not in answer
    for command in ("putfile", "pputfile"):
        server.api(command, filename=name, filedata="aGVsbG8=")
    assert (server.folder / "secret").read_bytes() == SECRET
    assert (server.folder / "mvweb" / "link").is_symlink()


def test_files_come_back_as_they_were_put(server):
    content = bytes(range(256))
    encoded = base64.b64encode(content).decode()
    assert server.ok("putfile", filename="lists/all.bin", filedata=encoded) == "OK: 256 bytes"
    assert (server.folder / "files" / "lists" / "all.bin").read_bytes() == content
    assert server.ok("getfile", filename="lists/all.bin") == "OK: " + encoded
    assert server.ok("file", filename="files/lists/all.bin") == "OK: " + encoded
    assert server.api("file", filename="strowger.key").startswith("ERROR: access denied")
    log = base64.b64decode(server.ok("file", filename="logs/strowger.log")[4:])
    assert b"ready" in log


def test_a_quota_bounds_the_folder(server):
    data = base64.b64encode(b"x" * 400_000).decode()
    form = lambda name: ("apientry=putfile&authid=%s&authpwd=%s&filename=%s&filedata=%s" % (ADMIN, ADMIN_PASSWORD, name, data.replace("+", "%2B"))).encode()
    answers = [get(server, "/mvapireq/", "POST", form(f"q{n}"), Content_Type="application/x-www-form-urlencoded")[2].decode().strip() for n in range(3)]
    assert answers[0] == answers[1] == "OK: 400000 bytes"
    assert answers[2].startswith("ERROR: limit: the folder may hold 1048576 bytes")
    assert get(server, "/mvapireq/", "POST", form("q1"), Content_Type="application/x-www-form-urlencoded")[2].startswith(b"OK: ")


def multipart(**fields):
    body = b""
    for name, value in fields.items():
        extra = b'; filename="f"\r\nContent-Type: text/html' if name == "filedata" else b""
        body += b'--XyX\r\nContent-Disposition: form-data; name="' + name.encode() + b'"' + extra + b"\r\n\r\n" + value + b"\r\n"
    return body + b"--XyX--\r\n"


def test_an_upload_is_served_as_a_download_and_never_as_a_page(server):
    page = b"<script>alert(1)</script>\x00\xff\r\n"
    kind = "multipart/form-data; boundary=XyX"
    form = multipart(filepath=b"../evil page.html", authid=b"alice", authpwd=b"alicepw", filedata=page)
    for target in ("/mvweb/", "/mvapireq/"):
        status, _, body = get(server, target, "POST", form, Content_Type=kind)
        assert (status, body.strip()) == (200, f"OK: /mvweb/filestorage/{server.alice}/evil_page.html".encode())
    status, headers, body = get(server, f"/mvweb/filestorage/{server.alice}/evil_page.html")
    assert (status, body) == (200, page)
    assert headers["content-type"] == "application/octet-stream" and headers["content-disposition"] == "attachment"
    assert headers["x-content-type-options"] == "nosniff" and "sandbox" in headers["content-security-policy"]
    mine = server.api("pgetfile", user="alice", password="alicepw", filename="evil page.html")
    assert base64.b64decode(mine[4:]) == page
    assert server.api("pgetfile", user="bob", password="bobpw", filename="evil page.html") == "ERROR: not found: filename"


def test_an_upload_is_found_by_its_name_alone_where_there_is_one(server):
    def put(user):
        data = base64.b64encode(user.encode()).decode()
        server.ok("pputfile", user=user, password=user + "pw", filename="lonely.txt", filedata=data)

    assert get(server, "/mvweb/filestorage/lonely.txt")[0] == 404
    put("alice")
    for path in ("/mvweb/filestorage/lonely.txt", "/mvweb/filestorage/photos/lonely.txt"):
        status, headers, body = get(server, path)
        assert (status, body) == (200, b"alice") and headers["content-disposition"] == "attachment", path
    assert get(server, "/mvweb/filestorage/999/lonely.txt")[0] == 404
    put("bob")
    assert get(server, "/mvweb/filestorage/lonely.txt")[0] == 404, "whose would it be?"


def test_an_upload_needs_an_account(server):
    kind = "multipart/form-data; boundary=XyX"
    for fields in ({}, {"authid": b"alice", "authpwd": b"wrong"}):
        form = multipart(filepath=b"no.txt", filedata=b"x", **fields)
        assert get(server, "/mvweb/", "POST", form, Content_Type=kind)[2].startswith(b"ERROR: auth failed")
    assert get(server, "/mvweb/", "POST", multipart(filepath=b"x"), Content_Type=kind)[0] == 400
    assert not (server.folder / "mvweb" / "filestorage" / str(server.alice) / "no.txt").exists()


def test_forwards_are_off_and_reach_nothing_private(server):
    assert get(server, "/?hsforward=http://127.0.0.1:1/")[0] == 404
    assert server.api("jppget", url="http://127.0.0.1:1/", callback="f").startswith("ERROR: not available")
    own = f"127.0.0.1:{server.ready['main']}"
    targets = [f"http://{own}/mvweb/", "http://127.0.0.1/", "http://localhost/", "http://[::1]/", "http://169.254.169.254/",
               "http://10.0.0.1/", "http://0.0.0.0/", "http://2130706433/", "http://0x7f.1/", "http://[::ffff:127.0.0.1]/",
               "http://listed@127.0.0.1/", "file:///etc/passwd", "gopher://127.0.0.1/", "http://", "//127.0.0.1/", "x"]
    listed = f"{own},127.0.0.1,localhost,::1,169.254.169.254,10.0.0.1,0.0.0.0,2130706433,0x7f.1,::ffff:127.0.0.1"
    with Server(enablejsonp="2", jsonphosts=listed, hsforward=listed) as open_server:
        for target in targets:
            status, _, body = get(open_server, "/?hsforward=" + target)
            assert status == 502 and b"front" not in body, (target, status, body)
            answer = open_server.api("jppget", url=target, callback="f")
            assert "ERROR: " in answer and "front" not in answer, (target, answer)
        status, headers, body = get(open_server, "/mvapireq/jppget?url=/mvapireq/%3Fapientry=apitest1&callback=show")
        assert status == 200 and headers["content-type"].startswith("text/javascript"), (headers, body)
        assert body.startswith(b'/**/show({"contents":"') and headers["x-content-type-options"] == "nosniff"
