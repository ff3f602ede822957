"""A server behind the gateway, on a port that others reach too: it serves whom the gateway vouches for."""

import os

import jwt
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import serve

from assertions import Assertions

ASSERTIONS = Assertions(os.environ.get("GATEWAY", "http://127.0.0.1:8080"), os.environ.get("ROUTE", "/chat"))


def admit(connection, request):
    """Before the handshake is answered, in the connection's own thread."""
    try:
        connection.person = ASSERTIONS.verify(request.headers)["sub"]
    except jwt.PyJWTError as error:
        print(f"refused: {error}", flush=True)
        return connection.respond(403, "")


def talk(connection):
    try:
        connection.send(f"hello {connection.person}")
        for text in connection:
            connection.send(f"{connection.person}: {text}")
    except ConnectionClosed:
        pass


with serve(talk, "127.0.0.1", int(os.environ.get("PORT", "9000")), process_request=admit) as server:
    print(f"listening on {server.socket.getsockname()[1]}", flush=True)
    server.serve_forever()
