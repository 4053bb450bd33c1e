"""CPython's ssl as a server: python3 cpython.py hold DIR A B, as pyssl.lua."""
import gc
import socket
import ssl
import sys

directory, counts = sys.argv[2], [int(number) for number in sys.argv[3:]]
assert sys.argv[1] == "hold"

context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
context.load_cert_chain(directory + "/server.pem", directory + "/server.key")
listener = socket.create_server(("127.0.0.1", 0))
# What it accepts inherits this.
listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
print(listener.getsockname()[1], flush=True)


def resident():
    """Bytes of memory that the process occupies now, without garbage."""
    gc.collect()
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096


connections = []
for count in counts:
    for _ in range(count):
        conn = context.wrap_socket(listener.accept()[0], server_side=True)
        conn.sendall(conn.recv(100))
        connections.append(conn)
    print(resident(), flush=True)
sys.stdin.read()
