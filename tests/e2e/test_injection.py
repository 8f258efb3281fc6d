"""What strangers put into names, parameters and documents stays text: in pages and scripts (tried in a real
browser), in headers and lines, in XML, in JSONP callbacks."""

import html.parser
import http.server
import json
import re
import shutil
import socket
import subprocess
import threading
import time
from urllib.parse import quote

import pytest

from strowger import Server

KEY = "14150857"
ADMIN = f"authkey={KEY}&authid=admin&authpwd=first-exchange"
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

# `{canary}` is an address whose visit proves that something ran or was loaded.
XSS = [
    "<script>fetch('{canary}')</script>",
    "</pre></td></title><script src={canary}></script>",
    "<img src=x onerror=\"new Image().src='{canary}'\">",
    "<svg/onload=fetch('{canary}')>",
    "<iframe srcdoc=\"<script>parent.fetch('{canary}')</script>\">",
    "\" onmouseover=\"fetch('{canary}')\" style=\"position:fixed;inset:0",
    "'><details open ontoggle=fetch('{canary}')>",
    "<link rel=stylesheet href={canary}>",
    "<meta http-equiv=refresh content='0;url={canary}'>",
    "<base href={canary}><a href=x>",
    "<math><mtext></table><mglyph><style><!--</style><img src={canary}>",
    "<body onpageshow=fetch('{canary}')>",
    "&lt;script&gt;fetch('{canary}')&lt;/script&gt;",
    "\u2028fetch('{canary}')//",
    "*/fetch('{canary}')/*",
    "});fetch('{canary}');({{",
    "]]><script>fetch('{canary}')</script>",
    "javascript:fetch('{canary}')",
]
CRLF = ["a\r\nSet-Cookie: x=1", "a\nX-Injected: 1", "a\r\n\r\n<html>", "a%0d%0aX-Injected: 1", "a\u560a\u560dX-Injected: 1", "a\0b", "a\tb\r"]
CALLBACKS = ["alert(1)", "a;b", "a b", "<script>", "a<!--", "a\n", "a\u2028", "'x", "\"", "a[0]", "a=1", "/**/a", "%", "a" * 65, "a\u00e9", "\u0430"]


class Elements(html.parser.HTMLParser):
    """Every element and attribute of a page."""

    def __init__(self, text):
        super().__init__()
        self.found, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, tuple(attributes)))

    def handle_data(self, data):
        self.text += data


class Canary:
    """A server that a page would visit if something of it ran, and that serves pages of its own."""

    def __init__(self):
        self.visits, self.pages = [], {}
        canary = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                page = canary.pages.get(self.path)
                if page is None and self.path != "/favicon.ico":
                    canary.visits.append(self.path)
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Access-Control-Allow-Origin", "*")
                self.end_headers()
                self.wfile.write((page or "").encode())

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture(scope="module")
def canary():
    made = Canary()
    yield made
    made.server.shutdown()


@pytest.fixture(scope="module")
def exchange(canary):
    """Accounts whose names, addresses and numbers are attacks, some with one too many quotes for anything."""
    with Server(apiv2key=KEY, enablejsonp=1, corsorigins="http://friend.example") as running:
        for number, payload in enumerate(XSS):
            text = payload.replace("{canary}", f"{canary.url}/stored{number}").replace("{{", "{")
            running.ok("newuseri", u_username=f"user{number}", u_password="pw", u_name=text, u_address=text, authkey=KEY)
        yield running


def raw(server, request):
    """Status line, headers and body of one answer, as they are on the wire."""
    with socket.create_connection(("127.0.0.1", server.ready["main"]), timeout=30) as connection:
        connection.sendall(request)
        received = b""
        while True:
            more = connection.recv(65536)
            received += more
            if not more:
                break
            head, _, body = received.partition(b"\r\n\r\n")
            length = re.search(rb"(?im)^content-length: (\d+)", head)
            if b"\r\n\r\n" in received and length and len(body) >= int(length.group(1)):
                break
    head, _, body = received.partition(b"\r\n\r\n")
    return head.decode("latin-1"), body.decode("utf-8", "replace")


def get(server, query, headers=""):
    return raw(server, f"GET /mvapireq/?{query} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}\r\n".encode())


def post(server, content_type, body):
    body = body if isinstance(body, bytes) else body.encode()
    return raw(server, f"POST /mvapireq/ HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: {content_type}\r\n"
               f"Content-Length: {len(body)}\r\n\r\n".encode() + body)


def reflections(payload):
    """Requests whose answer repeats what was sent, or shows what is stored."""
    text = quote(payload, safe="")
    yield f"apientry={text}&{ADMIN}"
    yield f"apientry=balance&{ADMIN}&targetuser={text}"
    yield f"apientry=help&{ADMIN}&command={text}"
    yield f"apientry=status&{ADMIN}&requestid={text}"
    yield f"apientry=db&{ADMIN}&sql={text}"
    yield f"apientry=rating&{ADMIN}&bnum={text}"


