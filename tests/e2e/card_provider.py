"""A card payment provider on loopback that speaks Stripe's API as far as payments need it: payment methods, payment
intents that are made, confirmed, looked up and cancelled, errors in Stripe's form, idempotency keys that repeat their first
answer. It keeps its own books of what was charged, and breaks on request.
"""

import json
import ssl
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

KEY = "sk_test_loopback"
GOOD, DECLINED, ACTION = "4242424242424242", "4000000000000002", "4000002500003155"


class Provider:
    """`break_at(step, how)` makes the next `step` (method, intent, confirm, look, cancel) fail: `how` is a status, "drop"
    (the connection is closed instead of an answer), "hang" (no answer before `release`), or "before": the connection is
    closed and nothing is done. Steps with "drop" and "hang" are carried out first."""

    def __init__(self, certificate=None, honour_error_on_action=True):
        self.lock = threading.RLock()
        self.honour = honour_error_on_action
        self.methods, self.intents, self.replies, self.broken = {}, {}, {}, []
        self.questions, self.charges = [], []
        self.released = threading.Event()
        self.reached = threading.Event()
        # Called with the step, and whether its answer was sent.
        self.watch = lambda step, answered: None
        provider = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                provider.serve(self, self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

            def do_GET(self):
                provider.serve(self, None)

            def log_message(self, *_):
                pass

        class Quiet(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass  # a handshake that the other side gave up

        self.server = Quiet(("127.0.0.1", 0), Handler)
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*certificate)
            self.server.socket = context.wrap_socket(self.server.socket, server_side=True)
        scheme, host = ("https", "localhost") if certificate else ("http", "127.0.0.1")
        self.url = f"{scheme}://{host}:{self.server.server_address[1]}"
        threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.released.set()
        self.server.shutdown()
        self.server.server_close()

    def break_at(self, step, how, times=1):
        self.broken += [(step, how)] * times

    def mend(self):
        self.broken.clear()

    def asked(self, step):
        return [question for question in self.questions if question[0] == step]

    def serve(self, request, body):
        parts = urllib.parse.urlsplit(request.path).path.strip("/").split("/")
        if request.headers.get("Authorization") != f"Bearer {KEY}":
            return self.send(request, 401, {"error": {"type": "invalid_request_error", "message": f"Invalid API Key: {KEY}"}})
        step = {("payment_methods", 2): "method", ("payment_intents", 2): "intent"}.get((parts[1], len(parts)))
        step = step or (parts[3] if len(parts) == 4 else "look")
        form = dict(urllib.parse.parse_qsl(body or "", strict_parsing=bool(body)))
        idempotency = request.headers.get("Idempotency-Key")
        with self.lock:
            self.questions.append((step, form, idempotency))
            how = next((how for broken, how in self.broken if broken == step), None)
            if how is not None:
                self.broken.remove((step, how))
            if how == "before":
                return self.drop(request)
            if isinstance(how, int):
                status, answer = how, {"error": {"type": "api_error", "message": "broken"}}
            elif (step, idempotency) in self.replies and idempotency:
                status, answer = self.replies[(step, idempotency)]
            else:
                status, answer = getattr(self, step)(parts, form)
                if idempotency:
                    self.replies[(step, idempotency)] = (status, answer)
        if step == "confirm":
            self.reached.set()
        if how == "hang":
            self.released.wait(60)
        if how in ("hang", "drop"):
            return self.drop(request)
        self.watch(step, False)
        self.send(request, status, answer)
        self.watch(step, True)

    def drop(self, request):
        request.close_connection = True
        request.connection.close()

    def send(self, request, status, answer):
        body = json.dumps(answer).encode()
        try:
            request.send_response(status)
            request.send_header("Content-Type", "application/json")
            request.send_header("Content-Length", str(len(body)))
            request.end_headers()
            request.wfile.write(body)
        except OSError:
            pass

    def method(self, _, form):
        assert form["type"] == "card" and set(form) == {"type", "card[number]", "card[exp_month]", "card[exp_year]", "card[cvc]"}
        name = f"pm_{len(self.methods) + 1}"
        self.methods[name] = form["card[number]"]
        return 200, {"id": name, "card": {"brand": "visa", "last4": form["card[number]"][-4:]}}

    def intent(self, _, form):
        name = f"pi_{len(self.intents) + 1}"
        self.intents[name] = {"id": name, "object": "payment_intent", "amount": int(form["amount"]), "currency": form["currency"],
                              "payment_method": form["payment_method"], "status": "requires_confirmation",
                              "amount_received": 0, "last_payment_error": None,
                              "metadata": {key[9:-1]: value for key, value in form.items() if key.startswith("metadata[")}}
        return 200, dict(self.intents[name])

    def look(self, parts, _):
        intent = self.intents.get(parts[2])
        return (200, dict(intent)) if intent else (404, {"error": {"type": "invalid_request_error", "code": "resource_missing"}})

    def confirm(self, parts, form):
        intent = self.intents[parts[2]]
        if intent["status"] not in ("requires_confirmation", "requires_payment_method"):
            return 400, self.unexpected(intent)
        card = self.methods[intent["payment_method"]]
        if card == DECLINED:
            return self.refuse(intent, "card_declined", f"Your card {card} has\ninsufficient funds.")
        if card == ACTION and self.honour and form.get("error_on_requires_action") == "true":
            return self.refuse(intent, "authentication_required", "Authenticate!")
        if card == ACTION:
            intent["status"] = "requires_action"
            return 200, dict(intent)
        intent.update(status="succeeded", amount_received=intent["amount"])
        self.charges.append((intent["id"], intent["amount"], intent["currency"]))
        return 200, dict(intent)

    def cancel(self, parts, _):
        intent = self.intents[parts[2]]
        if intent["status"] in ("succeeded", "processing", "canceled"):
            return 400, self.unexpected(intent)
        intent["status"] = "canceled"
        return 200, dict(intent)

    def refuse(self, intent, code, message):
        error = {"type": "card_error", "code": code, "message": message}
        intent.update(status="requires_payment_method", last_payment_error=error)
        return 402, {"error": {**error, "payment_intent": dict(intent)}}

    def unexpected(self, intent):
        return {"error": {"type": "invalid_request_error", "code": "payment_intent_unexpected_state", "payment_intent": dict(intent)}}
