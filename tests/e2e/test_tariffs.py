"""Price lists on the real binary: a table uploaded in each documented way, exported, and rated by at once."""

from strowger import Server


def upload(server, body, content_type, **parameters):
    """POSTs a body beside credentials in the query."""
    query = "&".join(f"{name}={value}" for name, value in
                     {"apientry": "priceimport", "authid": "admin", "authpwd": "first-exchange", **parameters}.items())
    return server.request("/mvapireq/?" + query, data=body.encode(), headers={"Content-Type": content_type})[0]


def test_a_table_is_imported_exported_and_rated_by():
    with Server() as server:
        server.account("alice", 5)
        server.ok("pricelistadd", name="Retail", currency="USD", default="yes")
        table = "prefix,direction,price,effective date\n36,\"Hungary, all\",0.1,\n36,\"Hungary, all\",0.9,2999-01-01\n"
        assert upload(server, table, "text/csv", list="Retail", preview="yes").splitlines()[0] == "OK: 4"
        assert server.table("select id from tb_billentries") == []
        assert upload(server, table, "text/csv", list="Retail") == "OK: added:2 changed:0 removed:0 unchanged:0"
        form = ("--X\r\nContent-Disposition: form-data; name=\"csv\"; filename=\"retail.csv\"\r\n"
                f"Content-Type: text/csv\r\n\r\n{table}\r\n--X--\r\n")
        answer = upload(server, form, "multipart/form-data; boundary=X", list="Retail", mode="replace")
        assert answer == "OK: added:0 changed:0 removed:0 unchanged:2", answer
        exported = server.ok("priceexport", list="Retail")
        answer = server.ok("priceimport", list="Retail", csv=exported, mode="replace")
        assert answer == "OK: added:0 changed:0 removed:0 unchanged:2", answer
        assert server.api("rating", user="alice", password="alicepw", bnum="36301234567").startswith("0.1 USD/min")
        wrong = upload(server, table + "4x,,1,\n", "text/csv", list="Retail")
        assert "line 4, prefix" in wrong and "nothing was changed" in wrong, wrong
        # A date that comes to be past acts without a restart.
        upload(server, "prefix,direction,price,validfrom\n36,Hungary,0.3,2026-01-01\n", "text/csv", list="Retail")
        assert server.api("rating", user="alice", password="alicepw", bnum="36301234567").startswith("0.3 USD/min")
