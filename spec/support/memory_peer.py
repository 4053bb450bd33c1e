"""TLS over memory by Python's ssl, for the specs: memory_peer.py ROLE JSON.

ROLE is "server" or "client". The bytes of an ssl.SSLObject are carried by a TCP
socket, or by a TLS connection over it, so that there is TLS inside TLS. A client
sends "GET /NAME HTTP/1.0", an empty line; a server answers "VERSION: " and what
it was asked, and ends TLS. Says, as JSON, an object a line: {"port"} once it
listens, {"received"} what a client got, {"end"}, or {"error"}. Options:

  cert, key  files of a server's certificate
  ca         file of the authorities to trust; of a server: ask for certificates
  port       to connect to
  tunnel     as an HTTPS proxy does: TLS first, then CONNECT; "inside" is the
             name of the certificate's files for the TLS inside
"""
import json
import os
import socket
import ssl
import sys

LIMIT = 60 * float(os.environ.get("PYSSL_SCALE") or 1)


def say(**what):
    print(json.dumps(what), flush=True)


def make_context(role, o):
    server = role == "server"
    ctx = ssl.SSLContext(
        ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    if o.get("cert"):
        ctx.load_cert_chain(o["cert"], o["key"])
    if o.get("ca"):
        ctx.load_verify_locations(o["ca"])
        ctx.verify_mode = ssl.CERT_REQUIRED
    return ctx


class Pump:
    """An SSLObject, and the socket that its bytes go over."""

    def __init__(self, ctx, carrier, server):
        self.carrier = carrier
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = ctx.wrap_bio(
            self.incoming, self.outgoing, server_side=server,
            server_hostname=None if server else "localhost")

    def call(self, name, *args):
        while True:
            try:
                done, result = True, getattr(self.tls, name)(*args)
            except ssl.SSLWantReadError:
                done = False
            if self.outgoing.pending:
                self.carrier.sendall(self.outgoing.read())
            if done:
                return result
            data = self.carrier.recv(65536)
            if data:
                self.incoming.write(data)
            else:
                self.incoming.write_eof()


def read_head(read):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        data = read(1)
        if not data:
            raise OSError("the request is cut off")
        head += data
    return head


def serve(pump):
    request = read_head(lambda n: pump.call("read", n)).split(b"\r\n")[0]
    pump.call("write", pump.tls.version().encode() + b": " + request)
    pump.call("unwrap")
    say(end="clean")


def ask(pump):
    pump.call("write", b"GET /python HTTP/1.0\r\n\r\n")
    parts = []
    while data := pump.call("read", 1024):
        parts.append(data)
    say(received=b"".join(parts).decode())
    pump.call("unwrap")
    say(end="clean")


def main(role, o):
    ctx = make_context(role, o)
    if role == "client":
        sock = socket.create_connection(("127.0.0.1", o["port"]), LIMIT)
    else:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            listener.settimeout(LIMIT)
            say(port=listener.getsockname()[1])
            sock = listener.accept()[0]
    sock.settimeout(LIMIT)
    try:
        if o.get("tunnel"):
            sock = ctx.wrap_socket(sock, server_side=True)
            target = read_head(sock.recv).split()[1].decode()
            sock.sendall(b"HTTP/1.0 200 Connected to "
                         + target.encode() + b"\r\n\r\n")
            ctx = make_context(role, {"cert": o["inside"] + ".pem",
                                      "key": o["inside"] + ".key"})
        pump = Pump(ctx, sock, role == "server")
        pump.call("do_handshake")
        (serve if role == "server" else ask)(pump)
    except OSError as e:
        say(error={"class": type(e).__name__,
                   "reason": getattr(e, "reason", str(e))})
    sock.close()


main(sys.argv[1], json.loads(sys.argv[2]))
