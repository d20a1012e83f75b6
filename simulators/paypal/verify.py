"""Signatures of webhooks, and the bytes they are checked over.

PayPal signs `transmission id|time|webhook id|crc32 of the body` with RSA. Here the same words are signed with a secret
that only this process has, so only its own /v1/notifications/verify-webhook-signature can tell: as with the real one
for whoever asks PayPal instead of fetching certificates.
"""

import base64
import hashlib
import hmac
import json
import secrets
import uuid
import zlib

from simulators.webhooks import now_iso


class Signer:
    """Signs what leaves, and knows its own hand."""

    def __init__(self, webhook_id: str) -> None:
        self.webhook_id = webhook_id
        self._secret = secrets.token_bytes(32)

    def headers(self, body: bytes) -> dict[str, str]:
        """The PAYPAL-… headers of one transmission of `body`."""
        transmission, moment = str(uuid.uuid1()), now_iso(0)
        return {
            "PAYPAL-TRANSMISSION-ID": transmission,
            "PAYPAL-TRANSMISSION-TIME": moment,
            "PAYPAL-TRANSMISSION-SIG": self._sign(transmission, moment, body),
            "PAYPAL-CERT-URL": "https://api.sandbox.paypal.com/v1/notifications/certs/CERT-360caa42-simulated",
            "PAYPAL-AUTH-ALGO": "SHA256withRSA",
        }

    def is_mine(self, body: bytes) -> bool:
        """Whether the event in a request to verify-webhook-signature is one of ours, byte for byte."""
        asked = json.loads(body)
        if asked.get("webhook_id") != self.webhook_id or asked.get("auth_algo") != "SHA256withRSA":
            return False
        event = raw_member(body.decode(), "webhook_event").encode()
        given = str(asked.get("transmission_sig"))
        right = self._sign(str(asked.get("transmission_id")), str(asked.get("transmission_time")), event)
        return hmac.compare_digest(given.encode(), right.encode())

    def _sign(self, transmission: str, moment: str, body: bytes) -> str:
        words = f"{transmission}|{moment}|{self.webhook_id}|{zlib.crc32(body)}".encode()
        return base64.b64encode(hmac.digest(self._secret, words, hashlib.sha256)).decode()


def raw_member(text: str, name: str) -> str:
    """The value of a member of a JSON object as it is written there; empty when there is none."""
    decoder = json.JSONDecoder()
    at = _skip(text, text.index("{") + 1, " \t\r\n,")
    while text[at] != "}":
        key, at = decoder.raw_decode(text, at)
        start = _skip(text, at, " \t\r\n:")
        _, at = decoder.raw_decode(text, start)
        if key == name:
            return text[start:at]
        at = _skip(text, at, " \t\r\n,")
    return ""


def _skip(text: str, at: int, blanks: str) -> int:
    while text[at] in blanks:
        at += 1
    return at
