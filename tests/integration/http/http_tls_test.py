#!/usr/bin/python3
"""The HTTP edge over TLS, and clients that others made: Python's ssl (OpenSSL) and curl.

The daemon under test is in $HTTP_EDGE_DAEMON.
"""

import contextlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import tempfile
import unittest

DAEMON = os.environ.get("HTTP_EDGE_DAEMON", "")
TOKEN = {"Authorization": "Bearer kheish_token"}
TIMEOUT = 30
FRAMES = 500  # of the daemon's journal


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class Certificates:
    """An authority, the server's certificate of it, a client's, and a stranger that signs itself."""

    def __init__(self, folder):
        self.folder = folder
        for name in ("authority", "stranger"):
            openssl(
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                "-subj", f"/CN={name}", "-keyout", self.path(f"{name}.key"), "-out", self.path(f"{name}.pem"),
            )  # fmt: skip
        self.sign("server", "subjectAltName=IP:127.0.0.1,DNS:localhost")
        self.sign("client", "extendedKeyUsage=clientAuth")

    def path(self, name):
        return os.path.join(self.folder, name)

    def sign(self, name, extension):
        openssl(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}",
            "-keyout", self.path(f"{name}.key"), "-out", self.path(f"{name}.csr"),
        )  # fmt: skip
        with open(self.path(f"{name}.ext"), "w", encoding="ascii") as file:
            file.write(extension + "\n")
        openssl(
            "x509", "-req", "-in", self.path(f"{name}.csr"), "-CA", self.path("authority.pem"), "-CAkey",
            self.path("authority.key"), "-CAcreateserial", "-days", "2", "-extfile", self.path(f"{name}.ext"),
            "-out", self.path(f"{name}.pem"),
        )  # fmt: skip


class Case(unittest.TestCase):
    client_ca = ()

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.certificates = Certificates(folder.name)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(self.listener.close)
        self.port = self.listener.getsockname()[1]
        files = [self.certificates.path(name) for name in ("server.pem", "server.key", *self.client_ca)]
        self.daemon = self.start(files)
        self.addCleanup(self.stop)

    def start(self, files, **options):
        script = 'exec 3<&%d; LISTEN_PID=$$ exec "$0" "$@"' % self.listener.fileno()
        return subprocess.Popen(
            ["/bin/sh", "-c", script, DAEMON, *files],
            env=dict(os.environ, LISTEN_FDS="1", LISTEN_FDNAMES="http-tcp"),
            pass_fds=[self.listener.fileno()],
            **options,
        )

    def stop(self):
        self.daemon.terminate()
        self.assertEqual(self.daemon.wait(TIMEOUT), 0)

    def context(self, version=None):
        context = ssl.create_default_context(cafile=self.certificates.path("authority.pem"))
        if version:
            context.minimum_version = context.maximum_version = version
        return context

    def connection(self, context=None):
        made = http.client.HTTPSConnection(
            "localhost", self.port, timeout=TIMEOUT, context=context or self.context()
        )
        self.addCleanup(made.close)
        return made

    def get(self, path, headers=TOKEN, context=None):
        connection = self.connection(context)
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.read()

    def raw(self):
        made = socket.create_connection(("127.0.0.1", self.port), TIMEOUT)
        self.addCleanup(made.close)
        return made


