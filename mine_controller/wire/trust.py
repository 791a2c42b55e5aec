"""Why a certificate is not believed, in words for an owner: what helps differs."""

import ssl

UNTRUSTED = "is not trusted"
# By OpenSSL's number (x509_vfy.h): an error's own words would repeat the address.
_OTHER_NAME = "is made out for another name than is asked for"
_WHY = {
    9: "is not valid yet: is the clock of this machine right?",
    10: "has expired",
    62: _OTHER_NAME,
    64: _OTHER_NAME,
}


def distrusted(error: ssl.SSLCertVerificationError) -> str:
    """What is wrong with it, behind the word certificate."""
    return _WHY.get(getattr(error, "verify_code", 0), UNTRUSTED)
