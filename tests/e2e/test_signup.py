"""Sign-up codes on the real binary: an account stays disabled, codes are nowhere in clear, tries are limited."""

from strowger import Server, wait_for


def test_an_account_waits_for_its_code():
    with Server(signupconfirm="email") as server:
        answer = server.request("/mvapireq/?apientry=newuseru&u_username=alice&u_password=alicepw&u_email=alice@mail.example")[0]
        assert answer.startswith("OK: userid:") and answer.endswith("confirm:email"), answer
        assert server.api("status", user="alice", password="alicepw").startswith("ERROR: auth failed")
        assert server.table("select enabled from tb_users where username = 'alice'")[0]["enabled"] == "0"
        mail = server.table("select recipient, body from tb_outbox")[0]
        assert mail["recipient"] == "alice@mail.example" and mail["body"].startswith("enc1:")
        assert server.api("db", sql="select hash from onetime_code").startswith("ERROR: access denied")
        for _ in range(6):
            answer = server.request("/mvapireq/?apientry=newusercode&u_code=ABCDE23456&u_username=alice&u_password=alicepw")[0]
            assert answer == "ERROR: invalid parameter: u_code is wrong or expired", answer

        server.account("bob", email="bob@mail.example")
        answers = {server.request(f"/mvapireq/?apientry=forgotpasswordquestion&email={who}@mail.example")[0]
                   for who in ("bob", "nobody")}
        assert answers == {"OK: a code was sent if an account has this address"}
        wait_for(lambda: len(server.table("select id from tb_outbox")) == 2, 30, "the mail for bob")
