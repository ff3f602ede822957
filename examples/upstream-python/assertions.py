"""Who was admitted by the gateway."""

import threading
import time

import jwt


class Assertions:
    """Of requests on one of the gateway's routes.

    Several processes that serve one route remember assertions together, or each would take one a second time.
    """

    def __init__(self, gateway, route):
        """The gateway's public URL, without a slash at the end, and the route's path."""
        # A key that is not known is asked for at once, but once a second at most.
        self._keys = jwt.PyJWKClient(f"{gateway}/.well-known/jwks.json", timeout=5, cooldown_duration=1)
        self._gateway = gateway
        self._route = route
        self._used = {}
        self._lock = threading.Lock()

    def verify(self, headers):
        """The claims of a sound assertion, which says what the identity headers say. Raises a PyJWTError of any other."""
        token = one(headers, "x-admitone-assertion")
        if jwt.get_unverified_header(token).get("typ") != "admitone-assertion+jwt":
            raise jwt.InvalidTokenError("it is no assertion")
        claims = jwt.decode(
            token,
            self._keys.get_signing_key_from_jwt(token),
            algorithms=["EdDSA"],
            issuer=self._gateway,
            audience=self._route,
            options={"require": ["exp", "sub", "login_issuer", "jti"]},
        )
        named = one(headers, "x-admitone-subject"), one(headers, "x-admitone-issuer")
        if named != (claims["sub"], claims["login_issuer"]):
            raise jwt.InvalidTokenError("the headers and the assertion name two people")
        self._use(claims["jti"], claims["exp"])
        return claims

    def _use(self, name, ends):
        """An assertion is for one socket."""
        now = time.time()
        with self._lock:
            self._used = {other: end for other, end in self._used.items() if end >= now}
            if name in self._used:
                raise jwt.InvalidTokenError("the assertion was used before")
            self._used[name] = ends


def one(headers, name):
    """The value of a header that is there once."""
    values = headers.get_all(name)
    if len(values) != 1:
        raise jwt.InvalidTokenError(f"{name} is there {len(values)} times")
    return values[0]
