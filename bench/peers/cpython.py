"""CPython's ssl as a client: python3 cpython.py WORK N PORT DIR does WORK N
times against the test server and prints the CPU seconds that the N took."""
import socket
import ssl
import sys
import time

RECORD = 16384
PIECES, PIECE = 100, 100

name, n, port, directory = sys.argv[1:5]
n, port = int(n), int(port)
start = 0.0


def begin():
    global start
    start = time.process_time()


def finish():
    print("%.6f" % (time.process_time() - start))


def client_context():
    return ssl.create_default_context(cafile=directory + "/ca.pem")


def connect(ctx, session=None):
    sock = socket.create_connection(("127.0.0.1", port))
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return ctx.wrap_socket(sock, server_hostname="localhost", session=session)


def ask(service, size):
    """A connection that has asked for a service of the server."""
    conn = connect(client_context())
    conn.sendall(b"%s %d" % (service, size))
    return conn


def handshake():
    ctx = client_context()
    begin()
    for _ in range(n):
        connect(ctx).close()
    finish()


def visit(ctx, session):
    """A connection that exchanges one byte, by which its ticket arrives."""
    conn = connect(ctx, session)
    conn.sendall(b"echo 1")
    conn.sendall(b"x")
    conn.recv(1)
    session = conn.session
    conn.close()
    return session


def visit_full():
    ctx = client_context()
    begin()
    for _ in range(n):
        visit(ctx, None)
    finish()


def visit_resumed():
    ctx = client_context()
    session = visit(ctx, None)
    begin()
    for _ in range(n):
        session = visit(ctx, session)
    finish()


def echo_small():
    conn = ask(b"echo", 100)
    data = b"x" * 100
    begin()
    for _ in range(n):
        conn.sendall(data)
        answer = conn.recv(100)
    finish()
    assert answer == data


def echo_large():
    conn = ask(b"echo", RECORD)
    data = b"x" * RECORD
    begin()
    for _ in range(n):
        conn.sendall(data)
        left = RECORD
        while left > 0:
            left -= len(conn.recv(left))
    finish()


def download():
    conn = ask(b"source", n)
    left = n * RECORD
    begin()
    while left > 0:
        left -= len(conn.recv(RECORD))
    finish()


def download_into():
    conn = ask(b"source", n)
    buffer = bytearray(RECORD)
    left = n * RECORD
    begin()
    while left > 0:
        left -= conn.recv_into(buffer)
    finish()


def upload():
    conn = ask(b"sink", n * RECORD)
    data = b"x" * RECORD
    begin()
    for _ in range(n):
        conn.sendall(data)
    finish()
    assert conn.recv(1)


def pieces_joined():
    conn = ask(b"sink", n * PIECES * PIECE)
    pieces = [bytes([i]) * PIECE for i in range(PIECES)]
    begin()
    for _ in range(n):
        conn.sendall(b"".join(pieces))
    finish()
    assert conn.recv(1)


def read_nothing():
    conn = ask(b"hold", 0)
    conn.setblocking(False)
    begin()
    for _ in range(n):
        try:
            conn.recv(100)
        except ssl.SSLWantReadError:
            pass
    finish()


def decode():
    conn = ask(b"hold", 0)
    begin()
    for _ in range(n):
        conn.getpeercert()
    finish()


def context_system():
    begin()
    for _ in range(n):
        ssl.create_default_context()
    finish()


globals()[name]()
