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


ApitestData = TypedDict("ApitestData", {"ip": 'str', "user": 'str'}, total=False)
Apitest1Data = TypedDict("Apitest1Data", {"ip": 'str'}, total=False)
ForgotpasswordquestionData = TypedDict("ForgotpasswordquestionData", {}, total=False)
LoginData = TypedDict("LoginData", {"expires": 'Number', "token": 'str', "type": 'Number', "userid": 'Number'}, total=False)
NewuseruData = TypedDict("NewuseruData", {"userid": 'Number'}, total=False)
PreauthData = TypedDict("PreauthData", {"nonce": 'str'}, total=False)
AddcallbacknumberData = TypedDict("AddcallbacknumberData", {"callback": 'bool', "number": 'str'}, total=False)
AddcreditData = TypedDict("AddcreditData", {"credit": 'Number', "currency": 'str', "userid": 'Number'}, total=False)
BalanceData = TypedDict("BalanceData", {"credit": 'Number', "currency": 'str', "postpaid": 'bool'}, total=False)
CallbackaccessnumberData = TypedDict("CallbackaccessnumberData", {"number": 'str'}, total=False)
CalldivertData = TypedDict("CalldivertData", {"forwardalways": 'str', "forwardonbusy": 'str', "forwardonnoanswer": 'str', "noanswertimeout": 'None | Number'}, total=False)
CallforwardData = TypedDict("CallforwardData", {"forwardalways": 'str', "forwardonbusy": 'str', "forwardonnoanswer": 'str', "noanswertimeout": 'Any'}, total=False)
CdrData = TypedDict("CdrData", {"callednumber": 'Any', "costenduser": 'Any', "datum": 'Any', "realduration": 'Any'}, total=False)
ChangepwdData = TypedDict("ChangepwdData", {}, total=False)
ChargeData = TypedDict("ChargeData", {"credit": 'Number', "currency": 'str'}, total=False)
CliData = TypedDict("CliData", {"callback": 'bool', "number": 'str'}, total=False)
GetdetailsData = TypedDict("GetdetailsData", {"address": 'str', "authip": 'str', "billaddress": 'str', "billinguserid": 'str', "billsourceid": 'str', "birthday": 'str', "blockprefixes": 'str', "callbacknumber": 'str', "changesptoring": 'str', "choosecodecs": 'str', "comment": 'str', "connectvoice": 'str', "contactname": 'str', "convertdtmf": 'str', "country": 'str', "credit": 'str', "creditelapsedt": 'str', "currency": 'str', "datum": 'str', "digestalgorithms": 'str', "discvoice": 'str', "displayname": 'str', "domainname": 'str', "email": 'str', "email2": 'str', "enabled": 'str', "enabledprefixes": 'str', "euregnumber": 'str', "fax": 'str', "forgotpasswordquestion": 'str', "forwardalways": 'str', "forwarddearlystart": 'str', "forwardonbusy": 'str', "forwardonnoanswer": 'str', "freeminutes": 'str', "freeminutesleft": 'str', "freesms": 'str', "freesmsleft": 'str', "gender": 'str', "held": 'str', "id": 'str', "ip": 'str', "iscallback": 'str', "ivrid": 'str', "language": 'str', "maxlines": 'str', "musiconhold": 'str', "name": 'str', "needauth": 'str', "needcodeconversion": 'str', "needregister": 'str', "noanswertimeout": 'str', "notifymissedemail": 'str', "notifymissedsms": 'str', "packetid": 'str', "parentid": 'str', "phone": 'str', "playadv": 'str', "playdisc": 'str', "port": 'str', "postaddress": 'str', "postpaid": 'str', "proxy": 'str', "regival": 'str', "regnumber": 'str', "rgmode": 'str', "rights": 'str', "ringgroup": 'str', "senddailyemail": 'str', "sendemailalert": 'str', "sendlowcreditemail": 'str', "sendmonthlyemail": 'str', "sendotheremail": 'str', "sendsmsalert": 'str', "sendsmsreport": 'str', "sendstraffic": 'str', "sessiontimer": 'str', "status": 'Number', "statusdate": 'str', "techprefix": 'str', "temporarydisabled": 'str', "transport": 'str', "type": 'str', "usergroup": 'str', "username": 'str', "utc": 'str', "voicemail": 'str', "voicemailalways": 'str', "voicemailonbusy": 'str', "voicemailonnoansw": 'str'}, total=False)
GetphonenumberData = TypedDict("GetphonenumberData", {"id": 'Number', "location": 'str', "number": 'str'}, total=False)
LockphonenumberData = TypedDict("LockphonenumberData", {"days": 'Number', "number": 'str'}, total=False)
PresenceGetData = TypedDict("PresenceGetData", {"users": 'dict[str, Any]'}, total=False)
PresenceSetData = TypedDict("PresenceSetData", {"messages": 'list[Any]', "status": 'str'}, total=False)
RatingData = TypedDict("RatingData", {"billingstep": 'Number', "connectfee": 'Number', "currency": 'str', "destination": 'str', "price": 'Number'}, total=False)
RatingData2 = TypedDict("RatingData2", {"billingstep": 'Number', "connectfee": 'Number', "currency": 'str', "direction": 'str', "prefix": 'str', "price": 'Number'}, total=False)
SearchData = TypedDict("SearchData", {"name": 'str', "phone": 'str', "username": 'str'}, total=False)
SendccinfoData = TypedDict("SendccinfoData", {"page": 'str', "payments": 'list[Any]', "savedcard": 'str'}, total=False)
SendimData = TypedDict("SendimData", {"messages": 'list[Any]'}, total=False)
SetfieldData = TypedDict("SetfieldData", {"field": 'str'}, total=False)
StatusData = TypedDict("StatusData", {"status": 'Number'}, total=False)
TransfercreditData = TypedDict("TransfercreditData", {"credit": 'Number', "currency": 'str'}, total=False)
VerifyuserData = TypedDict("VerifyuserData", {"status": 'Number', "users": 'dict[str, Any]'}, total=False)
WsloadData = TypedDict("WsloadData", {"load": 'Number', "sessions": 'Number', "type": 'Number'}, total=False)
WsunregData = TypedDict("WsunregData", {"unregistered": 'Number'}, total=False)
WsuserData = TypedDict("WsuserData", {"domain": 'str', "iceservers": 'list[Any]', "path": 'str', "realm": 'str', "subprotocol": 'str', "username": 'str'}, total=False)
CallData = TypedDict("CallData", {"calledid": 'Any', "callednumber": 'Any', "callerid": 'Any', "callstartdate": 'Any', "codec": 'Any', "cost": 'Any', "currency": 'Any', "dbcallsid": 'Any', "mos": 'Any', "origcallerid": 'Any', "realduration": 'Any', "serverid": 'Any', "sipcallid": 'Any', "state": 'Any'}, total=False)
DeviceidData = TypedDict("DeviceidData", {"deviceid": 'str', "node": 'Number'}, total=False)
EndpointsData = TypedDict("EndpointsData", {"address": 'Any', "calls": 'Any', "id": 'Any', "ms": 'Any', "reachable": 'Any', "status": 'Any', "transport": 'Any', "type": 'Any', "username": 'Any'}, total=False)
EpregData = TypedDict("EpregData", {"address": 'Any', "expires": 'Any', "id": 'Any', "laststatus": 'Any', "state": 'Any', "transport": 'Any', "type": 'Any', "username": 'Any'}, total=False)
FastregusersData = TypedDict("FastregusersData", {"age": 'Number', "contacts": 'Number', "enabled": 'bool', "id": 'Number', "username": 'str'}, total=False)
FastusersData = TypedDict("FastusersData", {"age": 'Number', "enabled": 'bool', "id": 'Number', "siphits": 'Number', "type": 'Number', "username": 'str'}, total=False)
FileData = TypedDict("FileData", {"filedata": 'str', "filename": 'str', "size": 'Number'}, total=False)
GencdrData = TypedDict("GencdrData", {"file": 'str', "records": 'Number'}, total=False)
HeartbeatData = TypedDict("HeartbeatData", {}, total=False)
HeartbeatData2 = TypedDict("HeartbeatData2", {"detail": 'str', "ms": 'Number', "name": 'str', "ok": 'bool'}, total=False)
InfoData = TypedDict("InfoData", {"accounts": 'Number', "bindings": 'Number', "calls": 'Number', "callsanswered": 'Number', "callstotal": 'Number', "cps": 'Number', "cpums": 'Number', "database": 'str', "databasedetail": 'str', "databaseok": 'bool', "databasewriteus": 'Number', "draining": 'bool', "epoch": 'Number', "mainport": 'Number', "mainportudp": 'Number', "maxcalls": 'Number', "maxconnections": 'Number', "memorykb": 'Number', "node": 'Number', "queue": 'Number', "registered": 'Number', "sipport": 'Number', "sipreceived": 'Number', "sipsent": 'Number', "started": 'str', "uptime": 'Number', "version": 'str'}, total=False)
ListsData = TypedDict("ListsData", {"entries": 'Number', "leastbytes": 'Number', "name": 'str'}, total=False)
LocksData = TypedDict("LocksData", {"age": 'Any', "amount": 'Any', "kind": 'Any', "node": 'Any', "owner": 'Any', "unit": 'Any', "what": 'Any'}, total=False)
QuerylistData = TypedDict("QuerylistData", {"id": 'Any', "ms": 'Any', "text": 'Any'}, total=False)
QuickstatData = TypedDict("QuickstatData", {"acd": 'Any', "asr": 'Any', "calls": 'Number', "cps": 'Number', "queue": 'Number', "registered": 'Number'}, total=False)
RegstatData = TypedDict("RegstatData", {"added": 'Number', "bindings": 'Number', "challenged": 'Number', "expired": 'Number', "failed_bad": 'Number', "failed_credentials": 'Number', "failed_limited": 'Number', "failed_otheraccount": 'Number', "failed_refused": 'Number', "failed_toobrief": 'Number', "rate": 'Number', "refresh_later": 'Number', "refresh_upto_120s": 'Number', "refresh_upto_1800s": 'Number', "refresh_upto_300s": 'Number', "refresh_upto_30s": 'Number', "refresh_upto_3600s": 'Number', "refresh_upto_600s": 'Number', "refresh_upto_60s": 'Number', "refreshed": 'Number', "removed": 'Number', "stale": 'Number', "succeeded": 'Number'}, total=False)
ReguserData = TypedDict("ReguserData", {"contact": 'Any', "expires": 'Any', "id": 'Any', "received": 'Any', "transport": 'Any', "username": 'Any'}, total=False)
ReportsData = TypedDict("ReportsData", {"acd": 'Any', "asr": 'Any', "calls": 'Any', "connected": 'Any', "costenduser": 'Any', "costprovider": 'Any', "currency": 'Any', "day": 'Any', "mos": 'Any', "pdd": 'Any', "profit": 'Any', "realduration": 'Any', "serverid": 'Any', "username": 'Any'}, total=False)
RoutingtestData = TypedDict("RoutingtestData", {"stage": 'str', "text": 'str'}, total=False)
ShowcfgData = TypedDict("ShowcfgData", {"key": 'str', "section": 'str', "source": 'str', "value": 'str'}, total=False)
ThreadlistData = TypedDict("ThreadlistData", {"cpums": 'Number', "id": 'Number', "name": 'str', "state": 'str'}, total=False)
ThreadsData = TypedDict("ThreadsData", {"cpums": 'Number', "id": 'Number', "name": 'str', "state": 'str'}, total=False)
Threads2Data = TypedDict("Threads2Data", {"cpums": 'Number', "id": 'Number', "name": 'str', "state": 'str'}, total=False)
TunnelinfoData = TypedDict("TunnelinfoData", {"bytesin": 'Number', "bytesout": 'Number', "failed": 'Number', "open": 'Number', "opened": 'Number', "protocol": 'str', "refused": 'Number', "since": 'str', "timedout": 'Number'}, total=False)
TunnelinfoexData = TypedDict("TunnelinfoexData", {"bytesin": 'Any', "bytesout": 'Any', "cipher": 'Any', "open": 'Any', "opened": 'Any', "transport": 'Any', "version": 'Any'}, total=False)
TunnellistData = TypedDict("TunnellistData", {"account": 'Any', "alpn": 'Any', "bytesin": 'Any', "bytesout": 'Any', "cipher": 'Any', "id": 'Any', "peer": 'Any', "port": 'Any', "since": 'Any', "sni": 'Any', "transport": 'Any', "version": 'Any'}, total=False)
VersionData = TypedDict("VersionData", {"commit": 'str', "features": 'str', "machine": 'str', "name": 'str', "system": 'str', "version": 'str'}, total=False)
AddserverData = TypedDict("AddserverData", {"routes": 'Number', "userid": 'Number'}, total=False)
BackupData = TypedDict("BackupData", {"accounts": 'Number', "bytes": 'Number', "cdrs": 'Number', "path": 'str'}, total=False)
BackupdbData = TypedDict("BackupdbData", {"accounts": 'Number', "bytes": 'Number', "cdrs": 'Number', "path": 'str'}, total=False)
BannedlistData = TypedDict("BannedlistData", {"hits": 'Any', "ip": 'Any', "reason": 'Any', "since": 'Any', "until": 'Any'}, total=False)
CmdData = TypedDict("CmdData", {"cut": 'bool', "output": 'str'}, total=False)
DbData = TypedDict("DbData", {}, total=False)
DelbannedData = TypedDict("DelbannedData", {"lifted": 'Number'}, total=False)
DeluserData = TypedDict("DeluserData", {"disconnected": 'Number', "unregistered": 'Number', "userid": 'Number'}, total=False)
DisccallData = TypedDict("DisccallData", {"disconnected": 'Number'}, total=False)
GetfileData = TypedDict("GetfileData", {"filedata": 'str', "filename": 'str', "size": 'Number'}, total=False)
ListusersData = TypedDict("ListusersData", {"credit": 'Number', "currency": 'str', "enabled": 'Number', "id": 'Number', "name": 'str', "parentid": 'Number', "phone": 'str', "postpaid": 'Number', "status": 'Number', "type": 'Number', "username": 'str'}, total=False)
NewuseriData = TypedDict("NewuseriData", {"userid": 'Number'}, total=False)
PutfileData = TypedDict("PutfileData", {"filename": 'str', "size": 'Number'}, total=False)
SetipData = TypedDict("SetipData", {"seconds": 'Number', "state": 'str'}, total=False)
SmsreceiveData = TypedDict("SmsreceiveData", {"repeated": 'bool'}, total=False)
TbackupData = TypedDict("TbackupData", {"accounts": 'Number', "bytes": 'Number', "cdrs": 'Number', "path": 'str'}, total=False)
TimezonesetData = TypedDict("TimezonesetData", {"offset": 'Number', "timezone": 'str'}, total=False)
UnregData = TypedDict("UnregData", {"unregistered": 'Number'}, total=False)
ApireloadData = TypedDict("ApireloadData", {"entries": 'Number'}, total=False)
DbbackupData = TypedDict("DbbackupData", {"accounts": 'Number', "bytes": 'Number', "cdrs": 'Number', "path": 'str'}, total=False)
DbfailoverData = TypedDict("DbfailoverData", {"database": 'Number', "engine": 'str', "writeus": 'Number'}, total=False)
DbresetData = TypedDict("DbresetData", {"connections": 'Number'}, total=False)
DbrsttgsData = TypedDict("DbrsttgsData", {"change": 'Number'}, total=False)
GwrstData = TypedDict("GwrstData", {"failed": 'Number', "registered": 'Number', "released": 'Number'}, total=False)
RebillData = TypedDict("RebillData", {"changed": 'Number', "postings": 'Number', "records": 'Number', "short": 'Number', "withoutprice": 'Number'}, total=False)
RebillData2 = TypedDict("RebillData2", {"callednumber": 'Any', "currency": 'Any', "difference": 'Any', "id": 'Any', "new": 'Any', "old": 'Any', "payer": 'Any'}, total=False)
ReloadData = TypedDict("ReloadData", {"changed": 'list[Any]'}, total=False)
ReloadapikeysData = TypedDict("ReloadapikeysData", {"added": 'list[Any]', "changed": 'list[Any]', "keys": 'Number', "removed": 'list[Any]'}, total=False)
ReloaddialplanData = TypedDict("ReloaddialplanData", {"added": 'Number', "changed": 'Number', "removed": 'Number', "rows": 'Number', "table": 'str'}, total=False)
ReloadnumdircacheData = TypedDict("ReloadnumdircacheData", {"added": 'Number', "changed": 'Number', "removed": 'Number', "rows": 'Number', "table": 'str'}, total=False)
RestartData = TypedDict("RestartData", {"connections": 'Number'}, total=False)
RulesreloadData = TypedDict("RulesreloadData", {"added": 'Number', "changed": 'Number', "removed": 'Number', "rows": 'Number', "table": 'str'}, total=False)
SipresetData = TypedDict("SipresetData", {"calls": 'Number', "ended": 'Number', "sockets": 'Number'}, total=False)
VsiprstData = TypedDict("VsiprstData", {"calls": 'Number', "sockets": 'Number'}, total=False)
CapcheckData = TypedDict("CapcheckData", {"answers": 'bool', "free": 'None | Number', "id": 'Number', "inuse": 'Number', "maxlines": 'None | Number', "username": 'str'}, total=False)
CheckcreditsData = TypedDict("CheckcreditsData", {"lapsed": 'Number', "problems": 'list[Any]'}, total=False)
CheckmailsData = TypedDict("CheckmailsData", {"failed": 'Number', "queued": 'Number', "sent": 'Number'}, total=False)
CheckpinsData = TypedDict("CheckpinsData", {"expired": 'Number', "unused": 'Number', "used": 'Number'}, total=False)
CheckscannerData = TypedDict("CheckscannerData", {"account": 'Any', "blacklisted": 'Any', "done": 'Any', "file": 'Any', "invalid": 'Any', "job": 'Any', "ported": 'Any', "rate": 'Any', "reason": 'Any', "source": 'Any', "started": 'Any', "state": 'Any', "total": 'Any', "unroutable": 'Any', "valid": 'Any'}, total=False)
CloseData = TypedDict("CloseData", {}, total=False)
CreatecdrinfoData = TypedDict("CreatecdrinfoData", {"filled": 'Number', "seen": 'Number'}, total=False)
DailymaintData = TypedDict("DailymaintData", {"again": 'bool', "report": 'str', "slot": 'str'}, total=False)
DailyreportData = TypedDict("DailyreportData", {"again": 'bool', "report": 'str', "slot": 'str'}, total=False)
DelobjData = TypedDict("DelobjData", {"dbobj": 'Number', "ep": 'Number', "maint": 'Number', "router": 'Number'}, total=False)
FinetuneData = TypedDict("FinetuneData", {"advice": 'str', "name": 'str', "state": 'str', "value": 'Number', "wanted": 'Number'}, total=False)
GetfieldData = TypedDict("GetfieldData", {}, total=False)
GetiniData = TypedDict("GetiniData", {"source": 'str', "value": 'str'}, total=False)
HourlymaintData = TypedDict("HourlymaintData", {"again": 'bool', "report": 'str', "slot": 'str'}, total=False)
KeepaliveData = TypedDict("KeepaliveData", {}, total=False)
LoadinifilesData = TypedDict("LoadinifilesData", {"inforce": 'Number', "settings": 'Number'}, total=False)
MonthlymaintData = TypedDict("MonthlymaintData", {"again": 'bool', "report": 'str', "slot": 'str'}, total=False)
NewusereventData = TypedDict("NewusereventData", {"announced": 'Number'}, total=False)
NewuserseventData = TypedDict("NewuserseventData", {"announced": 'Number'}, total=False)
NormalizechkData = TypedDict("NormalizechkData", {"number": 'str', "stage": 'str', "text": 'str'}, total=False)
OopData = TypedDict("OopData", {"credit": 'Number', "currency": 'str', "postpaid": 'bool', "status": 'Number'}, total=False)
OopData2 = TypedDict("OopData2", {"username": 'str'}, total=False)
PgetfileData = TypedDict("PgetfileData", {"filedata": 'str', "filename": 'str', "size": 'Number'}, total=False)
PputfileData = TypedDict("PputfileData", {"filename": 'str', "path": 'str'}, total=False)
SaveinifilesData = TypedDict("SaveinifilesData", {"files": 'list[Any]', "settings": 'Number'}, total=False)
SavesettingsData = TypedDict("SavesettingsData", {"file": 'str', "settings": 'Number'}, total=False)
SetfastregpwdData = TypedDict("SetfastregpwdData", {"userid": 'Number'}, total=False)
SetiniData = TypedDict("SetiniData", {"file": 'str', "key": 'str', "standing": 'str'}, total=False)
StopcannerData = TypedDict("StopcannerData", {"stopped": 'Number'}, total=False)
SyncusersData = TypedDict("SyncusersData", {"accounts": 'Number', "added": 'Number', "changed": 'Number', "removed": 'Number'}, total=False)
UnittestData = TypedDict("UnittestData", {"done": 'Number', "failed": 'Number', "p50ms": 'Number', "p95ms": 'Number', "p99ms": 'Number', "persecond": 'Number', "reason": 'str', "test": 'str'}, total=False)
UpdcdrdirData = TypedDict("UpdcdrdirData", {"filled": 'Number', "seen": 'Number'}, total=False)
WeeklymaintData = TypedDict("WeeklymaintData", {"again": 'bool', "report": 'str', "slot": 'str'}, total=False)
WillstopData = TypedDict("WillstopData", {"calls": 'Number', "draining": 'bool', "outbound": 'Number', "registered": 'Number'}, total=False)
ApikeydelData = TypedDict("ApikeydelData", {"name": 'str'}, total=False)
ApikeylistData = TypedDict("ApikeylistData", {"account": 'str', "addresses": 'str', "created": 'str', "enabled": 'bool', "expires": 'Any', "lastused": 'Any', "name": 'str', "scopes": 'str'}, total=False)
AuthexplainData = TypedDict("AuthexplainData", {"detail": 'str', "step": 'str', "verdict": 'str'}, total=False)
CodesgenerateData = TypedDict("CodesgenerateData", {"count": 'Number', "csv": 'str'}, total=False)
CodeslistData = TypedDict("CodeslistData", {"code": 'str', "currency": 'str', "expires": 'Any', "id": 'Number', "used": 'Number', "useddate": 'Any', "userid": 'Any', "value": 'Number'}, total=False)
CodesrevokeData = TypedDict("CodesrevokeData", {"revoked": 'Number'}, total=False)
EventlistData = TypedDict("EventlistData", {"event": 'str', "seq": 'Number'}, total=False)
EventsData = TypedDict("EventsData", {"cursor": 'Number'}, total=False)
ExamplesData = TypedDict("ExamplesData", {"command": 'str', "form": 'str', "request": 'str'}, total=False)
MmqData = TypedDict("MmqData", {"address": 'Any', "connection": 'Any', "device": 'Any', "lost": 'Any', "since": 'Any', "topics": 'Any', "user": 'Any', "userid": 'Any', "waiting": 'Any'}, total=False)
MmqpublishData = TypedDict("MmqpublishData", {"delivered": 'Number'}, total=False)
NumberaddData = TypedDict("NumberaddData", {"added": 'Number', "known": 'Number'}, total=False)
NumberassignData = TypedDict("NumberassignData", {"number": 'str', "userid": 'Number'}, total=False)
NumberlistData = TypedDict("NumberlistData", {"free": 'Number', "id": 'Number', "location": 'str', "number": 'str', "reserveduntil": 'Any', "userid": 'Number', "username": 'str'}, total=False)
NumberreleaseData = TypedDict("NumberreleaseData", {"number": 'str'}, total=False)
PriceassignData = TypedDict("PriceassignData", {"list": 'Number'}, total=False)
PriceexportData = TypedDict("PriceexportData", {"csv": 'str', "list": 'str'}, total=False)
PriceimportData = TypedDict("PriceimportData", {"added": 'Number', "changed": 'Number', "removed": 'Number', "unchanged": 'Number'}, total=False)
PriceimportData2 = TypedDict("PriceimportData2", {"billingstep": 'str', "change": 'str', "connectfee": 'str', "currency": 'str', "direction": 'str', "free": 'str', "freeafter": 'str', "minimum": 'str', "oldprice": 'None | Number', "prefix": 'str', "price": 'str', "validfrom": 'str', "validto": 'str'}, total=False)
PricelistaddData = TypedDict("PricelistaddData", {"id": 'Number', "name": 'str'}, total=False)
PricelistdelData = TypedDict("PricelistdelData", {"id": 'Number', "lines": 'Number'}, total=False)
PricelistsData = TypedDict("PricelistsData", {"accounts": 'Number', "currency": 'str', "id": 'Number', "isdefault": 'Number', "lines": 'Number', "name": 'str', "packets": 'Number', "resellerid": 'Number'}, total=False)
RequestsData = TypedDict("RequestsData", {"answer": 'str', "calls": 'str', "command": 'str', "datum": 'str', "ip": 'str', "ledger": 'str', "ms": 'Number', "request": 'str', "rule": 'str', "transport": 'str', "user": 'str'}, total=False)
RouteaddData = TypedDict("RouteaddData", {"id": 'Number'}, total=False)
RoutedelData = TypedDict("RoutedelData", {"id": 'Number'}, total=False)
RoutelistData = TypedDict("RoutelistData", {"caller": 'str', "enabled": 'Number', "id": 'Number', "name": 'str', "prefix": 'str', "priority": 'Number', "server": 'str', "serverid": 'Number', "timetype": 'Number', "weight": 'Number'}, total=False)
RoutesetData = TypedDict("RoutesetData", {"id": 'Number'}, total=False)
ScannumbersData = TypedDict("ScannumbersData", {"file": 'str', "job": 'Number', "numbers": 'Number'}, total=False)
WebhookaddData = TypedDict("WebhookaddData", {"secret": 'str', "webhookid": 'Number'}, total=False)
WebhookdelData = TypedDict("WebhookdelData", {}, total=False)
WebhooklistData = TypedDict("WebhooklistData", {"cursor": 'Number', "enabled": 'bool', "failingsince": 'Any', "failures": 'Number', "id": 'Number', "problem": 'str', "status": 'Number', "types": 'str', "url": 'str', "userid": 'Number'}, total=False)
WebhookreplayData = TypedDict("WebhookreplayData", {"cursor": 'Number'}, total=False)