STORED = [f"apientry=listusers&{ADMIN}&u_extended=1&u_maxcount=100", f"apientry=getdetails&{ADMIN}&targetuser=user0&mode=max",
          f"apientry=db&{ADMIN}&sql=" + quote("select username, name, address from tb_users")]


@pytest.mark.parametrize("payload", XSS)
def test_pages_hold_no_element_of_a_strangers(exchange, canary, payload):
    payload = payload.replace("{canary}", canary.url + "/reflected").replace("{{", "{")
    allowed = {"html", "head", "meta", "title", "body", "pre", "p", "table", "tr", "th", "td"}
    for query in [*reflections(payload), *STORED]:
        head, body = get(exchange, query + "&format=html")
        page = Elements(body)
        for tag, attributes in page.found:
            assert tag in allowed, body
            assert attributes in ((), (("charset", "utf-8"),), (("border", "1"),)), body
        assert "content-security-policy: default-src 'none'" in head.lower()
        for form, kind in (("text", "text/plain"), ("json", "application/json"), ("xml", "text/xml")):
            head, body = get(exchange, f"{query}&format={form}")
            assert f"content-type: {kind}" in head.lower() and "x-content-type-options: nosniff" in head.lower(), head
            if form == "json":
                assert not re.search("[<>&\u2028\u2029]", body), body
            if form == "xml":
                assert not re.search("<(script|img|svg|iframe|link|base|body|details|math)", body), body


@pytest.mark.parametrize("payload", CRLF)
def test_no_parameter_adds_a_header_or_a_line(exchange, payload):
    for query in reflections(payload):
        for form in ("text", "json", "html", "xml", "jsonp"):
            head, body = get(exchange, f"{query}&format={form}&callback=f")
            assert "x-injected" not in head.lower() and "set-cookie" not in head.lower(), head
            if form == "text":
                assert "\0" not in body or "\0" in payload, body
    # One line of a stream is one answer, whatever its parameters hold.
    with socket.create_connection(("127.0.0.1", exchange.ready["main"]), timeout=30) as connection:
        stream = connection.makefile("rb")
        connection.sendall(f"?apientry=balance&{ADMIN}&targetuser={quote(payload, safe='')}\r\n?apientry=apitest1\r\n".encode())
        first, second = stream.readline(), stream.readline()
        assert first.startswith(b"ERROR: ") and second.startswith(b"OK: api is working"), (first, second)


def test_headers_of_the_request_are_not_reflected(exchange):
    for origin in ("http://evil.example", "null", "http://friend.example.evil", "http://friend.example\tx"):
        head, _ = get(exchange, "apientry=apitest1", f"Origin: {origin}\r\n")
        assert "access-control-allow-origin" not in head.lower(), head
    head, _ = get(exchange, "apientry=apitest1", "Origin: http://friend.example\r\n")
    assert "access-control-allow-origin: http://friend.example" in head.lower()


BOMBS = {
    "external entity": '<!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><balance><authid>&x;</authid></balance>',
    "external entity over HTTP": '<!DOCTYPE r [<!ENTITY x SYSTEM "{canary}/xxe">]><balance><authid>&x;</authid></balance>',
    "external document type": '<!DOCTYPE r SYSTEM "{canary}/dtd"><balance/>',
    "parameter entity": '<!DOCTYPE r [<!ENTITY % x SYSTEM "{canary}/parameter"> %x;]><balance/>',
    "billion laughs": "<!DOCTYPE r [<!ENTITY a0 'lol'>" + "".join(
        f"<!ENTITY a{n} '{f'&a{n - 1};' * 10}'>" for n in range(1, 10)) + "]><balance><authid>&a9;</authid></balance>",
    "quadratic blowup": "<!DOCTYPE r [<!ENTITY a '" + "x" * 50_000 + "'>]><balance><authid>" + "&a;" * 50_000 + "</authid></balance>",
    "include": '<balance xmlns:xi="http://www.w3.org/2001/XInclude"><authid><xi:include href="file:///etc/passwd" parse="text"/></authid></balance>',
    "style sheet": '<?xml-stylesheet type="text/xsl" href="{canary}/xsl"?><balance/>',
    "schema location": '<balance xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:noNamespaceSchemaLocation="{canary}/xsd"/>',
    "deep nesting": "<a>" * 100_000,
    "many attributes": "<balance " + " ".join(f"a{n}='1'" for n in range(20_000)) + "/>",
    "many elements": "<balance>" + "<a>1</a>" * 60_000 + "</balance>",
    "an entity without an end": "<balance authid='&amp'/>",
    "UTF-16": '<?xml version="1.0" encoding="UTF-16"?><!DOCTYPE r [<!ENTITY x SYSTEM "file:///etc/passwd">]><balance><authid>&x;</authid></balance>'.encode("utf-16"),
}
WRAPPED = {"xml": "{}", "soap": '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{}</s:Body></s:Envelope>'}


