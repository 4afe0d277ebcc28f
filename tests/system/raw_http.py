#!/usr/bin/python3
"""Sends bytes to the HTTP socket of kheishd as they are. Usage: raw_http.py <REQUESTS

REQUESTS is a JSON array of requests in base64, each for a connection of its own. Prints a JSON array of
[status, content type, body], where status is 0 for a connection that ended without an answer.
"""

import base64
import http.client
import json
import socket
import sys
import threading

SOCKET = "/run/kheish/http.sock"
SECONDS = 30


def send(connection, request):
    """A peer that refuses early closes while we write: that is its right."""
    try:
        connection.sendall(request)
    except (BrokenPipeError, ConnectionResetError):
        pass


def exchange(request):
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(SECONDS)
        connection.connect(SOCKET)
        writer = threading.Thread(target=send, args=(connection, request))
        writer.start()
        answer = http.client.HTTPResponse(connection)
        try:
            answer.begin()
            return [answer.status, answer.headers["Content-Type"], answer.read().decode()]
        except (http.client.HTTPException, ConnectionError):
            return [0, "", ""]
        finally:
            writer.join(SECONDS)


print(json.dumps([exchange(base64.b64decode(request)) for request in json.load(sys.stdin)]))
