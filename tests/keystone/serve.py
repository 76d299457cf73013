"""Keystone's own WSGI application on a port of this machine, by https when a file of PEM has a certificate and its key; for tests."""

import socketserver
import ssl
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
    pem = sys.argv.pop()
    port = int(sys.argv.pop())
    application = wsgi.initialize_public_application()
    server = simple_server.make_server("127.0.0.1", port, application, Server, Quiet)
    if pem:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        # A handshake that fails, as some are to, must not end the server: it is made by the thread of its request.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print("serving", flush=True)
    server.serve_forever()
