"""Why a certificate is not believed: what helps differs."""

import ssl

import pytest

from mine_controller.wire import mqtt
from mine_controller.wire.blame import blame


def error(code):
    made = ssl.SSLCertVerificationError(1, "certificate verify failed")
    made.verify_code = code
    return made


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (9, "certificate is not valid yet: is the clock of this machine right?"),
        (10, "certificate has expired"),
        (62, "certificate is made out for another name than is asked for"),
        (64, "certificate is made out for another name than is asked for"),
        (18, "certificate is not trusted"),
    ],
)
def test_each_reason_why_a_certificate_is_not_believed_is_told_as_itself(code, why):
    assert (blame(error(code), 0.1).kind, blame(error(code), 0.1).why) == ("tls", why)
    own = f"the broker's {why}"
    assert mqtt._blame(error(code), 0.1, tls=True).why == own + (": is ca_file right?" if code == 18 else "")


def test_an_error_that_tells_no_code_is_no_trust():
    assert blame(ssl.SSLCertVerificationError(1, "x"), 0.1).why == "certificate is not trusted"
