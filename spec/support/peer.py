"""One TLS connection by Python's ssl, for the specs: peer.py ROLE JSON.

ROLE is "server" or "client". Says what happened as JSON, an object a line:
{"port"} once it listens, {"handshake"}, {"received"}, {"sent"}, {"end"}, or
{"error"}, after which nothing follows. Options, all but ca and cert optional:

  version      "TLSv1.2" or "TLSv1.3", and no other
  minimum      the oldest version, instead
  ciphers      OpenSSL's list
  cert, key    files of its own certificate
  ca           file of the authorities to trust
  verify       ask for the peer's certificate (a client always does)
  port         to connect to
  name         to check the server's certificate against ("localhost")
  receive      how many bytes to read, ahead of sending (a client: after)
  send         how many random bytes to send
  end          how to end: "unwrap"; "close", without a word; or "await" the end
"""
import hashlib
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
    ctx.options &= ~ssl.OP_IGNORE_UNEXPECTED_EOF  # on by default in 3.11
    if o.get("version"):
        version = ssl.TLSVersion[o["version"].replace(".", "_")]
        ctx.minimum_version = ctx.maximum_version = version
    if o.get("minimum"):
        ctx.minimum_version = ssl.TLSVersion[o["minimum"].replace(".", "_")]
    if o.get("ciphers"):
        ctx.set_ciphers(o["ciphers"])
    if o.get("cert"):
        ctx.load_cert_chain(o["cert"], o["key"])
    if o.get("ca"):
        ctx.load_verify_locations(o["ca"])
    if o.get("verify"):
        ctx.verify_mode = ssl.CERT_REQUIRED
    return ctx


def connect(role, o):
    if role == "client":
        return socket.create_connection(("127.0.0.1", o["port"]), LIMIT)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(LIMIT)
        say(port=listener.getsockname()[1])
        return listener.accept()[0]


def describe(conn):
    unique = conn.get_channel_binding("tls-unique")
    return {"version": conn.version(), "cipher": conn.cipher(),
            "unique": unique.hex(), "cert": conn.getpeercert()}


def receive(conn, size):
    digest = hashlib.sha256()
    left = size
    while left > 0:
        data = conn.recv(min(left, 65536))
        if not data:
            break
        digest.update(data)
        left -= len(data)
    say(received={"size": size - left, "sha256": digest.hexdigest()})


def send(conn, size):
    data = os.urandom(size)
    conn.sendall(data)
    say(sent={"size": size, "sha256": hashlib.sha256(data).hexdigest()})


def await_end(conn):
    try:
        return "clean" if conn.recv(1) == b"" else "data"
    except ssl.SSLError as e:  # an SSLEOFError in later versions
        if e.reason == "UNEXPECTED_EOF_WHILE_READING":
            return "ragged"
        raise


def talk(role, conn, o):
    steps = [(receive, o.get("receive")), (send, o.get("send"))]
    for step, size in steps if role == "server" else reversed(steps):
        if size:
            step(conn, size)
    end = o.get("end", "unwrap")
    if end == "unwrap":
        conn.unwrap()
    elif end == "await":
        end = await_end(conn)
    conn.close()
    say(end=end)


def main(role, o):
    ctx = make_context(role, o)
    sock = connect(role, o)
    sock.settimeout(LIMIT)
    try:
        conn = ctx.wrap_socket(
            sock, server_side=role == "server", suppress_ragged_eofs=False,
            server_hostname=o.get("name", "localhost")
            if role == "client" else None)
        say(handshake=describe(conn))
        talk(role, conn, o)
    except OSError as e:
        say(error={"class": type(e).__name__,
                   "library": getattr(e, "library", None),
                   "reason": getattr(e, "reason", None),
                   "code": getattr(e, "verify_code", None)})


main(sys.argv[1], json.loads(sys.argv[2]))
