"""Three issuers, and the tokens that they sign: as different as the config allows, and all minted with PyJWT."""

import secrets
import time
import uuid

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

AUDIENCE = "https://api.example.test"
LAST_LOGOUT = "https://curfew.example/last_logout"
CLIENT_ID = "app"

# The value of a claim that a token is to lack. (None is null, which a token can say.)
ABSENT = object()

# name -> (iss, algorithm, format of the last-logout claim)
KINDS = {
    "pem": ("https://pem.example.test/", "ES256", "rfc3339"),
    "secret": ("https://secret.example.test/", "HS256", "seconds"),
    "millis": ("https://millis.example.test/", "HS256", "milliseconds"),
}


class Issuers:
    """Makes each issuer's key, writes it where the config names it, and signs with it."""

    def __init__(self, directory):
        self._signing_keys = {}
        self.config = "".join(self._issuer(directory, name) for name in KINDS)

    def _issuer(self, directory, name):
        iss, algorithm, claim_format = KINDS[name]
        key_file = directory / name
        if algorithm == "ES256":
            key = ec.generate_private_key(ec.SECP256R1())
            key_file.write_bytes(key.public_key().public_bytes(
                serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo))
            keys = f'{{ pem_file = "{key_file}" }}'
        else:
            key = secrets.token_hex(32)
            key_file.write_text(key)
            keys = f'{{ hmac_secret_file = "{key_file}" }}'
        self._signing_keys[name] = key
        return f"""
[[issuer]]
name = "{name}"
issuer = "{iss}"
audiences = ["{AUDIENCE}"]
algorithms = ["{algorithm}"]
keys = {keys}
last_logout_claim = "{LAST_LOGOUT}"
last_logout_format = "{claim_format}"
max_token_lifetime = "24h"
"""

    def token(self, name, subject, **changes):
        """A token issued now, for an hour; a claim changed to ABSENT is left out."""
        iss, algorithm, _ = KINDS[name]
        now = int(time.time())
        claims = {
            "iss": iss, "sub": subject, "aud": AUDIENCE, "client_id": CLIENT_ID,
            "iat": now, "exp": now + 3600, "jti": str(uuid.uuid4()),
        } | changes
        claims = {claim: value for claim, value in claims.items() if value is not ABSENT}
        return jwt.encode(claims, self._signing_keys[name], algorithm=algorithm)
