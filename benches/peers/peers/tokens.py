"""An issuer made up for the benchmarks: its key, its part of the configuration, and tokens of about 1 KB."""

import base64
import json
import secrets
import time

from cryptography.hazmat.primitives import hashes, hmac, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa, utils

ISS = "https://login.bench.example/"
AUDIENCE = "https://api.bench.example"
LAST_LOGOUT = "https://bench.example/last_logout"
KID = "bench-2026-01"
LIFETIME = 20 * 3600


class Issuer:
    """Makes a key for the algorithm, and signs with it; `tokens_file` has one token a line, of as many users."""

    def __init__(self, algorithm, directory, count):
        self.algorithm = algorithm
        directory.mkdir(parents=True, exist_ok=True)
        self._sign, public = _new_key(algorithm)
        self.key_file = (directory / f"{algorithm}.key").resolve()
        self.key_file.write_bytes(public)
        tokens = [self.token(number) for number in range(count)]
        self.hot_token = tokens[0]
        self.tokens_file = directory / f"{algorithm}.tokens"
        self.tokens_file.write_text("".join(f"{token}\n" for token in tokens))
        self.hot_file = directory / f"{algorithm}.token"
        self.hot_file.write_text(f"{self.hot_token}\n")
        # Of a token in the middle: all have the same shape, and nearly all the same length.
        self.typical_token = tokens[count // 2]

    def token(self, number):
        """What a login server puts into an access token, with all that a logout can name: seven scopes."""
        now = int(time.time()) - 60
        claims = {
            "iss": ISS, "sub": f"auth0|{number:024x}", "aud": AUDIENCE, "client_id": "the-bench-application",
            "iat": now, "exp": now + LIFETIME, "auth_time": now - 5, "jti": secrets.token_hex(16),
            "sid": secrets.token_hex(16), LAST_LOGOUT: None, "scope": "openid profile email read:orders write:orders",
            "email": f"user-{number:06}@customers.bench.example", "roles": ["customer", "beta-tester"],
        }
        head = {"alg": self.algorithm, "typ": "at+jwt", "kid": KID}
        text = f"{_part(json.dumps(head).encode())}.{_part(json.dumps(claims).encode())}"
        return f"{text}.{_part(self._sign(text.encode()))}"

    def config(self):
        """Its `[[issuer]]` table."""
        source = "hmac_secret_file" if self.algorithm == "HS256" else "pem_file"
        return "\n".join([
            "[[issuer]]", 'name = "bench"', f"issuer = {json.dumps(ISS)}", f"audiences = [{json.dumps(AUDIENCE)}]",
            f"algorithms = [{json.dumps(self.algorithm)}]",
            f"keys = {{ {source} = {json.dumps(str(self.key_file))}, kid = {json.dumps(KID)} }}",
            f"last_logout_claim = {json.dumps(LAST_LOGOUT)}", 'session_claim = "sid"', 'max_token_lifetime = "24h"', "",
        ])


def _part(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _new_key(algorithm):
    """A function that signs, and what goes into the key file."""
    if algorithm == "HS256":
        secret = secrets.token_hex(32).encode()

        def sign(data):
            mac = hmac.HMAC(secret, hashes.SHA256())
            mac.update(data)
            return mac.finalize()
        return sign, secret
    if algorithm == "RS256":
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

        def sign(data):
            return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    elif algorithm == "ES256":
        key = ec.generate_private_key(ec.SECP256R1())

        def sign(data):
            r, s = utils.decode_dss_signature(key.sign(data, ec.ECDSA(hashes.SHA256())))
            return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    else:
        key = ed25519.Ed25519PrivateKey.generate()
        sign = key.sign
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return sign, public
