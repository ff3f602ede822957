"""Logs Schemathesis in: every request has a login of its own, so that one which is logged out takes no other with it."""

import base64
import hashlib
import hmac
import itertools
import json
import os
import time
from pathlib import Path

import schemathesis

SECRET = Path(os.environ["ADMITONE_LEGACY_SECRET"]).read_bytes()
COUNT = itertools.count()


def encoded(part):
    return base64.urlsafe_b64encode(part).rstrip(b"=")


def token(subject):
    now, number = int(time.time()), next(COUNT)
    claims = {"iss": "legacy-app", "aud": "admitone", "sub": subject, "iat": now, "exp": now + 600, "scope": "chat:read"}
    claims |= {"sid": f"sid-{number}", "jti": f"jti-{number}"}
    head = encoded(json.dumps({"alg": "HS256"}).encode()) + b"." + encoded(json.dumps(claims).encode())
    return (head + b"." + encoded(hmac.digest(SECRET, head, hashlib.sha256))).decode()


@schemathesis.auth(refresh_interval=None)
class Login:
    def get(self, case, context):
        # One that is logged out everywhere is nobody else.
        ends = case.operation.definition.raw.get("operationId") == "logout"
        return token(f"leaving-{next(COUNT)}" if ends else "ada")

    def set(self, case, data, context):
        case.headers["Authorization"] = f"Bearer {data}"