class Tls(Case):
    def test_both_versions_are_spoken_and_older_ones_are_not(self):
        for version, name in ((ssl.TLSVersion.TLSv1_2, "TLSv1.2"), (ssl.TLSVersion.TLSv1_3, "TLSv1.3")):
            connection = self.connection(self.context(version))
            connection.request("GET", "/v1/runs/run-1", headers=TOKEN)
            answer = connection.getresponse()
            self.assertEqual((answer.status, json.loads(answer.read())["run_id"]), (200, "run-1"))
            self.assertEqual(connection.sock.version(), name)
        old = self.context()
        old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1
        old.set_ciphers("ALL:@SECLEVEL=0")
        with self.assertRaises((ssl.SSLError, ConnectionError)):
            self.get("/healthz", context=old)

    def test_tokens_are_wanted_inside_of_it_too(self):
        status, body = self.get("/v1/runs/run-1", headers={})
        self.assertEqual((status, json.loads(body)["code"]), (401, "missing_token"))
        self.assertEqual(self.get("/healthz", headers={}), (200, b"ok\n"))

    def test_one_connection_serves_many_requests_and_large_ones(self):
        connection = self.connection()
        for _ in range(20):
            connection.request("GET", "/v1/openapi.json", headers=TOKEN)
            answer = connection.getresponse()
            self.assertEqual(answer.status, 200)
            self.assertIn("paths", json.loads(answer.read()))
        body = json.dumps({"content": "x" * 3_000_000})
        connection.request(
            "POST", "/v1/sessions/demo/runs", body, {**TOKEN, "Content-Type": "application/json"}
        )
        answer = connection.getresponse()
        self.assertEqual((answer.status, json.loads(answer.read())["run_id"]), (202, "run-1"))

    def test_a_stream_of_a_megabyte_is_whole(self):
        connection = self.connection()
        connection.request("GET", "/v1/events/stream?cursor=0", headers=TOKEN)
        answer = connection.getresponse()
        seen = []
        while len(seen) < FRAMES:
            line = answer.readline()
            self.assertNotEqual(line, b"")
            if line.startswith(b"id: "):
                seen.append(int(line[4:]))
        self.assertEqual(seen, list(range(1, FRAMES + 1)))

    def test_curl_is_content(self):
        words = ["curl", "-sS", "--max-time", str(TIMEOUT), "--cacert", self.certificates.path("authority.pem")]
        words += ["-H", "Authorization: Bearer kheish_token", f"https://localhost:{self.port}/v1/runs/run-1"]
        done = subprocess.run(words, capture_output=True, text=True, check=False)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertEqual(json.loads(done.stdout)["run_id"], "run-1")

    def test_what_is_no_tls_is_closed_and_others_go_on(self):
        good = self.connection()
        good.request("GET", "/healthz")
        good.getresponse().read()
        for rubbish in (b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n", b"\x16\x03\x01\xff\xff" * 99, b"\0" * 999):
            raw = self.raw()
            raw.sendall(rubbish)
            heard = b""
            with contextlib.suppress(ConnectionError):
                while part := raw.recv(4096):
                    heard += part
            self.assertNotIn(b"HTTP/1.1", heard)
        good.request("GET", "/healthz")
        self.assertEqual(good.getresponse().read(), b"ok\n")

    def test_a_handshake_that_is_broken_off_at_any_byte_harms_nobody(self):
        hello = self.client_hello()
        for size in range(0, len(hello), 7):
            raw = self.raw()
            raw.sendall(hello[:size])
            raw.close()
        self.assertEqual(self.get("/healthz")[0], 200)

    def client_hello(self):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = self.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
        with contextlib.suppress(ssl.SSLWantReadError):
            session.do_handshake()
        return outgoing.read()

    def test_bytes_that_come_one_by_one_make_the_same_request(self):
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        session = self.context().wrap_bio(incoming, outgoing, server_hostname="localhost")
        raw = self.raw()
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

        def say():
            for byte in outgoing.read():
                raw.sendall(bytes([byte]))

        def hear():
            part = raw.recv(65536)
            self.assertNotEqual(part, b"")
            incoming.write(part)

        def do(step):
            while True:
                try:
                    result = step()
                    say()
                    return result
                except ssl.SSLWantReadError:
                    say()
                    hear()

        do(session.do_handshake)
        do(lambda: session.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"))
        heard = b""
        while not heard.endswith(b"ok\n"):
            heard += do(lambda: session.read(4096))
        self.assertTrue(heard.startswith(b"HTTP/1.1 200 OK\r\n"), heard)

    def test_the_server_says_goodbye(self):
        with socket.create_connection(("127.0.0.1", self.port), TIMEOUT) as raw:
            context = self.context()
            with context.wrap_socket(raw, server_hostname="localhost", suppress_ragged_eofs=False) as session:
                session.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                heard = b""
                while part := session.recv(4096):
                    heard += part
        self.assertTrue(heard.endswith(b"ok\n"), heard)


class ClientCertificate(Case):
    client_ca = ("authority.pem",)

    def with_certificate(self, name):
        context = self.context()
        context.load_cert_chain(self.certificates.path(f"{name}.pem"), self.certificates.path(f"{name}.key"))
        return context

    def test_only_who_shows_a_good_one_is_heard(self):
        self.assertEqual(self.get("/v1/runs/run-1", context=self.with_certificate("client"))[0], 200)
        self.assertEqual(self.get("/v1/runs/run-1", {}, self.with_certificate("client"))[0], 401, "a token all the same")
        for context in (self.context(), self.with_certificate("stranger")):
            with self.assertRaises((ssl.SSLError, ConnectionError, http.client.BadStatusLine)):
                self.get("/healthz", context=context)
        self.assertEqual(self.get("/healthz", context=self.with_certificate("client"))[0], 200)


class Files(Case):
    def test_wrong_ones_are_refused_at_the_start(self):
        path = self.certificates.path
        for files in (
            [path("nothing.pem"), path("server.key")],
            [path("server.pem"), path("client.key")],
            [path("server.pem"), path("server.pem")],
            [path("server.pem"), path("server.key"), path("server.key")],
        ):
            process = self.start(files, stderr=subprocess.PIPE, text=True)
            _, text = process.communicate(timeout=TIMEOUT)
            self.assertEqual(process.returncode, 1, files)
            self.assertIn("http.tls_", text)


if __name__ == "__main__":
    unittest.main()
