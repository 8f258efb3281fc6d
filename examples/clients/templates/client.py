"""A client of the Strowger API. Made by examples/clients/generate.py from the server's OpenAPI document.

    client = Client("http://127.0.0.1:8080", key="KEY", user="alice", password="secret", server_salt="SALT")
    print(client.balance().data["credit"])

Only the standard library is needed. Amounts are `decimal.Decimal`. The password never leaves this program: requests
carry a digest with a salt of their own, over a nonce where the server asks for one, or the token of `login`.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import urllib.error
import urllib.request
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Generic, Literal, TypedDict, TypeVar

Number = int | Decimal
Data = TypeVar("Data")


class ApiError(Exception):
    """The server refused a request: `kind` is the type of the error, `text` what exactly."""

    def __init__(self, message: str):
        super().__init__(message)
        bare = message.removeprefix("ERROR:").strip()
        self.kind, _, self.text = (part.strip() for part in bare.partition(":"))

    @property
    def final(self) -> bool:
        """The same request must not be repeated."""
        return self.text.endswith("NORETRY")


@dataclass
class Reply(Generic[Data]):
    """A success: the first line of its text, the values, and where the next page begins."""

    text: str
    data: Data
    cursor: str | None = None
    summary: dict[str, Any] | None = None


class Transport:
    """Requests, credentials and answers; the commands are in `Client`."""

    def __init__(self, url: str, key: str = "", user: str = "", password: str = "", server_salt: str = "",
                 token: str = "", timeout: float = 30):
        self.url, self.key, self.user, self.password = url.rstrip("/"), key, user, password
        self.server_salt, self.token, self.timeout = server_salt, token, timeout

    def request(self, command: str, parameters: dict[str, Any]) -> Reply[Any]:
        """Any command by its name."""
        fields = {name: value for name, value in parameters.items() if value is not None}
        answer = self._post(command, fields, "")
        text = answer["text"]
        if text.startswith("ERROR: new nonce is:") and self.password:
            nonce = text.removeprefix("ERROR: new nonce is:").removesuffix("EOF")
            answer = self._post(command, fields, nonce)
        if answer["status"] != "OK":
            raise ApiError(answer["text"])
        return Reply(answer["text"], answer["data"], answer.get("cursor"), answer.get("summary"))

    def open_session(self) -> None:
        """Logs in; later requests carry the token instead of digests."""
        self.token = ""
        self.token = self.request("login", {}).data["token"]

    def _post(self, command: str, fields: dict[str, Any], nonce: str) -> dict[str, Any]:
        body = json.dumps({**fields, **self._credentials(nonce)}, default=str).encode()
        headers = {"Content-Type": "application/json"}
        if self.token and not nonce:
            headers["Authorization"] = f"Bearer {self.token}"
        request = urllib.request.Request(f"{self.url}/mvapireq/{command}", data=body, headers=headers)
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:
                content = answer.read()
        except urllib.error.HTTPError as refused:
            # With httpstrictresponse the status tells the result; the body is the same.
            content = refused.read()
        return json.loads(content, parse_float=Decimal)

    def _credentials(self, nonce: str) -> dict[str, str]:
        credentials = {"authkey": self.key} if self.key else {}
        if self.user and (nonce or not self.token):
            salt = secrets.token_hex(8)
            clear = f"ck5Gp{self.user}{self.password}{self.server_salt}{salt}{nonce}"
            digest = hashlib.md5(clear.encode()).hexdigest()
            credentials |= {"authid": self.user, "authmd5": digest, "authsalt1": salt}
            if nonce:
                credentials["nonce"] = nonce[:16]
        return credentials


