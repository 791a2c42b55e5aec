"""E-mail by SMTP: one mail for all that is due at once, to several recipients.

Codes as mail servers use them: 4xx try later, 535 a bad login, 550 and 554 refused for good.
"""

import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from mine_controller.core.option import Secret, option
from mine_controller.notify.message import LEVELS, Message, Sent, left_s, one_line
from mine_controller.notify.post import in_time
from mine_controller.record import NamedTuple

if TYPE_CHECKING:
    import smtplib
    import socket
    import ssl
    from email.message import EmailMessage

# A comma parts two addresses, wherever it stands but within quotes.
_ADDRESS = re.compile(r'[^@;,<>\s]+@[^@;,<>\s]+|(?:"[^"@;<>]*"|[^"@;,<>]*)\s*<[^@;,<>\s]+@[^@;,<>\s]+>')
TEXT, HTML, MOST = "email.txt", "email.html", 200_000
TLS_PORT = 465
GOODBYE_S = 1.0
NAME_S = 1.0
NAMELESS = "[127.0.0.1]"
BEYOND_ASCII = "username or password has letters beyond ASCII, which no sign-in takes: make an app password"
BEYOND_SERVER = "an address has letters beyond ASCII, and this server takes none of those"
UNTRUSTED = "the server's certificate is not trusted"
NO_TLS = "no TLS from the start at port {port}: set security = starttls, or port = 465"
PLAIN_ANSWER = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE")  # what OpenSSL calls words in the clear, old and new
NO_STARTTLS = "no STARTTLS at port {port}: take port = 587, or 465 with security = tls"
NO_GREETING = "no greeting at port {port}: one that begins with TLS needs security = tls"
NO_SIGN_IN = "port {port} takes no sign-in by password: take port = 587 or 465, or another server"


class _Unfit(Exception):  # noqa: N818 - it ends here
    """Why it can't be said to this server so; what helps stands in it. `permanent`: the same again would fail too."""

    def __init__(self, why: str, *, permanent: bool = False) -> None:
        super().__init__(why)
        self.permanent = permanent


class Options(NamedTuple):
    """Where [email] tells."""

    server: str = option(kind="host", help="the mail server that takes mail from you, like smtp.gmail.com")
    port: int = option(587, low=1, high=65_535, help="587 (STARTTLS) or 465 (TLS from the start)")
    security: str = option(
        "auto", choices=("auto", "starttls", "tls", "none"), help="auto: tls on port 465, starttls on every other"
    )
    username: str = option("", help="user name, where the server asks for one")
    password: Secret = option("", help="its password; an app password where sign-in takes two steps")
    sender: str = option("", help="address in From; default: the user name")
    to: tuple[str, ...] = option(help="who gets the mail", example="owner@example.com, partner@example.com")
    least: str = option("warning", choices=LEVELS, help="the least that is told here")


def check(options: Options) -> tuple[str, ...]:
    """A password never goes in the clear to another machine; a sender must be known; addresses hold an @."""
    wrong = [f"to: {one} is not an address like owner@example.com" for one in options.to if not _ADDRESS.fullmatch(one)]
    if "@" not in (options.sender or options.username):
        wrong.append("sender: has to be an address, as username is none")
    elif not _ADDRESS.fullmatch(sender := options.sender or options.username):
        wrong.append(f"sender: {sender[:80]} is not an address like mine@example.com")
    host = _host(options)
    port = options.server.rpartition("]")[2].partition(":")[2]
    if port and int(port) != options.port:
        text = f"port: is {options.port}, and server ends in :{port}, which is not looked at"
        wrong.append(f"{text}: take it off, and write port = {port} if that is meant")
    if options.security == "none" and options.password.reveal_length() and not host.startswith(("127.", "localhost")):
        wrong.append("security: none would send the password in the clear")
    return tuple(wrong)


def _host(options: Options) -> str:
    """The server alone: without a port behind it, and without the brackets of an IPv6 address."""
    server = options.server
    return server[1:].partition("]")[0] if server.startswith("[") else server.partition(":")[0]


def send(options: Options, message: Message, until: float) -> Sent:
    """Hand it to the mail server; ok when it took the mail for at least one recipient."""
    import smtplib  # noqa: PLC0415 - only a tick that tells something needs it

    try:
        server = _connected(options, left_s(until))
        try:
            if options.username:
                _sign_in(server, options)
            refused = _handed(server, options, message)
            _goodbye(server)
        finally:
            server.close()
    except smtplib.SMTPException as error:
        return _refused(error)
    except _Unfit as unfit:
        return Sent(ok=False, permanent=unfit.permanent, why=one_line(str(unfit)))
    except OSError as error:
        return Sent(ok=False, why=one_line(f"no connection to {options.server}: {error.strerror or error}"))
    return Sent(ok=True, why=f"not to {', '.join(sorted(refused))}" if refused else "")


def _sign_in(server: "smtplib.SMTP", options: Options) -> None:
    """The library sends a name and a password as ASCII, and raises at the first letter that is none."""
    import smtplib  # noqa: PLC0415 - see send

    try:
        server.login(options.username, options.password.reveal())
    except UnicodeEncodeError:  # its text holds the place of the letter, its object the password
        raise _Unfit(BEYOND_ASCII, permanent=True) from None
    except smtplib.SMTPException as error:
        if isinstance(error, smtplib.SMTPResponseException | smtplib.SMTPServerDisconnected):
            raise
        raise _Unfit(NO_SIGN_IN.format(port=options.port)) from None  # nothing is offered, or nothing that is known


