"""Keystone's own WSGI application on a port of this machine; for tests, as it speaks neither TLS nor to many at a time."""

import socketserver
import sys
from wsgiref import simple_server

from keystone.server import wsgi


class Server(socketserver.ThreadingMixIn, simple_server.WSGIServer):
    """A thread for each request."""

    daemon_threads = True


class Quiet(simple_server.WSGIRequestHandler):
    """Requests are in Keystone's own log."""

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    # Keystone reads what else stands there.
    port = int(sys.argv.pop())
    application = wsgi.initialize_public_application()
    server = simple_server.make_server("127.0.0.1", port, application, Server, Quiet)
    print("serving", flush=True)
    server.serve_forever()
