"""Requests as the documents print them, sent to the binary unchanged but for key, names and digests."""

import hashlib
import json
import re
from urllib.parse import quote

import pytest

from phone import Phone
from strowger import ADMIN, ADMIN_PASSWORD, Server, parse_table, wait_for

KEY, SALT = "14150857", "Zx81salt"


@pytest.fixture(scope="module")
def exchange():
    with Server(apiv2key=KEY, apiv2md5salt=SALT) as running:
        send = lambda rest: running.request(f"/mvapireq/?{rest}{admin(8394206)}")[0]
        assert send("apientry=newuseri&u_username=1111&u_password=pw1111&u_currency=USD&credit=9.8").startswith("OK: userid:")
        for statement in ("insert into tb_billsources (name, currency, isdefault) values ('default', 'USD', 1)",
                          "insert into tb_billentries (billsourceid, prefix, direction, price, billingstep, currency)"
                          " values (1, '3630', 'Hungary mobile', 0.2, 1, 'USD')"):
            assert send("apientry=db&txt=" + quote(statement)).startswith("OK: 1"), statement
        yield running


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


def admin(salt, user=ADMIN, password=ADMIN_PASSWORD):
    return f"&authkey={KEY}&authid={user}&authmd5={md5(f'ck5Gp{user}{password}{SALT}{salt}')}&authsalt={salt}"


def v3(user, password, salt1, salt2):
    return "authv3_" + md5(md5(f"tU29m{user}{password}{salt1}") + str(salt2) + SALT)


def old(user, password, salt="87159643"):
    return md5(f"rD58s:{user}:{password}:{salt}")


