"""Mail servers that do what a test says, by aiosmtpd.

The first line of standard input is a JSON object: a name for each server, and what it is like:

  host       where to listen (127.0.0.1)
  tls        "starttls" or "implicit", with certificate and key (paths to PEM files); else none
  utf8       whether it offers SMTPUTF8
  users      names and passwords of those who must sign in with AUTH PLAIN or LOGIN (or one of these: mechanisms)
  xoauth2    who may sign in by token: user; refuse (how often a token is refused at first); explain (a refusal begins with
             a 334, as Google's does); seen tokens are reported
  faults     a list: verb (CONNECT, EHLO, STARTTLS, AUTH, MAIL, RCPT, DATA, MESSAGE: in the middle of the message, DOT: after it),
             say, delay (seconds), close, keep (the message is kept although the sender is not told), to (this recipient only),
             times (so often; else always)

It answers with one line, the port of each. Each further line of input asks for one line of output: what every server has seen. It ends
when its input does.
"""

import asyncio
import base64
import collections
import json
import ssl
import sys
import threading

from aiosmtpd.smtp import SMTP, AuthResult

ALL = ["EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA"]


class Seen:
    """What a server has seen, and how much of its script it has played."""

    def __init__(self, script):
        self.script = script
        self.faults = [dict(fault) for fault in script.get("faults", [])]
        self.refusals = script.get("xoauth2", {}).get("refuse", 0)
        self.report = {"connections": 0, "hello": [], "signed_in": [], "tokens": [], "recipients": [], "mails": []}

    def fault(self, verb, recipient):
        for fault in self.faults:
            if fault["verb"] != verb or fault.get("to", recipient) != recipient or fault.get("times", 1) <= 0:
                continue
            if "times" in fault:
                fault["times"] -= 1
            return fault
        return None


class Handler:
    def __init__(self, seen):
        self.seen = seen

    async def handle_DATA(self, server, session, envelope):
        fault = self.seen.fault("DOT", server.recipient)
        if fault is None or fault.get("keep"):
            mail = {"from": envelope.mail_from, "to": envelope.rcpt_tos, "utf8": envelope.smtp_utf8}
            mail["tls"] = session.ssl is not None or server.implicit
            mail["content"] = envelope.original_content.decode("utf-8", "replace")
            self.seen.report["mails"].append(mail)
        if fault is not None:
            await server.play(fault)
            return fault.get("say", "250 OK")
        return "250 2.0.0 queued"

    async def auth_XOAUTH2(self, server, args):
        shown = await server.first_answer(args)
        user, _, token = shown.removesuffix(b"\x01\x01").decode().partition("\x01auth=Bearer ")
        self.seen.report["tokens"].append(token)
        rules = self.seen.script["xoauth2"]
        if user == f"user={rules['user']}" and token and self.seen.refusals <= 0:
            self.seen.report["signed_in"].append(rules["user"])
            return AuthResult(success=True)
        self.seen.refusals -= 1
        if rules.get("explain"):
            await server.challenge_auth('{"status":"400","schemes":"Bearer"}')
        await server.push("535 5.7.3 Authentication unsuccessful")
        return AuthResult(success=False, handled=True)


class Server(SMTP):
    # A token is longer than the line of an ordinary command may be.
    command_size_limits = collections.defaultdict(lambda: 16_384)
    line_length_limit = 16_384

    def __init__(self, seen, context):
        script = seen.script
        self.seen, self.recipient, self.implicit = seen, None, script.get("tls") == "implicit"
        by_password = script.get("mechanisms", ["PLAIN", "LOGIN"]) if "users" in script else []
        wanted = by_password + (["XOAUTH2"] if "xoauth2" in script else [])
        users = script.get("users", {})

        def check(_server, _session, _envelope, _mechanism, data):
            name = data.login.decode()
            ok = users.get(name) == data.password.decode()
            if ok:
                seen.report["signed_in"].append(name)
            return AuthResult(success=ok, handled=False)

        super().__init__(
            Handler(seen),
            hostname="peer.example.com",
            enable_SMTPUTF8=script.get("utf8", False),
            tls_context=context if script.get("tls") == "starttls" else None,
            require_starttls=script.get("tls") == "starttls",
            auth_required=bool(wanted),
            auth_require_tls=False,
            auth_exclude_mechanism=[name for name in ("PLAIN", "LOGIN", "XOAUTH2") if name not in wanted],
            authenticator=check,
        )

    async def first_answer(self, args):
        if len(args) > 1:
            return base64.b64decode(args[1])
        return await self.challenge_auth("")

    async def play(self, fault):
        await asyncio.sleep(fault.get("delay", 0))
        if "say" in fault and fault.get("close"):
            await self.push(fault["say"])
        if fault.get("close"):
            self.transport.close()
            await asyncio.sleep(3600)

    async def _handle_client(self):
        self.seen.report["connections"] += 1
        fault = self.seen.fault("CONNECT", None)
        if fault is not None:
            await self.play(fault)
        await super()._handle_client()

    async def smtp_DATA(self, arg):
        fault = self.seen.fault("MESSAGE", self.recipient)
        if fault is None:
            return await super().smtp_DATA(arg)
        await self.push("354 go ahead")
        await self._reader.readline()
        await self.play(fault | {"close": True})


def scripted(verb, ordinary):
    async def command(self, arg):
        if verb == "RCPT":
            self.recipient = arg.split("<")[-1].split(">")[0]
            self.seen.report["recipients"].append(self.recipient)
        if verb == "EHLO":
            self.seen.report["hello"].append(arg)
        fault = self.seen.fault(verb, self.recipient)
        if fault is None:
            return await ordinary(self, arg)
        await self.play(fault)
        if "say" in fault:
            return await self.push(fault["say"])
        return await ordinary(self, arg)

    return command


for verb in ALL:
    setattr(Server, f"smtp_{verb}", scripted(verb, getattr(Server, f"smtp_{verb}")))


async def start(script):
    seen, context = Seen(script), None
    if script.get("tls"):
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(script["certificate"], script["key"])
    implicit = context if script.get("tls") == "implicit" else None
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Server(seen, context), script.get("host", "127.0.0.1"), 0, ssl=implicit)
    return seen, server


async def main():
    asked, loop = asyncio.Queue(), asyncio.get_running_loop()
    # A broken connection is the point of most of these scripts.
    loop.set_exception_handler(lambda *_: None)
    scripts = json.loads(sys.stdin.readline())
    started = {name: await start(script) for name, script in scripts.items()}

    def listen():
        for line in sys.stdin:
            loop.call_soon_threadsafe(asked.put_nowait, line)
        loop.call_soon_threadsafe(asked.put_nowait, None)

    threading.Thread(target=listen, daemon=True).start()
    print(json.dumps({name: server.sockets[0].getsockname()[1] for name, (_, server) in started.items()}), flush=True)
    while await asked.get() is not None:
        print(json.dumps({name: seen.report for name, (seen, _) in started.items()}), flush=True)


asyncio.run(main())
