"""A phone of a few lines, for tests that look at single messages: SIP over UDP or TCP, digest, one dialog."""

import hashlib
import re
import socket
import uuid

SDP = "\r\n".join(["v=0", "o=- 1 1 IN IP4 {ip}", "s=-", "c=IN IP4 {ip}", "t=0 0", "m=audio {port} RTP/AVP 8 0 101",
                   "a=rtpmap:8 PCMA/8000", "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000", ""])


class Message(str):
    """One SIP message with its headers at hand."""

    @property
    def status(self):
        match = re.match(r"SIP/2.0 (\d+)", self)
        return int(match.group(1)) if match else None

    def header(self, name):
        match = re.search(rf"^{name}\s*:\s*(.*?)\r?$", self.partition("\r\n\r\n")[0], re.M | re.I)
        return match.group(1) if match else None

    @property
    def body(self):
        return self.partition("\r\n\r\n")[2]


class Phone:
    """`Phone(address, user)` speaks to the exchange from a socket of its own. The password is the name and `pw`."""

    kind = "application/sdp"  # of the bodies of its requests

    def __init__(self, address, user, tcp=False, password=None, timeout=10, bind="127.0.0.1"):
        self.address, self.user, self.tcp = address, user, tcp
        self.password = password or user + "pw"
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
        if not tcp:
            self.socket.bind((bind, 0))
        self.socket.settimeout(timeout)
        self.socket.connect(address)
        self.me = "%s:%d" % self.socket.getsockname()
        self.uri = f"sip:{address[0]}:{address[1]}"
        self.transport = "TCP" if tcp else "UDP"
        self.cseq, self.tag, self.waiting = 0, uuid.uuid4().hex[:8], b""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send(self, text):
        self.socket.sendall(text.encode() if isinstance(text, str) else text)

    def receive(self, beginning="SIP/2.0 "):
        """The next message that begins so; keep-alives and everything else are skipped."""
        while True:
            message = Message(self.one().decode("utf-8", "replace"))
            if message.startswith(beginning):
                return message

    def one(self):
        if not self.tcp:
            return self.socket.recv(65536)
        while True:
            self.waiting = self.waiting.lstrip(b"\r\n")
            head, found, rest = self.waiting.partition(b"\r\n\r\n")
            if found:
                length = int(re.search(rb"content-length:\s*(\d+)", head, re.I).group(1))
                if len(rest) >= length:
                    self.waiting = rest[length:]
                    return head + found + rest[:length]
            more = self.socket.recv(65536)
            assert more, "the exchange closed the connection"
            self.waiting += more

    def request(self, method, uri=None, headers="", body="", to=None, call_id=None, tag=None):
        """Sends one request outside or inside a dialog; returns what was sent."""
        self.cseq += 1
        self.call_id = call_id or uuid.uuid4().hex
        self.sent = (method, uri or self.uri, body, to, self.call_id, tag)
        kind = f"Content-Type: {self.kind}\r\n" if body else ""
        self.send(f"{method} {uri or self.uri} SIP/2.0\r\n"
                  f"Via: SIP/2.0/{self.transport} {self.me};branch=z9hG4bK{uuid.uuid4().hex[:12]};rport\r\n"
                  f"From: <sip:{self.user}@strowger>;tag={tag or self.tag}\r\n"
                  f"To: {to or f'<{uri or self.uri}>'}\r\nCall-ID: {self.call_id}\r\nCSeq: {self.cseq} {method}\r\n"
                  f"Contact: <sip:{self.user}@{self.me};transport={self.transport.lower()}>\r\nMax-Forwards: 70\r\n"
                  f"{headers}{kind}Content-Length: {len(body.encode())}\r\n\r\n{body}")

    def final(self):
        """The final response; provisional ones are kept in `self.provisional`."""
        self.provisional = []
        while True:
            response = self.receive()
            if response.status >= 200:
                return response
            self.provisional.append(response)

    def authenticated(self, method, uri=None, headers="", body="", to=None):
        """Sends, answers one challenge, and returns the final response."""
        self.request(method, uri, headers, body, to)
        call_id, response = self.call_id, self.final()
        if response.status not in (401, 407):
            return response
        if method == "INVITE":
            self.ack(response, uri, to)
        name = "Authorization" if response.status == 401 else "Proxy-Authorization"
        challenge = response.header("WWW-Authenticate" if response.status == 401 else "Proxy-Authenticate")
        headers += f"{name}: {self.digest(challenge, method, uri or self.uri)}\r\n"
        self.request(method, uri, headers, body, to, call_id=call_id)
        return self.final()

    def ack(self, response, uri=None, to=None):
        """The ACK of a refusal (same branch) or of a 2xx (a new one, to the Contact)."""
        via, target = response.header("Via"), uri or self.uri
        if response.status < 300:
            via = f"SIP/2.0/{self.transport} {self.me};branch=z9hG4bK{uuid.uuid4().hex[:12]};rport"
            target = re.search(r"<(.*?)>", response.header("Contact")).group(1)
        number = response.header("CSeq").split()[0]
        self.send(f"ACK {target} SIP/2.0\r\nVia: {via}\r\nFrom: {response.header('From')}\r\nTo: {response.header('To')}\r\n"
                  f"Call-ID: {response.header('Call-ID')}\r\nCSeq: {number} ACK\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n")

    def bye(self, answer):
        """Ends the dialog that a 2xx to this phone's INVITE made."""
        target = re.search(r"<(.*?)>", answer.header("Contact")).group(1)
        self.request("BYE", target, to=answer.header("To"), call_id=answer.header("Call-ID"))
        while True:
            response = self.final()
            if response.header("CSeq").endswith("BYE"):
                return response

    def digest(self, challenge, method, uri):
        value = lambda name: re.search(rf'{name}="([^"]*)"', challenge).group(1)
        md5 = lambda text: hashlib.md5(text.encode()).hexdigest()
        realm, nonce = value("realm"), value("nonce")
        ha1, ha2 = md5(f"{self.user}:{realm}:{self.password}"), md5(f"{method}:{uri}")
        response = md5(f"{ha1}:{nonce}:00000001:c:auth:{ha2}")
        return (f'Digest username="{self.user}", realm="{realm}", nonce="{nonce}", uri="{uri}", algorithm=MD5, '
                f'qop=auth, nc=00000001, cnonce="c", response="{response}"')

    def register(self, expires=300):
        response = self.authenticated("REGISTER", to=f"<sip:{self.user}@strowger>", headers=f"Expires: {expires}\r\n")
        assert response.status == 200, response
        return response

    def invite(self, number, headers="", ip="127.0.0.1", port=9):
        """The final response to an INVITE of `number`; a 2xx is acknowledged."""
        uri = f"sip:{number}@{self.address[0]}:{self.address[1]}"
        response = self.authenticated("INVITE", uri, headers, SDP.format(ip=ip, port=port))
        self.ack(response, uri)
        return response

    def answer(self, request, status="200 OK", body="", headers=""):
        """Answers a request that this phone received."""
        kept = [line for line in request.partition("\r\n\r\n")[0].split("\r\n")
                if line.split(":")[0] in ("Via", "From", "Call-ID", "CSeq", "Record-Route")]
        to = "To: " + request.header("To") + ("" if ";tag=" in request.header("To") else f";tag={self.tag}")
        kind = "Content-Type: application/sdp\r\n" if body else ""
        self.send("\r\n".join([f"SIP/2.0 {status}", *kept, to, f"Contact: <sip:{self.user}@{self.me}>"])
                  + f"\r\n{headers}{kind}Content-Length: {len(body)}\r\n\r\n{body}")