USER = admin(3020822, "1111", "pw1111")
CLEAR = f"&authkey={KEY}&authid={ADMIN}&authpwd={ADMIN_PASSWORD}"
CASES = {
    "apitest1": ("/mvapireq/?apientry=apitest1", r"OK.*"),
    "balance": (f"/mvapireq/?apientry=balance{USER}&now=555", r"Your credit is \$9\.8"),
    "balance, clear": (f"/mvapireq/?apientry=balance&authkey={KEY}&authid=1111&authpwd=pw1111", r"Your credit is \$9\.8"),
    "balance, two salts": (f"/mvapireq/?apientry=balance&authkey={KEY}&authid=1111&authmd5={v3('1111', 'pw1111', 7359618, 8451828)}"
                           "&authsalt=7359618&authsalt2=8451828&now=555", r"Your credit is \$9\.8"),
    "balance, no slash": (f"/mvapireq?apientry=balance{USER}", r"Your credit is \$9\.8"),
    "balance, /mvapi": (f"/mvapi/?apientry=balance{USER}", r"Your credit is \$9\.8"),
    "balance, names in any case": (f"/mvapireq/?ApiEntry=BALANCE{USER.replace('authid', 'AuthID')}", r"Your credit is \$9\.8"),
    "rating": (f"/mvapireq/?apientry=rating{USER}&bnum=3630&now=1", r"0\.2 USD/min, Destination: Hungary mobile"),
    "rating by anum": (f"/mvapireq/?apientry=rating{USER}&anum=36301234567&now=415", r"0\.2 USD/min, Destination: Hungary mobile"),
    "newuseri": (f"/mvapireq/?apientry=newuseri{admin(9457612)}&u_username=NEWUSERNAME&u_password=PASSWORD&u_name=NAME"
                 "&u_email=EMAIL&u_phone=PHONE&u_currency=USD&u_country=USA&u_address=x&credit=5&now=555", r"OK: userid:\d+"),
    "newuseru": (f"/mvapireq/?apientry=newuseru&authkey={KEY}&u_username=SELFMADE&u_password=PASSWORD&u_name=NAME&u_email=EMAIL"
                 "&u_phone=PHONE&u_currency=USD&u_country=USA&u_address=x&deviceid=DEVICEID&now=555", r"OK: userid:\d+"),
    "addserver": (f"/mvapireq/?apientry=addserver{admin(8394207)}&u_name=NAME&u_domain=xxx.tokuvoip.com&now=711", r"OK.*"),
    "addcredit without a name": (f"/mvapireq/?apientry=addcredit{admin(530586)}&credit=5&now=555",
                                 r"ERROR: missing parameter: targetuser"),
    "db": (f"/mvapireq/?apientry=db{admin(6031972)}&txt=select%20top%201%20username%20from%20tb_users&now=555",
           r"OK: 2\r?\nusername\r?\n\w+"),
    "unreg": (f"/mvapireq/?apientry=unreg&param1=1111&param3=1{CLEAR}&now=1", r"OK.*"),
    "unreg, decoded badly": (f"/mvapireq/?apientry=unreg%C2%B6m1=1111%C2%B6m3=1{CLEAR}&now=1", r"OK.*"),
    "reguser": (f"/mvapireq/?apientry=reguser&usr=1111&authkey={KEY}&authid={ADMIN}&password={ADMIN_PASSWORD}&now=555", r"OK: \d+.*"),
    "reguser, digest": (f"/mvapireq/?apientry=reguser&usr=x{admin(530588)}&now=555", r"OK: 0.*|OK: 1\r?\n.*|ERROR: not found.*"),
    "mvapireg": (f"/mvapireg/?apientry=reguser&usr=all{admin(8617671)}&now=555", r"OK: \d+.*"),
    "cdr, all fields": (f"/mvapireq/?apientry=cdr{admin(8617672)}&maxcount=1000&days=365&dir=all&type=all&fields=all", r"OK: \d+.*"),
    "wsuser": (f"/mvapireq/?apientry=wsuser&authkey={KEY}&authid=1111&authpwd=pw1111&brandname=brand&companyname=COMPANY", r"OK: /mfstwebsock 1111"),
    "wsuser, another server": (f"/mvapireq/?apientry=wsuser&authkey={KEY}&authid=1111&authpwd=pw1111&brandname=brand&companyname=COMPANY"
                               "&upperserver=192.0.2.9&upperserverdomain=DOMAIN", r"ERROR: not available: upperserver .*"),
    "voicerecdownload": (f"/mvapireq/?apientry=voicerecdownload{CLEAR}&callid=x&maxrecords=1&now=1", r"ERROR: not available: .*"),
    "xmapi balance": (f"/xmapi/balance?key={KEY}&usr=1111&pwd=pw1111&now", r"Your credit is \$9\.8"),
    "xmapi balance, md5auth": (f"/xmapi/balance?key={KEY}&usr=1111&md5auth={old('1111', 'pw1111')}&now", r"Your credit is \$9\.8"),
    "xmapi rating": (f"/xmapi/rating?key={KEY}&usr=1111&pwd=pw1111&anum=3630&now", r"0\.2 USD/min, Destination: Hungary mobile"),
    "xmapi charge": (f"/xmapi/charge?key={KEY}&usr=1111&pwd=pw1111&anum=00000&now", r"ERROR:(not found|failed|invalid parameter|auth failed).*"),
    "xmapi p2p": (f"/xmapi/p2p?key={KEY}&usr=1111&pwd=pw1111&anum=99&bnun=98&now", r"(OK: callid:|ERROR:).*"),
    "xmapi sms": (f"/xmapi/sms?key={KEY}&usr=1111&pwd=pw1111&anum=2222&bnun=3630123456789&txt=Testsms&now", r"ERROR:not available: .*"),
    "xmapi cb": (f"/xmapi/cb?key={KEY}&usr=1111&pwd=pw1111&anum=99&now", r"ERROR:failed: no phone of 1111 is registered.*"),
    "rating, a second salt beside the simple formula": (f"/mvapireq/?apientry=rating{USER}&authsalt2=7597691&bnum=3630&now=1",
                                                        r"0\.2 USD/min, Destination: Hungary mobile"),
    "newuseri, two salts": (f"/mvapireq/?apientry=newuseri{admin(8275681)}&authsalt2=6406731&u_username=HE&u_password=testpassword12234"
                            "&u_name=HE&u_email=EMAIL&u_phone=PHONE&u_currency=AUD&u_country=AU&u_address=x&credit=5&now=555", r"OK: userid:\d+"),
    "charge, a wrong PIN as anum": (f"/mvapireq/?apientry=charge{USER}&anum=PINCODE&now", r"ERROR: invalid parameter: pin.*"),
    "getphonenumber": (f"/mvapireq/?apientry=getphonenumber&authkey={KEY}&count=3&now=555", r"OK: \d+.*"),
    "lockphonenumber without an account": (f"/mvapireq/?apientry=lockphonenumber&authkey={KEY}&num=3456&now=555",
                                           r"ERROR: (missing parameter: targetuser|auth failed|access denied|not found).*"),
    "db, sql": (f"/mvapireq/?apientry=db{CLEAR}&sql=" + quote("select credit, postpaid from tb_users where id = 5"), r"OK: \d+\r?\ncredit\tpostpaid.*"),
    "db, table hint": (f"/mvapireq/?apientry=db{CLEAR}&sql=" + quote("SELECT TOP 1 * FROM tb_cdrs WITH(NOLOCK) WHERE datum > getdate() - 1 AND sipcallid = 'xyz'"),
                       r"OK: 1\r?\nid\t.*"),
    "db, a new account": (f"/mvapireq/?apientry=db{CLEAR}&sql=" + quote("insert into tb_users (type, username, password, name, email, credit, postpaid)"
                          " values (0,'u','p','n','e',0,0)"), r"OK: 1"),
    "format text": (f"/mvapireq/?apientry=balance{USER}&format=text", r"Your credit is \$9\.8"),
    "format cleartext": (f"/mvapireq/?apientry=balance{USER}&format=cleartext", r"Your credit is \$9\.8"),
    "xmapi oop": (f"/xmapi/oop?key={KEY}&usr={ADMIN}&pwd={ADMIN_PASSWORD}&txt=verifyuser%20nobody&now", r"OK: 0"),
    "xmapi balance by id": (f"/xmapi/balance?key={KEY}&userid=2&pwd=pw1111&now", r"Your credit is \$9\.8"),
    "xmapi balance, post": (f"/xmapi/balance?key={KEY}&usr=1111&pwd=pw1111&now=1", r"Your credit is \$9\.8"),
    "xmapi, guessed p2p": (f"/xmapi/?key={KEY}&usr=1111&pwd=pw1111&anum=99&bnum=98&now", r"(OK: callid:|ERROR:(?!auth|unknown|missing)).*"),
    "xmapi, guessed callback": (f"/xmapi/?key={KEY}&usr=1111&pwd=pw1111&anum=99&now", r"(OK|ERROR:(?!auth|unknown|missing)).*"),
    "xmapi addcredit, from elsewhere": (f"/xmapi/addcredit?key={KEY}&usr=1111&md5auth={old('1111', 'pw1111')}&credit=5&now", r"ERROR:access denied: .*"),
    "xmapi adduser, without rights": (f"/xmapi/adduser?key={KEY}&usr=1111&pwd=pw1111&u_username=x1&u_password=y1&credit=1&now", r"ERROR:(access denied|not available): .*"),
    "xmapi cli": (f"/xmapi/cli?key={KEY}&usr=1111&pwd=pw1111&anum=36301234567&now", r"OK"),
    "xmapi db": (f"/xmapi/db?key={KEY}&usr={ADMIN}&pwd={ADMIN_PASSWORD}&txt=select top 1 username from tb_users&now".replace(" ", "%20"), r"OK: 2\r?\nusername\r?\n\w+"),
    "xmapi, wrong key": ("/xmapi/balance?key=1&usr=1111&pwd=pw1111&now", r"ERROR:auth failed: wrong key NORETRY"),
    "xmapi, no such command": (f"/xmapi/nosuch?key={KEY}&usr=1111&pwd=pw1111&now", r"ERROR:unknown command.*"),
    "wrong key": (f"/mvapireq/?apientry=balance{USER.replace(KEY, '1')}", r"ERROR: auth failed: wrong key NORETRY"),
    "wrong password": (f"/mvapireq/?apientry=balance&authkey={KEY}&authid=1111&authpwd=x", r"ERROR: auth failed: wrong user or password DISPLAY"),
    "unknown user": (f"/mvapireq/?apientry=balance&authkey={KEY}&authid=9999&authpwd=x", r"ERROR: auth failed: wrong user or password DISPLAY"),
    "unknown command": (f"/mvapireq/?apientry=nosuch{USER}", r"ERROR: unknown command.*"),
}
CDR = ["days=today&by=all", "days=thismonth&by=all", "days=today&by=all&fields=all", "days=today", "days=lastweek", "days=lastmonth",
       "days=thismonth&summary=yes", "days=10&caller=123&prefix=40", "days=lastweek&dir=in&type=notconnected"]


