"""A mail server: prints what it takes, a line of JSON each.

mail_server.py SECURITY PORT CERTIFICATE KEY USERNAME PASSWORD_FILE
"""

import asyncio
import email
import email.policy
import json
import logging
import ssl
import sys
import warnings

from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword

# Of passwords without STARTTLS, and of what its next version will not have.
logging.disable(logging.WARNING)
warnings.simplefilter("ignore")

security, port, certificate, key, username, password_file = sys.argv[1:]


def say(what):
    print(json.dumps(what), flush=True)


class Mails:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("gone@"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        if b"SPAM" in envelope.content:
            return "554 5.7.1 this is spam"
        mail = email.message_from_bytes(envelope.content, policy=email.policy.default)
        say(
            {
                "envelope": {"from": envelope.mail_from, "to": envelope.rcpt_tos},
                "from": mail["from"],
                "to": mail["to"],
                "subject": mail["subject"],
                "type": mail.get_content_type(),
                "parts": [part.get_content_type() for part in mail.iter_parts()],
                "text": mail.get_body(("plain",)).get_content(),
                "html": mail.get_body(("html",)).get_content(),
            }
        )
        return "250 taken"


def authenticate(server, session, envelope, mechanism, login):
    with open(password_file) as file:
        wanted = (username.encode(), file.read().encode())
    right = isinstance(login, LoginPassword) and (login.login, login.password) == wanted
    if not right:
        say({"refused": True})
    return AuthResult(success=right, handled=False)


async def main():
    tls = None
    if security != "none":
        tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        tls.load_cert_chain(certificate, key)
    starttls = security == "starttls"

    def connection():
        return SMTP(
            Mails(),
            tls_context=tls if starttls else None,
            require_starttls=starttls,
            authenticator=authenticate,
            auth_required=True,
            # With TLS from the first byte on the library does not see it.
            auth_require_tls=starttls,
        )

    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        connection, "127.0.0.1", int(port), ssl=tls if security == "tls" else None
    )
    say({"ready": True})
    await server.serve_forever()


asyncio.run(main())