class Client(Transport):
    """Every command of the server as a method."""

    def apitest(self, cursor: str | None = None) -> Reply[ApitestData]:
        """Connectivity test that runs the configured authentication: key, and credentials where some are sent."""
        return self.request("apitest", {"cursor": cursor})

    def apitest1(self, cursor: str | None = None) -> Reply[Apitest1Data]:
        """Connectivity test without any authentication."""
        return self.request("apitest1", {"cursor": cursor})

    def forgotpasswordanswer(self, email: str, forgotpasswordanswer: str, requestid: str | None = None) -> Reply[Any]:
        """Takes the code of forgotpasswordquestion or the answer to the account's question, makes a new password and sends it; five tries a code."""
        return self.request("forgotpasswordanswer", {"email": email, "forgotpasswordanswer": forgotpasswordanswer, "requestid": requestid})

    def forgotpasswordquestion(self, email: str, requestid: str | None = None) -> Reply[ForgotpasswordquestionData]:
        """Sends a one-time code for a new password, and the account's question if it has one, to the address, if an account has it; the answer is the same."""
        return self.request("forgotpasswordquestion", {"email": email, "requestid": requestid})

    def jppget(self, url: str, callback: str, cursor: str | None = None) -> Reply[Any]:
        """JSONP forward: calls the given function with {contents: …}, the answer of an API path of this server, or of a listed host."""
        return self.request("jppget", {"url": url, "callback": callback, "cursor": cursor})

    def login(self, cursor: str | None = None) -> Reply[LoginData]:
        """Checks the credentials, records the login and answers a session token that serves as a bearer token."""
        return self.request("login", {"cursor": cursor})

    def newusercode(self, u_code: str, u_username: str, u_password: str | None = None, deviceid: str | None = None, requestid: str | None = None) -> Reply[Any]:
        """Confirms a sign-up with the code that was sent by e-mail or SMS; five tries a code."""
        return self.request("newusercode", {"u_code": u_code, "u_username": u_username, "u_password": u_password, "deviceid": deviceid, "requestid": requestid})

    def newuseru(self, u_username: str, u_password: str, u_name: str | None = None, u_email: str | None = None, u_phone: str | None = None, u_currency: str | None = None, u_country: str | None = None, u_address: str | None = None, deviceid: str | None = None, requestid: str | None = None) -> Reply[NewuseruData]:
        """Self-service sign-up: makes an enduser with signupcredit, signuppacket and signuprights, disabled until newusercode where signupconfirm says so; limited by address and device."""
        return self.request("newuseru", {"u_username": u_username, "u_password": u_password, "u_name": u_name, "u_email": u_email, "u_phone": u_phone, "u_currency": u_currency, "u_country": u_country, "u_address": u_address, "deviceid": deviceid, "requestid": requestid})

    def preauth(self, cursor: str | None = None) -> Reply[PreauthData]:
        """Issues a nonce, bound to the client's address, for the next requests' authmd5."""
        return self.request("preauth", {"cursor": cursor})

    def addcallbacknumber(self, num: str, targetuser: str | None = None, requestid: str | None = None) -> Reply[AddcallbacknumberData]:
        """Adds a number from which the account may trigger callbacks by a call to callbackaccessnumber."""
        return self.request("addcallbacknumber", {"num": num, "targetuser": targetuser, "requestid": requestid})

    def addcredit(self, credit: str | None = None, pin: str | None = None, username: str | None = None, currency: str | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[AddcreditData]:
        """Adds (or subtracts) credit of the named account, from trusted addresses; with pin as charge."""
        return self.request("addcredit", {"credit": credit, "pin": pin, "username": username, "currency": currency, "targetuser": targetuser, "requestid": requestid})

    def balance(self, targetuser: str | None = None, cursor: str | None = None) -> Reply[BalanceData]:
        """Credit of the account."""
        return self.request("balance", {"targetuser": targetuser, "cursor": cursor})

    def callback(self, num: str, ivr: str | None = None, bnum: str | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[Any]:
        """Rings the number, and when it answers connects it to the account's phone or to bnum; both are billed to the account."""
        return self.request("callback", {"num": num, "ivr": ivr, "bnum": bnum, "targetuser": targetuser, "requestid": requestid})

    def callbackaccessnumber(self, targetuser: str | None = None, cursor: str | None = None) -> Reply[CallbackaccessnumberData]:
        """The access number that declines a known caller's call and calls it back."""
        return self.request("callbackaccessnumber", {"targetuser": targetuser, "cursor": cursor})

    def calldivert(self, callforwardalways: str | None = None, callforwardonbusy: str | None = None, callforwardonnoanswer: str | None = None, callforwardonnoanswertimeout: str | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[CalldivertData]:
        """As callforward, under the names that existing clients send."""
        return self.request("calldivert", {"callforwardalways": callforwardalways, "callforwardonbusy": callforwardonbusy, "callforwardonnoanswer": callforwardonnoanswer, "callforwardonnoanswertimeout": callforwardonnoanswertimeout, "targetuser": targetuser, "requestid": requestid})

    def callforward(self, anum: str | None = None, bnum: str | None = None, cnum: str | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[CallforwardData]:
        """Sets forwarding: always, on busy, on no answer. What is absent stays, what is empty is cleared."""
        return self.request("callforward", {"anum": anum, "bnum": bnum, "cnum": cnum, "targetuser": targetuser, "requestid": requestid})

    def callrating(self, callid: str, username: str | None = None, targetuser: str | None = None, cursor: str | None = None) -> Reply[Any]:
        """For a running call: the credit that is left, the longest duration in seconds, the price per minute and the destination."""
        return self.request("callrating", {"callid": callid, "username": username, "targetuser": targetuser, "cursor": cursor})

    def cccharge(self, cardnum: str, expireyear: str, expmonth: str, ccv2: str, ammount: str, targetuser: str | None = None, requestid: str | None = None) -> Reply[Any]:
        """Charges a card through the configured provider and adds the amount to the credit, once per requestid; card data are taken over TLS only and kept nowhere."""
        return self.request("cccharge", {"cardnum": cardnum, "expireyear": expireyear, "expmonth": expmonth, "ccv2": ccv2, "ammount": ammount, "targetuser": targetuser, "requestid": requestid})

    def cdr(self, caller: str | None = None, called: str | None = None, maxcount: int | None = None, days: str | None = None, dir: Literal["all", "in", "out"] | None = None, type: Literal["all", "connected", "notconnected"] | None = None, prefix: str | None = None, fields: Literal["min", "normal", "all"] | None = None, summary: Literal["yes", "no"] | None = None, by: Literal["all", "day", "caller", "called"] | None = None, order: Literal["date", "caller", "called", "user"] | None = None, targetuser: str | None = None, cursor: str | None = None) -> Reply[list[CdrData]]:
        """Call history in the server's time zone: own calls for users, everyone's with costs and profit for administrators."""
        return self.request("cdr", {"caller": caller, "called": called, "maxcount": maxcount, "days": days, "dir": dir, "type": type, "prefix": prefix, "fields": fields, "summary": summary, "by": by, "order": order, "targetuser": targetuser, "cursor": cursor})

    def changepwd(self, newpassword: str, oldpassword: str | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[ChangepwdData]:
        """Changes the password after checking the old one; it acts at once."""
        return self.request("changepwd", {"newpassword": newpassword, "oldpassword": oldpassword, "targetuser": targetuser, "requestid": requestid})

    def charge(self, pin: str, targetuser: str | None = None, requestid: str | None = None) -> Reply[ChargeData]:
        """Redeems a recharge PIN exactly once; wrong ones count as failed logins."""
        return self.request("charge", {"pin": pin, "targetuser": targetuser, "requestid": requestid})

    def cli(self, anum: str, targetuser: str | None = None, requestid: str | None = None) -> Reply[CliData]:
        """Adds a pin-less number (ANI): calls from it to an access number are the account's. A number has one account."""
        return self.request("cli", {"anum": anum, "targetuser": targetuser, "requestid": requestid})

    def getdetails(self, mode: str | None = None, targetuser: str | None = None, cursor: str | None = None) -> Reply[GetdetailsData]:
        """Account details as name=value lines; never passwords."""
        return self.request("getdetails", {"mode": mode, "targetuser": targetuser, "cursor": cursor})

    def getphonenumber(self, count: int | None = None, prefix: str | None = None, location: str | None = None, cursor: str | None = None) -> Reply[list[GetphonenumberData]]:
        """Free numbers of the pool; lockphonenumber takes one."""
        return self.request("getphonenumber", {"count": count, "prefix": prefix, "location": location, "cursor": cursor})

    def lockphonenumber(self, num: str, targetuser: str | None = None, requestid: str | None = None) -> Reply[LockphonenumberData]:
        """Takes a free number of the pool: exactly one caller gets it, and calls to it reach the account."""
        return self.request("lockphonenumber", {"num": num, "targetuser": targetuser, "requestid": requestid})

    def p2p(self, bnum: str, cnum: str | None = None, waitfor: int | None = None, anum: str | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[Any]:
        """Calls the first number, when it answers the second, and bridges them; both are billed to the account."""
        return self.request("p2p", {"bnum": bnum, "cnum": cnum, "waitfor": waitfor, "anum": anum, "targetuser": targetuser, "requestid": requestid})

    def presence_get(self, userusername: str | None = None, ptype: int | None = None, domain: str | None = None, userlist: str | None = None, targetuser: str | None = None, cursor: str | None = None) -> Reply[PresenceGetData]:
        """Presence of one or many users: what they set or their phones published, else unknown, offline, online, calling or speaking; only of the account's own usergroup."""
        return self.request("presence_get", {"userusername": userusername, "ptype": ptype, "domain": domain, "userlist": userlist, "targetuser": targetuser, "cursor": cursor})

    def presence_set(self, pstatus: str | None = None, ptype: int | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[PresenceSetData]:
        """Sets the account's presence, as seen by presence_get and SIP SUBSCRIBE; hands over the messages that wait for it, once."""
        return self.request("presence_set", {"pstatus": pstatus, "ptype": ptype, "targetuser": targetuser, "requestid": requestid})

    def rating(self, bnum: str | None = None, targetuser: str | None = None, cursor: str | None = None) -> Reply[RatingData | list[RatingData2]]:
        """Price per minute of a number or prefix for this account; the price table without a number."""
        return self.request("rating", {"bnum": bnum, "targetuser": targetuser, "cursor": cursor})

    def search(self, txt: str, maxcount: int | None = None, targetuser: str | None = None, cursor: str | None = None) -> Reply[list[SearchData]]:
        """Finds users by part of a username, name or number: for users those of the same reseller and group."""
        return self.request("search", {"txt": txt, "maxcount": maxcount, "targetuser": targetuser, "cursor": cursor})

    def sendccinfo(self, targetuser: str | None = None, cursor: str | None = None) -> Reply[SendccinfoData]:
        """The account's payment page (cardpage) and the state of its last card payments; never card data, and no card is saved."""
        return self.request("sendccinfo", {"targetuser": targetuser, "cursor": cursor})

    def sendim(self, txt: str, bnum: str | None = None, buserlist: str | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[SendimData]:
        """Chat message to one or many users: a SIP MESSAGE to each registered phone; kept for who is offline until a phone registers or presence_set asks."""
        return self.request("sendim", {"txt": txt, "bnum": bnum, "buserlist": buserlist, "targetuser": targetuser, "requestid": requestid})

    def setfield(self, fieldname: str, fieldtype: str | None = None, fieldvalue: str | None = None, rowid: str | None = None, sync: str | None = None, table: str | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[SetfieldData]:
        """Sets a field of the account; administrators any field of any table."""
        return self.request("setfield", {"fieldname": fieldname, "fieldtype": fieldtype, "fieldvalue": fieldvalue, "rowid": rowid, "sync": sync, "table": table, "targetuser": targetuser, "requestid": requestid})

    def status(self, targetuser: str | None = None, cursor: str | None = None) -> Reply[StatusData]:
        """Own line state: 0 doesn't exist, 1 offline, 2 online, 3 calling, 4 speaking."""
        return self.request("status", {"targetuser": targetuser, "cursor": cursor})

    def transfercredit(self, username: str, credit: str, targetuser: str | None = None, requestid: str | None = None) -> Reply[TransfercreditData]:
        """Moves credit to another account in one step; never below zero for prepaid accounts."""
        return self.request("transfercredit", {"username": username, "credit": credit, "targetuser": targetuser, "requestid": requestid})

    def verifyuser(self, userusername: str | None = None, userlist: str | None = None, cursor: str | None = None) -> Reply[VerifyuserData]:
        """Line state of another user, with the numbers of status; with userlist of several."""
        return self.request("verifyuser", {"userusername": userusername, "userlist": userlist, "cursor": cursor})

    def wsload(self, brandid: str | None = None, brandname: str | None = None, companyname: str | None = None, upperserver: str | None = None, cursor: str | None = None) -> Reply[WsloadData]:
        """Load of the WebSocket gateway, 0 idle to 7 full, by connections and calls, for balancing in the client."""
        return self.request("wsload", {"brandid": brandid, "brandname": brandname, "companyname": companyname, "upperserver": upperserver, "cursor": cursor})

    def wsunreg(self, targetuser: str | None = None, cursor: str | None = None) -> Reply[WsunregData]:
        """Ends the account's WebRTC session: its registrations over WebSocket are gone."""
        return self.request("wsunreg", {"targetuser": targetuser, "cursor": cursor})

    def wsuser(self, brandname: str | None = None, companyname: str | None = None, upperserver: str | None = None, upperserverdomain: str | None = None, targetuser: str | None = None, cursor: str | None = None) -> Reply[WsuserData]:
        """Begins a WebRTC client's session: where its SIP over WebSocket goes, and its realm and ICE servers."""
        return self.request("wsuser", {"brandname": brandname, "companyname": companyname, "upperserver": upperserver, "upperserverdomain": upperserverdomain, "targetuser": targetuser, "cursor": cursor})

    def call(self, origsimid: str | None = None, telnum: str | None = None, duration: int | None = None, targetuser: str | None = None, cursor: str | None = None) -> Reply[list[CallData]]:
        """Live calls with their state, codec, cost so far and MOS (of the side that is heard worse), the first column is the dbcallsid that disccall takes; with origsimid and telnum a test call at that line's expense, reported when it is over."""
        return self.request("call", {"origsimid": origsimid, "telnum": telnum, "duration": duration, "targetuser": targetuser, "cursor": cursor})

    def deviceid(self, cursor: str | None = None) -> Reply[DeviceidData]:
        """The stable id of this installation and node."""
        return self.request("deviceid", {"cursor": cursor})

    def endpoints(self, targetuser: str | None = None, cursor: str | None = None) -> Reply[list[EndpointsData]]:
        """Every SIP server and registered phone with its address: asked by OPTIONS now, whether and how fast it answers within two seconds, and its calls."""
        return self.request("endpoints", {"targetuser": targetuser, "cursor": cursor})

    def epreg(self, regtype: Literal["in", "out", "all"] | None = None, regstate: str | None = None, targetuser: str | None = None, cursor: str | None = None) -> Reply[list[EpregData]]:
        """Registrations: of phones at this server (in) and of this server at upper servers (out)."""
        return self.request("epreg", {"regtype": regtype, "regstate": regstate, "targetuser": targetuser, "cursor": cursor})

    def fastregusers(self, which: Literal["succ", "all"] | None = None, targetuser: str | None = None, cursor: str | None = None) -> Reply[list[FastregusersData]]:
        """Accounts that may register as they are in memory, with their contacts and how many seconds ago they were read from the database."""
        return self.request("fastregusers", {"which": which, "targetuser": targetuser, "cursor": cursor})

    def fastusers(self, targetuser: str | None = None, cursor: str | None = None) -> Reply[list[FastusersData]]:
        """The accounts in memory: how many seconds ago each was read from the database, and how often SIP requests proved to be its own since the start."""
        return self.request("fastusers", {"targetuser": targetuser, "cursor": cursor})

    def file(self, filename: str, cursor: str | None = None) -> Reply[FileData]:
        """Sends a file of the server (logs, CDR files, reports), in base64."""
        return self.request("file", {"filename": filename, "cursor": cursor})

    def gencdr(self, days: int | None = None, fromdate: str | None = None, todate: str | None = None, format: Literal["csv", "jsonl"] | None = None, parent: str | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[list[GencdrData]]:
        """Writes files of call records, one per day of the server's time zone, packed with gzip, below the folder cdr of the data folder; a day that is written again replaces its file."""
        return self.request("gencdr", {"days": days, "fromdate": fromdate, "todate": todate, "format": format, "parent": parent, "targetuser": targetuser, "requestid": requestid})

    def heartbeat(self, mode: str | None = None, cursor: str | None = None) -> Reply[HeartbeatData | list[HeartbeatData2]]:
        """quick: alive. full: exercises database, SIP, media, disk and queues; fails if one of them does."""
        return self.request("heartbeat", {"mode": mode, "cursor": cursor})

    def info(self, cursor: str | None = None) -> Reply[InfoData]:
        """Uptime, version, listeners, registered users, calls, limits, queue, processor, memory, database."""
        return self.request("info", {"cursor": cursor})

    def lists(self, cursor: str | None = None) -> Reply[list[ListsData]]:
        """Entries of every table in memory and what they take at least: their fixed parts, without texts and indexes."""
        return self.request("lists", {"cursor": cursor})

    def locks(self, cursor: str | None = None) -> Reply[list[LocksData]]:
        """Credit that running calls have reserved and locks of the database that are waited for, with age in seconds and owner; and writes that wait."""
        return self.request("locks", {"cursor": cursor})

    def log(self, level: str | None = None, module: str | None = None, txt: str | None = None, requestid: str | None = None) -> Reply[Any]:
        """Shows or changes the log level until the next reload, or writes an operator's remark into the log."""
        return self.request("log", {"level": level, "module": module, "txt": txt, "requestid": requestid})

    def logsearch(self, txt: str, log: str | None = None, lines: int | None = None, cursor: str | None = None) -> Reply[Any]:
        """Searches the log files, the newest first, bounded in time and size."""
        return self.request("logsearch", {"txt": txt, "log": log, "lines": lines, "cursor": cursor})

    def querylist(self, cursor: str | None = None) -> Reply[list[QuerylistData]]:
        """Statements of this server that the database is running: id, age in milliseconds, text without values."""
        return self.request("querylist", {"cursor": cursor})

    def quickstat(self, targetuser: str | None = None, cursor: str | None = None) -> Reply[QuickstatData]:
        """Calls, calls per second, registered accounts, ASR in percent and ACD in seconds of the last hour, queue depth."""
        return self.request("quickstat", {"targetuser": targetuser, "cursor": cursor})

    def regstat(self, cursor: str | None = None) -> Reply[RegstatData]:
        """Statistics of registrations since the start: bindings by transport, failures by reason, refreshes by interval, and the rate per second of the last ten."""
        return self.request("regstat", {"cursor": cursor})

    def reguser(self, usr: str | None = None, targetuser: str | None = None, cursor: str | None = None) -> Reply[list[ReguserData]]:
        """Registered users and devices: contact, received address, transport, user agent, expiry."""
        return self.request("reguser", {"usr": usr, "targetuser": targetuser, "cursor": cursor})

    def reports(self, name: Literal["day", "destination", "account", "trunk"] | None = None, days: int | None = None, targetuser: str | None = None, cursor: str | None = None) -> Reply[list[ReportsData]]:
        """Traffic, quality (ASR in percent; ACD and PDD in seconds; MOS as the mean of the calls that were heard), revenue, cost and profit by day of the server's time zone, destination, account or trunk."""
        return self.request("reports", {"name": name, "days": days, "targetuser": targetuser, "cursor": cursor})

    def routingtest(self, called: str, ip: str | None = None, caller: str | None = None, targetuser: str | None = None, cursor: str | None = None) -> Reply[list[RoutingtestData]]:
        """Dry run of a call: authentication, normalisation, filters, every candidate with price and reason."""
        return self.request("routingtest", {"called": called, "ip": ip, "caller": caller, "targetuser": targetuser, "cursor": cursor})

    def shortinfo(self, cursor: str | None = None) -> Reply[list[str]]:
        """The state of the server in five lines."""
        return self.request("shortinfo", {"cursor": cursor})

    def showcfg(self, section: str | None = None, cursor: str | None = None) -> Reply[list[ShowcfgData]]:
        """The configuration in force, with the source of each value; secrets are masked."""
        return self.request("showcfg", {"section": section, "cursor": cursor})

    def showlog(self, log: str | None = None, lines: int | None = None, cursor: str | None = None) -> Reply[Any]:
        """The last lines of the log; secrets are masked."""
        return self.request("showlog", {"log": log, "lines": lines, "cursor": cursor})

    def threadlist(self, cursor: str | None = None) -> Reply[list[ThreadlistData]]:
        """Threads of the process with name, processor time in milliseconds and state."""
        return self.request("threadlist", {"cursor": cursor})

    def threads(self, cursor: str | None = None) -> Reply[list[ThreadsData]]:
        """Threads of the process with name, processor time in milliseconds and state."""
        return self.request("threads", {"cursor": cursor})

    def threads2(self, cursor: str | None = None) -> Reply[list[Threads2Data]]:
        """As threads, and the runtime's workers, tasks, tasks that wait, and the time its workers spent polling tasks."""
        return self.request("threads2", {"cursor": cursor})

    def tunnelinfo(self, cursor: str | None = None) -> Reply[TunnelinfoData]:
        """Encrypted connections since the start: opened, open, handshakes that failed or were refused, bytes. This is TLS (SIP over TLS and WebSocket, HTTPS, the API over TLS and WebSocket): there is no tunnel protocol of its own."""
        return self.request("tunnelinfo", {"cursor": cursor})

    def tunnelinfoex(self, cursor: str | None = None) -> Reply[list[TunnelinfoexData]]:
        """Encrypted connections since the start by what they carry, version of TLS and cipher suite. This is TLS: there is no tunnel protocol of its own."""
        return self.request("tunnelinfoex", {"cursor": cursor})

    def tunnellist(self, max: int | None = None, cursor: str | None = None) -> Reply[list[TunnellistData]]:
        """Open encrypted connections: peer, what they carry, since when, version of TLS, cipher suite, SNI, ALPN, the account where one was proved on it, bytes. This is TLS: there is no tunnel protocol of its own."""
        return self.request("tunnellist", {"max": max, "cursor": cursor})

    def version(self, cursor: str | None = None) -> Reply[VersionData]:
        """Name, version, system, the commit it was built from and what was built in."""
        return self.request("version", {"cursor": cursor})

    def addserver(self, u_type: int | None = None, u_name: str | None = None, u_username: str | None = None, u_password: str | None = None, u_domain: str | None = None, u_ip: str | None = None, u_port: int | None = None, u_proxy: str | None = None, u_transport: str | None = None, u_auth: int | None = None, u_email: str | None = None, u_country: str | None = None, u_currency: str | None = None, u_credit: str | None = None, u_routing: str | None = None, u_routingpriority: int | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[AddserverData]:
        """Adds a SIP server or traffic sender, usable for routing at once; fieldname0…99/fieldval0…99 set more."""
        return self.request("addserver", {"u_type": u_type, "u_name": u_name, "u_username": u_username, "u_password": u_password, "u_domain": u_domain, "u_ip": u_ip, "u_port": u_port, "u_proxy": u_proxy, "u_transport": u_transport, "u_auth": u_auth, "u_email": u_email, "u_country": u_country, "u_currency": u_currency, "u_credit": u_credit, "u_routing": u_routing, "u_routingpriority": u_routingpriority, "targetuser": targetuser, "requestid": requestid})

    def backup(self, path: str | None = None, requestid: str | None = None) -> Reply[BackupData]:
        """Copies the database while it is in use to backuptarget, else the backups folder, and proves the copy by restoring it into a scratch database and counting."""
        return self.request("backup", {"path": path, "requestid": requestid})

    def backupdb(self, path: str | None = None, requestid: str | None = None) -> Reply[BackupdbData]:
        """Copies the database while it is in use to backuptarget, else the backups folder, and proves the copy by restoring it into a scratch database and counting."""
        return self.request("backupdb", {"path": path, "requestid": requestid})

    def bannedlist(self, cursor: str | None = None) -> Reply[list[BannedlistData]]:
        """Banned addresses and accounts: reason, since, until, hits."""
        return self.request("bannedlist", {"cursor": cursor})

    def client(self, node: str | None = None, txt: str | None = None, cursor: str | None = None) -> Reply[Any]:
        """Runs the lines that follow on another node of the installation, or one line (client NODE COMMAND …); each under its own access rule here and there, audited on both. Without a node it comes back, or lists the nodes and whether they can be reached."""
        return self.request("client", {"node": node, "txt": txt, "cursor": cursor})

    def cmd(self, txt: str, requestid: str | None = None) -> Reply[CmdData]:
        """Runs a program of the start-up file's hostcommands: no shell, bounded in time and output, audited."""
        return self.request("cmd", {"txt": txt, "requestid": requestid})

    def db(self, sql: str, targetuser: str | None = None, requestid: str | None = None) -> Reply[list[DbData]]:
        """Runs one SQL statement, also in T-SQL dress, within time and row limits; audited."""
        return self.request("db", {"sql": sql, "targetuser": targetuser, "requestid": requestid})

    def delbanned(self, ip: str | None = None, requestid: str | None = None) -> Reply[DelbannedData]:
        """Lifts the ban of an address or account, or all bans."""
        return self.request("delbanned", {"ip": ip, "requestid": requestid})

    def deluser(self, u_id: str, targetuser: str | None = None, requestid: str | None = None) -> Reply[DeluserData]:
        """Deletes an account, keeping its history; drops its registrations and live calls."""
        return self.request("deluser", {"u_id": u_id, "targetuser": targetuser, "requestid": requestid})

    def disccall(self, dbcallsid: str, targetuser: str | None = None, requestid: str | None = None) -> Reply[DisccallData]:
        """Hangs up a call; its CDR tells the reason."""
        return self.request("disccall", {"dbcallsid": dbcallsid, "targetuser": targetuser, "requestid": requestid})

    def getfile(self, filename: str, cursor: str | None = None) -> Reply[GetfileData]:
        """Loads a file from the server's files folder, in base64."""
        return self.request("getfile", {"filename": filename, "cursor": cursor})

    def listusers(self, u_type: int | None = None, u_maxcount: int | None = None, u_extended: Literal["yes", "no"] | None = None, u_order: str | None = None, targetuser: str | None = None, cursor: str | None = None) -> Reply[list[ListusersData]]:
        """Lists accounts, with a cursor for the next page; never passwords."""
        return self.request("listusers", {"u_type": u_type, "u_maxcount": u_maxcount, "u_extended": u_extended, "u_order": u_order, "targetuser": targetuser, "cursor": cursor})

    def newuseri(self, u_username: str, u_password: str, u_name: str | None = None, u_email: str | None = None, u_phone: str | None = None, u_currency: str | None = None, u_country: str | None = None, u_address: str | None = None, credit: str | None = None, u_type: int | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[NewuseriData]:
        """Makes an account without sign-up limits, with opening credit."""
        return self.request("newuseri", {"u_username": u_username, "u_password": u_password, "u_name": u_name, "u_email": u_email, "u_phone": u_phone, "u_currency": u_currency, "u_country": u_country, "u_address": u_address, "credit": credit, "u_type": u_type, "targetuser": targetuser, "requestid": requestid})

    def putfile(self, filename: str, filedata: str, requestid: str | None = None) -> Reply[PutfileData]:
        """Saves base64 data under the server's files folder, whole or not at all."""
        return self.request("putfile", {"filename": filename, "filedata": filedata, "requestid": requestid})

    def setip(self, cardname: str, ip: str, mask: str, gateway: str | None = None, gwmetric: int | None = None, requestid: str | None = None) -> Reply[SetipData]:
        """Changes the machine's address through the operator's helper; the same request again confirms it, else it is reverted after hostipconfirm seconds."""
        return self.request("setip", {"cardname": cardname, "ip": ip, "mask": mask, "gateway": gateway, "gwmetric": gwmetric, "requestid": requestid})

    def smsreceive(self, from_: str, to: str, txt: str | None = None, msgid: str | None = None, status: str | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[SmsreceiveData]:
        """An SMS from a gateway: a message to the account that owns the number; else a command of the sender, known by its number (p2p, cb, balance, rating, charge, cli); once per msgid."""
        return self.request("smsreceive", {"from": from_, "to": to, "txt": txt, "msgid": msgid, "status": status, "targetuser": targetuser, "requestid": requestid})

    def tbackup(self, path: str | None = None, requestid: str | None = None) -> Reply[TbackupData]:
        """Copies the database while it is in use to backuptarget, else the backups folder, and proves the copy by restoring it into a scratch database and counting."""
        return self.request("tbackup", {"path": path, "requestid": requestid})

    def timezoneset(self, timezone: str | None = None, requestid: str | None = None) -> Reply[TimezonesetData]:
        """Sets the time zone of tariffs, days, reports and the dates of call records by its IANA name; storage stays in UTC. Without a name, the one in force."""
        return self.request("timezoneset", {"timezone": timezone, "requestid": requestid})

    def unreg(self, username: str, ip: str | None = None, mode: int | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[UnregData]:
        """Unregisters a user's devices, or all; mode=1 removes the bindings silently."""
        return self.request("unreg", {"username": username, "ip": ip, "mode": mode, "targetuser": targetuser, "requestid": requestid})

    def voicehere(self, dbcallid: str, phone: str | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[Any]:
        """Live listening to one call: answers with a WebSocket address that is good once and for listentime seconds and sends both sides' sound; PCMU and PCMA only; audited. Ringing a phone as a silent listener is not part of this version."""
        return self.request("voicehere", {"dbcallid": dbcallid, "phone": phone, "targetuser": targetuser, "requestid": requestid})

    def voicehere2(self, username: str, phone: str | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[Any]:
        """As voicehere, by user: the youngest call that the user takes part in or pays for."""
        return self.request("voicehere2", {"username": username, "phone": phone, "targetuser": targetuser, "requestid": requestid})

    def apireload(self, requestid: str | None = None) -> Reply[ApireloadData]:
        """Reloads tb_api at once; a wrong row is named and leaves the old rules."""
        return self.request("apireload", {"requestid": requestid})

    def dbbackup(self, reseed: str | None = None, path: str | None = None, ival: int | None = None, type: str | None = None, requestid: str | None = None) -> Reply[DbbackupData]:
        """Copies the database while it is in use into the backups folder and proves the copy by restoring it into a scratch database and counting; type=incremental keeps only what changed since the newest full one; with ival every so many hours by itself."""
        return self.request("dbbackup", {"reseed": reseed, "path": path, "ival": ival, "type": type, "requestid": requestid})

    def dbfailover(self, reserved: str | None = None, forcedbnum: int | None = None, checkonly: Literal["yes", "no"] | None = None, withrestore: Literal["yes", "no"] | None = None, needrestart: Literal["yes", "no"] | None = None, requestid: str | None = None) -> Reply[DbfailoverData]:
        """Ends calls and starts again on another of the configured databases (failoverdatabases), which must hold all that this one holds unless it is named or a backup is restored into it; with checkonly=1 only the health of this one and how far the others are behind."""
        return self.request("dbfailover", {"reserved": reserved, "forcedbnum": forcedbnum, "checkonly": checkonly, "withrestore": withrestore, "needrestart": needrestart, "requestid": requestid})

    def dbreset(self, requestid: str | None = None) -> Reply[DbresetData]:
        """Fresh connections to the database for the writer and the readers; what runs is finished on the old ones. Answers when the database was written and read."""
        return self.request("dbreset", {"requestid": requestid})

    def dbrestore(self, path: str, reserved: str | None = None, requestid: str | None = None) -> Reply[Any]:
        """Verifies a backup of the backups folder by restoring it into a scratch database, then ends calls, puts it in the database's place and starts again; the old database stays beside it."""
        return self.request("dbrestore", {"path": path, "reserved": reserved, "requestid": requestid})

    def dbrsttgs(self, requestid: str | None = None) -> Reply[DbrsttgsData]:
        """Starts the follower of the database's change triggers anew; answers when everything that is committed is in force."""
        return self.request("dbrsttgs", {"requestid": requestid})

    def gwrst(self, requestid: str | None = None) -> Reply[GwrstData]:
        """Forgets which trunks did not answer and registers at every server anew; answers when they answered or had five seconds."""
        return self.request("gwrst", {"requestid": requestid})

    def logrename(self, requestid: str | None = None) -> Reply[Any]:
        """Rotates the log files now."""
        return self.request("logrename", {"requestid": requestid})

    def maintreset(self, requestid: str | None = None) -> Reply[Any]:
        """Starts the task that looks for due maintenance anew; what is done stays done."""
        return self.request("maintreset", {"requestid": requestid})

    def rebill(self, days: int | None = None, fromdate: str | None = None, todate: str | None = None, usertype: str | None = None, parent: str | None = None, checkwarnings: Literal["yes", "no"] | None = None, credit: Literal["yes", "no"] | None = None, requestid: str | None = None) -> Reply[RebillData | list[RebillData2]]:
        """Prices the answered calls of a time again with present tariffs and writes the endusers' costs into the records; the same again changes nothing. Credit moves only with credit=yes, through the ledger; checkwarnings shows the differences and changes nothing."""
        return self.request("rebill", {"days": days, "fromdate": fromdate, "todate": todate, "usertype": usertype, "parent": parent, "checkwarnings": checkwarnings, "credit": credit, "requestid": requestid})

    def reload(self, requestid: str | None = None) -> Reply[ReloadData]:
        """Reads the configuration again: validated as a whole, in force at once; a wrong value changes nothing and is named. Says which keys changed, and which of them wait for a restart."""
        return self.request("reload", {"requestid": requestid})

    def reloadapikeys(self, requestid: str | None = None) -> Reply[ReloadapikeysData]:
        """Reads the named API keys again and says which are new, gone or different."""
        return self.request("reloadapikeys", {"requestid": requestid})

    def reloaddialplan(self, requestid: str | None = None) -> Reply[list[ReloaddialplanData]]:
        """Reads routing, prices, currencies and holidays again, in force together; says how many there are and what changed since the last time."""
        return self.request("reloaddialplan", {"requestid": requestid})

    def reloadnumdircache(self, requestid: str | None = None) -> Reply[list[ReloadnumdircacheData]]:
        """Reads the number pool again, in force together; says how many there are and what changed since the last time."""
        return self.request("reloadnumdircache", {"requestid": requestid})

    def restart(self, what: Literal["service", "database", "server", "force"], requestid: str | None = None) -> Reply[RestartData]:
        """Restarts: service (after running calls ended or had draintimeout), force (at once), database (connections and listener), server (the machine, by hostrestart)."""
        return self.request("restart", {"what": what, "requestid": requestid})

    def rulesreload(self, requestid: str | None = None) -> Reply[list[RulesreloadData]]:
        """Reads the routing rules, the blocked and the ported numbers again, in force together; says how many there are and what changed since the last time."""
        return self.request("rulesreload", {"requestid": requestid})

    def sipreset(self, requestid: str | None = None) -> Reply[SipresetData]:
        """As vsiprst, and ends the attempts that nobody answered yet, forgets routes and registers at the servers anew; answered calls go on."""
        return self.request("sipreset", {"requestid": requestid})

    def upgradeall(self, what: Literal["0", "gateways", "1", "nodes", "2", "all"] | None = None, requestid: str | None = None) -> Reply[Any]:
        """Upgrades gateways (0) by upgradechannel, the other nodes (1), or both (2): one node after the other ends its calls, restarts and must be healthy again before the next; stops at the first that is not."""
        return self.request("upgradeall", {"what": what, "requestid": requestid})

    def vsiprst(self, requestid: str | None = None) -> Reply[VsiprstData]:
        """Binds the sockets of SIP and of the main UDP port anew on the same ports; calls, registrations and connections go on. Answers when an OPTIONS is answered."""
        return self.request("vsiprst", {"requestid": requestid})

    def webrst(self, requestid: str | None = None) -> Reply[Any]:
        """Binds the TCP and TLS listeners of the API, the web and the console anew on the same ports; connections go on."""
        return self.request("webrst", {"requestid": requestid})

    def capcheck(self, direction: str, cursor: str | None = None) -> Reply[list[CapcheckData]]:
        """Free capacity towards a prefix: trunks in the order of routing with calls in use, limits and what is free; and the server's own limit."""
        return self.request("capcheck", {"direction": direction, "cursor": cursor})

    def checkcredits(self, requestid: str | None = None) -> Reply[CheckcreditsData]:
        """Lets credit lapse whose date has passed and adds up the books; says what it did and found."""
        return self.request("checkcredits", {"requestid": requestid})

    def checkmails(self, cursor: str | None = None) -> Reply[CheckmailsData]:
        """Counts the messages of the outbox by state. Nothing delivers them in this version."""
        return self.request("checkmails", {"cursor": cursor})

    def checkpins(self, cursor: str | None = None) -> Reply[CheckpinsData]:
        """Counts the recharge codes by state: unused, expired unused, used. An expired code is refused by its date; nothing has to be changed for it."""
        return self.request("checkpins", {"cursor": cursor})

    def checkscanner(self, targetuser: str | None = None, cursor: str | None = None) -> Reply[list[CheckscannerData]]:
        """The number scanner's jobs since the start: state, progress, what was found, and the result file; scannumbers begins one."""
        return self.request("checkscanner", {"targetuser": targetuser, "cursor": cursor})

    def close(self, cursor: str | None = None) -> Reply[CloseData]:
        """Closes the connection, on transports that have one."""
        return self.request("close", {"cursor": cursor})

    def createcdrinfo(self, days: int | None = None, requestid: str | None = None) -> Reply[CreatecdrinfoData]:
        """As updcdrdir: reports then sum every call under its destination; sums are made from the records themselves when they are asked for."""
        return self.request("createcdrinfo", {"days": days, "requestid": requestid})

    def dailymaint(self, requestid: str | None = None) -> Reply[DailymaintData]:
        """Does today's maintenance now, once a day: sums up the days before, removes what is older than keepcdrdays, keepauditdays, keeplinestatedays, keeplogdays."""
        return self.request("dailymaint", {"requestid": requestid})

    def dailyreport(self, requestid: str | None = None) -> Reply[DailyreportData]:
        """Makes the report of yesterday's traffic now, once a day: queued for adminemail, else a file below reports."""
        return self.request("dailyreport", {"requestid": requestid})

    def delobj(self, object: Literal["ep", "logic", "sqlupd", "router", "pred", "check", "simall", "maint", "logger", "dbobj", "all"] | None = None, requestid: str | None = None) -> Reply[DelobjData]:
        """Frees the named objects in memory, which are rebuilt at once or on use; live calls stay: ep (trunks' health, routes), logic and router (accounts, prices, rules, numbers), maint, dbobj (connections), all."""
        return self.request("delobj", {"object": object, "requestid": requestid})

    def exit(self, cursor: str | None = None) -> Reply[Any]:
        """Closes the connection, on transports that have one."""
        return self.request("exit", {"cursor": cursor})

    def finetune(self, requestid: str | None = None) -> Reply[list[FinetuneData]]:
        """Checks limits of the kernel and the process; raises the limit of open descriptors as far as it may, and says what to raise by hand."""
        return self.request("finetune", {"requestid": requestid})

    def getfield(self, filterfieldvalue: str, table: str | None = None, retfieldname: str | None = None, filterfieldtype: str | None = None, filterfieldname: str | None = None, targetuser: str | None = None, cursor: str | None = None) -> Reply[GetfieldData]:
        """One value: a field of the first row that fits."""
        return self.request("getfield", {"filterfieldvalue": filterfieldvalue, "table": table, "retfieldname": retfieldname, "filterfieldtype": filterfieldtype, "filterfieldname": filterfieldname, "targetuser": targetuser, "cursor": cursor})

    def getini(self, section: str | None = None, key: str | None = None, file: str | None = None, cursor: str | None = None) -> Reply[GetiniData]:
        """The value of one configuration key: the one in force, or with file that of a settings file; secrets are masked."""
        return self.request("getini", {"section": section, "key": key, "file": file, "cursor": cursor})

    def help(self, command: str | None = None, cursor: str | None = None) -> Reply[list[str]]:
        """Lists the commands, or explains one."""
        return self.request("help", {"command": command, "cursor": cursor})

    def hourlymaint(self, requestid: str | None = None) -> Reply[HourlymaintData]:
        """Does this hour's maintenance now, once an hour: lapsed credit (creditelapsedt), the zone's offset."""
        return self.request("hourlymaint", {"requestid": requestid})

    def keepalive(self, cursor: str | None = None) -> Reply[KeepaliveData]:
        """Keeps the connection alive."""
        return self.request("keepalive", {"cursor": cursor})

    def loadinifiles(self, module: str | None = None, file: str | None = None, notsaved: str | None = None, requestid: str | None = None) -> Reply[LoadinifilesData]:
        """Takes the settings of a file below DATA/settings, or of all, into the database: every value is checked first, and all are taken or none; in force at once where that is possible."""
        return self.request("loadinifiles", {"module": module, "file": file, "notsaved": notsaved, "requestid": requestid})

    def monthlymaint(self, requestid: str | None = None) -> Reply[MonthlymaintData]:
        """Does this month's maintenance now, once a month: brings the free minutes and messages of accounts with a packet to what it gives, through the ledger."""
        return self.request("monthlymaint", {"requestid": requestid})

    def newuserevent(self, userid: str | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[NewusereventData]:
        """Announces accounts that outside SQL made: they are in force in memory when this answers, and watchers are told; without userid all that are new."""
        return self.request("newuserevent", {"userid": userid, "targetuser": targetuser, "requestid": requestid})

    def newusersevent(self, userid: str | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[NewuserseventData]:
        """Announces accounts that outside SQL made: they are in force in memory when this answers, and watchers are told; without userid all that are new."""
        return self.request("newusersevent", {"userid": userid, "targetuser": targetuser, "requestid": requestid})

    def normalizechk(self, called: str, caller: str | None = None, country: str | None = None, targetuser: str | None = None, cursor: str | None = None) -> Reply[list[NormalizechkData]]:
        """How a number is normalised, step by step: the result, its E.164 form, what it is, and its destination's name."""
        return self.request("normalizechk", {"called": called, "caller": caller, "country": country, "targetuser": targetuser, "cursor": cursor})

    def oop(self, txt: str, requestid: str | None = None) -> Reply[OopData | list[OopData2]]:
        """Runs a console command that is passed as text, under its own access rule and with the same credentials."""
        return self.request("oop", {"txt": txt, "requestid": requestid})

    def pgetfile(self, filename: str, targetuser: str | None = None, cursor: str | None = None) -> Reply[PgetfileData]:
        """Loads a file that the account saved with pputfile or uploaded, in base64."""
        return self.request("pgetfile", {"filename": filename, "targetuser": targetuser, "cursor": cursor})

    def pputfile(self, filename: str, filedata: str, targetuser: str | None = None, requestid: str | None = None) -> Reply[PputfileData]:
        """Saves base64 data under mvweb/filestorage, from where it is served as a download."""
        return self.request("pputfile", {"filename": filename, "filedata": filedata, "targetuser": targetuser, "requestid": requestid})

    def quit(self, cursor: str | None = None) -> Reply[Any]:
        """Closes the connection, on transports that have one."""
        return self.request("quit", {"cursor": cursor})

    def saveinifiles(self, module: str | None = None, file: str | None = None, notsaved: Literal["yes", "no"] | None = None, requestid: str | None = None) -> Reply[SaveinifilesData]:
        """Writes the settings of the database to one file for each chapter below DATA/settings, from which loadinifiles takes them back; secrets are left out."""
        return self.request("saveinifiles", {"module": module, "file": file, "notsaved": notsaved, "requestid": requestid})

    def savesettings(self, module: str | None = None, file: str | None = None, notsaved: Literal["yes", "no"] | None = None, requestid: str | None = None) -> Reply[SavesettingsData]:
        """Writes the settings of the database to a file below DATA/settings, from which loadinifiles takes them back; secrets are left out."""
        return self.request("savesettings", {"module": module, "file": file, "notsaved": notsaved, "requestid": requestid})

    def setfastregpwd(self, username: str, password: str, targetuser: str | None = None, requestid: str | None = None) -> Reply[SetfastregpwdData]:
        """Sets the password in the database and in the registrar's memory together: the next REGISTER is checked against it."""
        return self.request("setfastregpwd", {"username": username, "password": password, "targetuser": targetuser, "requestid": requestid})

    def setini(self, key: str, section: str | None = None, value: str | None = None, file: str | None = None, requestid: str | None = None) -> Reply[SetiniData]:
        """Sets one configuration key, validated by its declaration: in the database and in force at once where that is possible, or with file in a settings file. Keys of the start-up file are refused."""
        return self.request("setini", {"key": key, "section": section, "value": value, "file": file, "requestid": requestid})

    def stopcanner(self, job: int | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[StopcannerData]:
        """Stops the number scanner's jobs, or one of them; what was found by then is in the result file."""
        return self.request("stopcanner", {"job": job, "targetuser": targetuser, "requestid": requestid})

    def syncusers(self, oop: str | None = None, requestid: str | None = None) -> Reply[SyncusersData]:
        """Reads every account anew and reports what was different in memory."""
        return self.request("syncusers", {"oop": oop, "requestid": requestid})

    def toclient(self, clientip: str, message: str, targetuser: str | None = None, requestid: str | None = None) -> Reply[Any]:
        """Sends a SIP MESSAGE to the registered phones of a user or at an address; nothing is kept for who is offline."""
        return self.request("toclient", {"clientip": clientip, "message": message, "targetuser": targetuser, "requestid": requestid})

    def togw(self, clientip: str, message: str, targetuser: str | None = None, requestid: str | None = None) -> Reply[Any]:
        """Sends a SIP MESSAGE to a SIP server or gateway."""
        return self.request("togw", {"clientip": clientip, "message": message, "targetuser": targetuser, "requestid": requestid})

    def unittest(self, testtype: str | None = None, threads: int | None = None, testtime: int | None = None, parameter: str | None = None, requestid: str | None = None) -> Reply[list[UnittestData]]:
        """Tests this exchange on loopback while it runs (self: database, sip, media, disk, queue), or measures a second one of the same program (options, register, calls, rtp, http, udpapi, load for all); bounded in time; says rates and percentiles."""
        return self.request("unittest", {"testtype": testtype, "threads": threads, "testtime": testtime, "parameter": parameter, "requestid": requestid})

    def updcdrdir(self, days: int | None = None, requestid: str | None = None) -> Reply[UpdcdrdirData]:
        """Fills in the destination's name in call records that lack it, by the payer's price list."""
        return self.request("updcdrdir", {"days": days, "requestid": requestid})

    def weeklymaint(self, requestid: str | None = None) -> Reply[WeeklymaintData]:
        """Does this week's maintenance now, once a week: renews the database's statistics, adds up the books."""
        return self.request("weeklymaint", {"requestid": requestid})

    def willstop(self, requestid: str | None = None) -> Reply[WillstopData]:
        """Drain mode: new calls are refused with 503 until a restart, running ones go on; answers with what is still running."""
        return self.request("willstop", {"requestid": requestid})

    def apikeyadd(self, name: str, scopes: str, account: str | None = None, addresses: str | None = None, days: int | None = None, requestid: str | None = None) -> Reply[Any]:
        """Makes a named API key that may be used for its scopes only; the key is shown once and not kept."""
        return self.request("apikeyadd", {"name": name, "scopes": scopes, "account": account, "addresses": addresses, "days": days, "requestid": requestid})

    def apikeydel(self, name: str, mode: Literal["remove", "disable", "enable"] | None = None, requestid: str | None = None) -> Reply[ApikeydelData]:
        """Removes a named API key and the sessions opened with it, or switches it off and on."""
        return self.request("apikeydel", {"name": name, "mode": mode, "requestid": requestid})

    def apikeylist(self, cursor: str | None = None) -> Reply[list[ApikeylistData]]:
        """Named API keys: scopes, account, addresses, end, last use. A key itself is never shown again."""
        return self.request("apikeylist", {"cursor": cursor})

    def authexplain(self, request: str, address: str | None = None, transport: Literal["http", "https", "tcp", "tls", "udp", "ws", "wss"] | None = None, cursor: str | None = None) -> Reply[list[AuthexplainData]]:
        """Says what would become of a request, rule by rule, and which ingredient of its authmd5 or password is wrong; does nothing."""
        return self.request("authexplain", {"request": request, "address": address, "transport": transport, "cursor": cursor})

    def codesgenerate(self, count: int, amount: str, currency: str | None = None, expires: str | None = None, prefix: str | None = None, length: int | None = None, requestid: str | None = None) -> Reply[CodesgenerateData]:
        """Makes random recharge codes and answers them once as CSV; codeslist shows only their ends later."""
        return self.request("codesgenerate", {"count": count, "amount": amount, "currency": currency, "expires": expires, "prefix": prefix, "length": length, "requestid": requestid})

    def codeslist(self, max: int | None = None, cursor: str | None = None) -> Reply[list[CodeslistData]]:
        """Lists recharge codes with value, currency, use and expiry; all but the last four characters are hidden."""
        return self.request("codeslist", {"max": max, "cursor": cursor})

    def codesrevoke(self, code: str | None = None, prefix: str | None = None, requestid: str | None = None) -> Reply[CodesrevokeData]:
        """Removes unused recharge codes: one, or all with a prefix; used ones stay."""
        return self.request("codesrevoke", {"code": code, "prefix": prefix, "requestid": requestid})

    def eventlist(self, since: int | None = None, types: str | None = None, max: int | None = None, targetuser: str | None = None, cursor: str | None = None) -> Reply[list[EventlistData]]:
        """Lists kept events after a number; the cursor in the answer is the next page's since."""
        return self.request("eventlist", {"since": since, "types": types, "max": max, "targetuser": targetuser, "cursor": cursor})

    def events(self, since: int | None = None, types: str | None = None, targetuser: str | None = None, cursor: str | None = None) -> Reply[EventsData]:
        """Pushes events on this TCP or WebSocket stream, one JSON object per line or message; elsewhere says only where the stream stands."""
        return self.request("events", {"since": since, "types": types, "targetuser": targetuser, "cursor": cursor})

    def examples(self, user: str | None = None, command: str | None = None, url: str | None = None, targetuser: str | None = None, cursor: str | None = None) -> Reply[list[ExamplesData]]:
        """Working requests for an account and every command that it may use: URL, curl, JSON and WebSocket line. They hold the key and digests of the account: show them to nobody else."""
        return self.request("examples", {"user": user, "command": command, "url": url, "targetuser": targetuser, "cursor": cursor})

    def mmq(self, device: str | None = None, targetuser: str | None = None, cursor: str | None = None) -> Reply[list[MmqData]]:
        """Lists the connections of the account's message queue, of an administrator all or those of targetuser; as the login of a WebSocket of /mmstwebsock it opens one (docs/api/mmq.md)."""
        return self.request("mmq", {"device": device, "targetuser": targetuser, "cursor": cursor})

    def mmqpublish(self, topic: str, data: str, retain: Literal["yes", "no"] | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[MmqpublishData]:
        """Sends a message to the devices of the account that follow the topic in the message queue; resellers and administrators reach others with targetuser."""
        return self.request("mmqpublish", {"topic": topic, "data": data, "retain": retain, "targetuser": targetuser, "requestid": requestid})

    def numberadd(self, numbers: str, location: str | None = None, requestid: str | None = None) -> Reply[NumberaddData]:
        """Adds numbers and ranges to the pool; those that are there already stay as they are."""
        return self.request("numberadd", {"numbers": numbers, "location": location, "requestid": requestid})

    def numberassign(self, number: str, account: str, requestid: str | None = None) -> Reply[NumberassignData]:
        """Gives a number of the pool to an account, which is reached by it from the next call on."""
        return self.request("numberassign", {"number": number, "account": account, "requestid": requestid})

    def numberlist(self, max: int | None = None, cursor: str | None = None) -> Reply[list[NumberlistData]]:
        """Lists the number pool: each number, whether it is free, who has it, and until when it is reserved."""
        return self.request("numberlist", {"max": max, "cursor": cursor})

    def numberrelease(self, number: str, requestid: str | None = None) -> Reply[NumberreleaseData]:
        """Takes a number from its account and gives it back to the pool."""
        return self.request("numberrelease", {"number": number, "requestid": requestid})

    def priceassign(self, list: str, account: str | None = None, packet: int | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[PriceassignData]:
        """Ties an account, a server (what it costs) or a packet to a price list; the next call is rated by it."""
        return self.request("priceassign", {"list": list, "account": account, "packet": packet, "targetuser": targetuser, "requestid": requestid})

    def priceexport(self, list: str, cursor: str | None = None) -> Reply[PriceexportData]:
        """A price list as CSV; importing it again changes nothing."""
        return self.request("priceexport", {"list": list, "cursor": cursor})

    def priceimport(self, list: str, csv: str, preview: Literal["yes", "no"] | None = None, mode: str | None = None, requestid: str | None = None) -> Reply[PriceimportData | list[PriceimportData2]]:
        """Brings a price list up to a CSV table, all or nothing; preview=yes shows what would change."""
        return self.request("priceimport", {"list": list, "csv": csv, "preview": preview, "mode": mode, "requestid": requestid})

    def pricelistadd(self, name: str, currency: str | None = None, reseller: str | None = None, default: Literal["yes", "no"] | None = None, requestid: str | None = None) -> Reply[PricelistaddData]:
        """Makes a price list; priceimport fills it and priceassign ties accounts and packets to it."""
        return self.request("pricelistadd", {"name": name, "currency": currency, "reseller": reseller, "default": default, "requestid": requestid})

    def pricelistdel(self, list: str, requestid: str | None = None) -> Reply[PricelistdelData]:
        """Removes a price list with its lines, unless accounts or packets use it."""
        return self.request("pricelistdel", {"list": list, "requestid": requestid})

    def pricelists(self, cursor: str | None = None) -> Reply[list[PricelistsData]]:
        """Lists the price lists with their currency, their lines, and how many accounts and packets use them."""
        return self.request("pricelists", {"cursor": cursor})

    def requests(self, user: str | None = None, command: str | None = None, address: str | None = None, errors: Literal["yes", "no"] | None = None, count: int | None = None, cursor: str | None = None) -> Reply[list[RequestsData]]:
        """The last requests: what was asked, what let it in or kept it out, what was answered, and what calls and ledger rows it made."""
        return self.request("requests", {"user": user, "command": command, "address": address, "errors": errors, "count": count, "cursor": cursor})

    def routeadd(self, server: str, prefix: str | None = None, caller: str | None = None, priority: int | None = None, weight: int | None = None, timetype: int | None = None, name: str | None = None, enabled: Literal["yes", "no"] | None = None, requestid: str | None = None) -> Reply[RouteaddData]:
        """Adds a route: which server takes which prefix, checked before it is kept; routingtest shows what it does."""
        return self.request("routeadd", {"server": server, "prefix": prefix, "caller": caller, "priority": priority, "weight": weight, "timetype": timetype, "name": name, "enabled": enabled, "requestid": requestid})

    def routedel(self, id: int, requestid: str | None = None) -> Reply[RoutedelData]:
        """Removes a route."""
        return self.request("routedel", {"id": id, "requestid": requestid})

    def routelist(self, max: int | None = None, cursor: str | None = None) -> Reply[list[RoutelistData]]:
        """Lists the routes: prefix, caller, server, priority, weight, time, and whether each is switched on."""
        return self.request("routelist", {"max": max, "cursor": cursor})

    def routeset(self, id: int, field: str, value: str | None = None, requestid: str | None = None) -> Reply[RoutesetData]:
        """Changes one field of a route, checked before it is kept; the next call follows it."""
        return self.request("routeset", {"id": id, "field": field, "value": value, "requestid": requestid})

    def scannumbers(self, account: str | None = None, list: str | None = None, file: str | None = None, rate: int | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[ScannumbersData]:
        """Checks numbers in the background: numbering plan, blacklist, routing and price, without a call; checkscanner shows how far it is, the result is a CSV file for getfile. A job ends with the process."""
        return self.request("scannumbers", {"account": account, "list": list, "file": file, "rate": rate, "targetuser": targetuser, "requestid": requestid})

    def webhookadd(self, url: str, types: str | None = None, secret: str | None = None, since: int | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[WebhookaddData]:
        """Posts events to a URL, signed, in order, again until it answers 2xx. The secret is shown here and never again."""
        return self.request("webhookadd", {"url": url, "types": types, "secret": secret, "since": since, "targetuser": targetuser, "requestid": requestid})

    def webhookdel(self, id: int, targetuser: str | None = None, requestid: str | None = None) -> Reply[WebhookdelData]:
        """Removes a webhook."""
        return self.request("webhookdel", {"id": id, "targetuser": targetuser, "requestid": requestid})

    def webhooklist(self, targetuser: str | None = None, cursor: str | None = None) -> Reply[list[WebhooklistData]]:
        """Lists webhooks: where they stand in the stream of this node, and since when and why they fail."""
        return self.request("webhooklist", {"targetuser": targetuser, "cursor": cursor})

    def webhookreplay(self, id: int, since: int | None = None, targetuser: str | None = None, requestid: str | None = None) -> Reply[WebhookreplayData]:
        """Posts events to a webhook again from a number on; switches it on again if it was given up."""
        return self.request("webhookreplay", {"id": id, "since": since, "targetuser": targetuser, "requestid": requestid})

    def webhooktest(self, id: int, targetuser: str | None = None, requestid: str | None = None) -> Reply[Any]:
        """Posts a signed event of type test to a webhook now and answers the HTTP status, or why there was none."""
        return self.request("webhooktest", {"id": id, "targetuser": targetuser, "requestid": requestid})
