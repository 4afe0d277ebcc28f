"""Two sites for web_fetch, on loopback: one that an operator has named, and one that nobody has. What they are asked is
written to a file, a line a request.

    web_server.py FILE PORT [PORT ...]
"""

import http.server
import sys
import threading

PAGE = b"<html><head><title>Notes</title><script>no()</script></head><body><p>The word is <b>heron</b>.</body></html>"
LOG, *PORTS = sys.argv[1:]


class Site(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        with open(LOG, "a", encoding="utf-8") as log:
            log.write(f"{self.server.server_port} {self.path}\n")
        moved = {"/moved": "/notes", "/away": f"http://127.0.0.1:{PORTS[-1]}/notes"}.get(self.path.split("?")[0])
        self.send_response(302 if moved else 200)
        if moved:
            self.send_header("Location", moved)
        self.send_header("Content-Type", "image/png" if self.path == "/picture" else "text/html; charset=utf-8")
        body = b"" if moved else PAGE
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


servers = [http.server.ThreadingHTTPServer(("127.0.0.1", int(port)), Site) for port in PORTS]
threads = [threading.Thread(target=server.serve_forever) for server in servers]
for thread in threads:
    thread.start()
print("ready", flush=True)