@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("wrapping", WRAPPED)
def test_hostile_xml_is_refused_or_harmless(exchange, canary, name, wrapping):
    bomb = BOMBS[name]
    if isinstance(bomb, str):
        bomb = bomb.replace("{canary}", canary.url)
        prolog, rest = re.match(r"(?s)((?:<\?.*?\?>)?(?:<!DOCTYPE.*?(?:\]|\")>)?)(.*)", bomb).groups()
        bomb = prolog + WRAPPED[wrapping].replace("{}", rest)
    seen, began = len(canary.visits), time.monotonic()
    head, body = post(exchange, "text/xml", bomb)
    assert head.startswith("HTTP/1.1 ") and "ERROR" in body and "root:" not in body and "lollol" not in body, body[:300]
    assert len(body) < 2_000 and time.monotonic() - began < 30
    assert canary.visits[seen:] == [], "nothing is fetched"


@pytest.mark.parametrize("name", CALLBACKS)
def test_a_callback_that_is_no_name_is_refused(exchange, name):
    for extra in ("&format=jsonp", ""):
        head, body = get(exchange, f"apientry=apitest1&callback={quote(name, safe='')}{extra}")
        assert "content-type: application/json" in head.lower(), head
        assert json.loads(body)["text"].startswith("ERROR: invalid parameter: callback"), body


def test_jsonp_never_trusts_the_readers_address(exchange):
    """A script element of any page is sent from the reader's address and has no Origin."""
    with Server(enablejsonp=1, apideftrustadmin=1) as trusting:
        assert get(trusting, "apientry=listusers")[1].startswith("OK: "), "the address alone is trusted"
        for extra in ("&callback=f", "&format=jsonp"):
            body = get(trusting, "apientry=listusers" + extra)[1]
            assert '"status":"ERROR"' in body and "username" not in body, body


def browse(url, folder):
    """The page as a browser left it after everything that it would run."""
    command = [BROWSER, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
               "--disable-background-networking", "--disable-component-update", f"--user-data-dir={folder}",
               "--virtual-time-budget=4000", "--dump-dom", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


needs_browser = pytest.mark.skipif(not BROWSER, reason="no chromium on this machine")


@needs_browser
def test_a_browser_runs_nothing_of_what_pages_show(exchange, canary, tmp_path):
    """Every stored attack in one table, and every reflected one in a frame of one page, without its policy in the way."""
    frames = []
    reflected = [query for payload in XSS for query in list(reflections(payload.replace("{canary}", canary.url + "/reflected")))[:2]]
    for number, query in enumerate([*STORED, *reflected]):
        _, body = get(exchange, query + "&format=html")
        # The copy is served without Content-Security-Policy: the escaping alone must do.
        canary.pages[f"/copy{number}"] = body
        frames.append(f'<iframe src="/copy{number}"></iframe>')
    frames.append(f'<iframe src="{exchange.url}/mvapireq/?{STORED[0]}&amp;format=html"></iframe>')
    # What is not escaped would be seen.
    canary.pages["/control"] = "<pre>" + XSS[0].replace("{canary}", canary.url + "/control-ran") + "</pre>"
    frames.append('<iframe src="/control"></iframe>')
    canary.pages["/frames"] = "<!DOCTYPE html><title>frames</title>" + "".join(frames) + "<img src='/alive'>"
    seen = len(canary.visits)
    browse(canary.url + "/frames", tmp_path)
    assert sorted(canary.visits[seen:]) == ["/alive", "/control-ran"], "nothing else was run or loaded"


@needs_browser
def test_a_browser_calls_the_callback_with_the_data_and_nothing_else(exchange, canary, tmp_path):
    source = f"{exchange.url}/mvapireq/?{STORED[2]}&format=jsonp&callback=got.it".replace("&", "&amp;")
    bad = f"{exchange.url}/mvapireq/?apientry=apitest1&format=jsonp&callback={quote(f'fetch(`{canary.url}/called`)//')}".replace("&", "&amp;")
    canary.pages["/jsonp"] = (
        "<!DOCTYPE html><title>waiting</title><body><script>var got = {it: function (answer) { document.body.dataset.rows = answer.data.length;"
        " document.body.dataset.name = answer.data.filter(function (row) { return row.username == 'user0'; })[0].name; }};</script>"
        f'<script src="{source}"></script><script src="{bad}"></script>')
    seen = len(canary.visits)
    page = browse(canary.url + "/jsonp", tmp_path)
    body = dict(next(attributes for tag, attributes in Elements(page).found if tag == "body"))
    assert body["data-rows"] == str(len(XSS) + 1), page[:500]
    assert body["data-name"] == f"<script>fetch('{canary.url}/stored0')</script>", page[:500]
    assert canary.visits[seen:] == []