def _handed(server: "smtplib.SMTP", options: Options, message: Message) -> dict[str, tuple[int, bytes]]:
    """Give it to the server; who of the recipients it refused."""
    import smtplib  # noqa: PLC0415 - see send

    try:
        return server.send_message(mail(options, message))
    except smtplib.SMTPNotSupportedError:
        raise _Unfit(BEYOND_SERVER, permanent=True) from None


def _goodbye(server: "smtplib.SMTP") -> None:
    """The mail was taken: no answer to this, late or strange, may make it be sent again."""
    import smtplib  # noqa: PLC0415 - see send

    if server.sock is not None:
        server.sock.settimeout(GOODBYE_S)
    with suppress(smtplib.SMTPException, OSError):
        server.quit()


def _connected(options: Options, timeout_s: float) -> "smtplib.SMTP":
    import ssl  # noqa: PLC0415 - see send

    try:
        return _greeted(options, timeout_s)
    except ssl.SSLCertVerificationError as error:
        raise _Unfit(f"{UNTRUSTED}: {error.verify_message}") from None
    except ssl.SSLError as error:
        if error.reason not in PLAIN_ANSWER:
            raise
        raise _Unfit(NO_TLS.format(port=options.port)) from None


def _greeted(options: Options, timeout_s: float) -> "smtplib.SMTP":
    import smtplib  # noqa: PLC0415 - see send

    from mine_controller.wire.names import reached  # noqa: PLC0415 - the same

    class Plain(smtplib.SMTP):  # the library waits for the first address as long as there is time for all of them
        def _get_socket(self, host: str, port: int, timeout: float) -> "socket.socket":
            return reached(host, port, timeout)

    class Safe(smtplib.SMTP_SSL):
        def _get_socket(self, host: str, port: int, timeout: float) -> "socket.socket":
            return self.context.wrap_socket(reached(host, port, timeout), server_hostname=host)

    host, name = _host(options), _own_name()
    tls = options.security == "tls" or (options.security == "auto" and options.port == TLS_PORT)
    if tls:
        return Safe(host, options.port, local_hostname=name, timeout=timeout_s, context=_trust())
    try:
        server = Plain(host, options.port, local_hostname=name, timeout=timeout_s)
    except smtplib.SMTPServerDisconnected:
        raise _Unfit(NO_GREETING.format(port=options.port)) from None
    if options.security != "none":
        try:
            server.starttls(context=_trust())
        except smtplib.SMTPNotSupportedError:
            server.close()
            raise _Unfit(NO_STARTTLS.format(port=options.port)) from None
        except BaseException:  # whatever it was goes on up; the connection must not stay open
            server.close()
            raise
    return server


def _own_name() -> str:
    """What this machine is called in the greeting; the library's own look for it has no end where no name is found."""
    import socket  # noqa: PLC0415 - see send

    name = in_time(socket.getfqdn, time.monotonic() + NAME_S, lambda _why: "")
    return name if "." in name else NAMELESS


def _trust() -> "ssl.SSLContext":
    """This machine's own authorities, by the rules of every Python: from 3.13 on it asks more of a certificate."""
    import ssl  # noqa: PLC0415 - see send

    context = ssl.create_default_context()
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # those made at home lack what later rules ask for
    return context


def mail(options: Options, message: Message) -> "EmailMessage":
    """The mail itself. Its Message-ID follows from the letters in it, so that a second copy can be known as one."""
    from email.message import EmailMessage  # noqa: PLC0415 - see send
    from email.policy import SMTP  # noqa: PLC0415 - see send
    from email.utils import formatdate  # noqa: PLC0415 - the same
    from hashlib import sha256  # noqa: PLC0415 - the same

    sender = options.sender or options.username
    made = EmailMessage(policy=SMTP.clone(cte_type="7bit"))  # °C as it stands is only for servers that say 8BITMIME
    made["From"], made["To"] = sender, ", ".join(options.to)
    made["Subject"] = one_line(message.subject, 200)
    made["Date"] = formatdate(localtime=False)
    name = sha256(f"{message.subject} {message.id}".encode()).hexdigest()[:24]
    made["Message-ID"] = f"<{name}@{sender.rpartition('@')[2] or 'minectl.invalid'}>"
    made["Auto-Submitted"] = "auto-generated"
    made.set_content(message.text)
    if message.html:
        made.add_alternative(message.html, subtype="html")
    return made


def _refused(error: "smtplib.SMTPException") -> Sent:
    import smtplib  # noqa: PLC0415 - see send

    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        told = ", ".join(f"{who}: {code}" for who, (code, _) in sorted(error.recipients.items()))
        return Sent(ok=False, permanent=all(code >= 500 for code in codes), why=one_line(f"refused: {told}"))
    if isinstance(error, smtplib.SMTPResponseException):
        text = error.smtp_error
        words = text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text)
        return Sent(ok=False, permanent=error.smtp_code >= 500, why=one_line(f"{error.smtp_code} {words}"))
    return Sent(ok=False, why=one_line(str(error)) or type(error).__name__)