@pytest.mark.parametrize("name", CASES)
def test_request_of_the_documents(exchange, name):
    path, expected = CASES[name]
    answer, status = exchange.request(path)
    assert status == 200 and re.fullmatch(expected, answer.rstrip("\r\n"), re.S), answer


@pytest.mark.parametrize("options", CDR)
@pytest.mark.parametrize("who", [USER, CLEAR])
def test_cdr_example_answers_a_table(exchange, options, who):
    answer, _ = exchange.request(f"/mvapireq/?apientry=cdr{who}&{options}")
    if "123" in options:
        assert answer.startswith(("OK: ", "ERROR: not found")), answer
    else:
        parse_table(answer)


def test_addcredit_of_the_old_interface_needs_no_password_where_that_is_allowed(exchange):
    path = f"/xmapi/addcredit?key={KEY}&usr=1111&credit=0.2&now"
    assert exchange.request(path)[0].startswith("ERROR"), "off by default"
    with Server(apiv2key=KEY, httpapiallowedip2="127.0.0.1") as open_one:
        open_one.ok("newuseri", u_username="1111", u_password="pw1111", u_currency="USD", authkey=KEY)
        assert open_one.request(path)[0].strip() == "OK"
        assert open_one.ok("balance", targetuser="1111", authkey=KEY) == "Your credit is $0.2"


def test_the_vector_of_the_document(exchange):
    """authid 3037, password 3037, no salts."""
    with Server() as plain:
        plain.ok("newuseri", u_username="3037", u_password="3037", u_currency="USD")
        path = "/mvapireq/?apientry=balance&authid=3037&authmd5=55D1734C848443FDC0E4F750D79A33DF&now=555"
        assert plain.request(path)[0] == "Your credit is $0"


def test_formats(exchange):
    ask = lambda extra, **more: exchange.request(f"/mvapireq/?apientry=balance{USER}{extra}", **more)[0]
    answer = json.loads(ask("&format=json"))
    assert (answer["code"], answer["status"], str(answer["data"]["credit"])) == (200, "OK", "9.8")
    assert ask("&format=xml").startswith("<") and "<code>200</code>" in ask("&format=xml")
    assert "Envelope" in ask("&format=soap")
    body = json.dumps({"apientry": "balance", "authkey": KEY, "authid": "1111", "authpwd": "pw1111"}).encode()
    answer = exchange.request("/mvapireq/", data=body, headers={"Content-Type": "application/json"})[0]
    assert json.loads(answer)["text"] == "Your credit is $9.8"
    form = f"apientry=balance&authkey={KEY}&authid=1111&authpwd=pw1111".encode()
    assert exchange.request("/mvapireq/", data=form)[0] == "Your credit is $9.8"


def test_registered_phone_is_seen_by_reguser_and_by_the_documented_sql(exchange):
    sql = ("select top 1 id from tb_users where username = '1111' and status > 0 and statusdate > getdate() - 0.1"
           " and Enabled <> 0 and temporarydisabled <> 1")
    query = lambda: parse_table(exchange.request(f"/mvapireq/?apientry=db{CLEAR}&sql={quote(sql)}")[0])
    assert query() == []
    with Phone(("127.0.0.1", exchange.ready["sip"]), "1111", password="pw1111") as phone:
        phone.register()
        assert len(query()) == 1, "a phone that has been answered is seen at once"
        assert exchange.request(f"/mvapireq/?apientry=getfield{CLEAR}&retfieldname=status&filterfieldvalue=1111")[0] == "OK: 1"
        listed = parse_table(exchange.request(CASES["reguser"][0])[0])
        assert listed and phone.me in str(listed), listed
        assert exchange.request(CASES["unreg"][0])[0].startswith("OK")
        wait_for(lambda: query() == [], 3, "its end in SQL")
