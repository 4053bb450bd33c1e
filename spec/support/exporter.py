"""Exported keying material, computed from the secrets of a key log with nothing
but HMAC: RFC 5705 over RFC 5246's PRF, and RFC 8446, 7.5.

exporter.py VERSION HASH SECRET CLIENT_RANDOM SERVER_RANDOM [LABEL LENGTH
CONTEXT]... prints a line in hexadecimal for each triple. SECRET is the master
secret, or TLS 1.3's exporter secret; CONTEXT is "none" or hexadecimal behind an
"=". All bytes are given in hexadecimal.
"""
import hashlib
import hmac
import sys


def mac(name, key, data):
    return hmac.new(key, data, name).digest()


def prf(name, secret, seed, length):
    out, block = b"", seed
    while len(out) < length:
        block = mac(name, secret, block)
        out += mac(name, secret, block + seed)
    return out[:length]


def expand_label(name, secret, label, context, length):
    label = b"tls13 " + label
    info = (length.to_bytes(2, "big") + bytes([len(label)]) + label
            + bytes([len(context)]) + context)
    out, block = b"", b""
    for i in range(1, 256):
        if len(out) >= length:
            break
        block = mac(name, secret, block + info + bytes([i]))
        out += block
    return out[:length]


def export_12(name, secret, randoms, label, context, length):
    seed = label + randoms
    if context is not None:
        seed += len(context).to_bytes(2, "big") + context
    return prf(name, secret, seed, length)


def export_13(name, secret, randoms, label, context, length):
    def digest(data):
        return hashlib.new(name, data).digest()

    derived = expand_label(name, secret, label, digest(b""), len(secret))
    return expand_label(name, derived, b"exporter", digest(context or b""),
                        length)


version, name = sys.argv[1:3]
secret, client, server = map(bytes.fromhex, sys.argv[3:6])
export = export_13 if version == "TLSv1.3" else export_12
rest = sys.argv[6:]
for label, length, context in zip(rest[::3], rest[1::3], rest[2::3]):
    context = None if context == "none" else bytes.fromhex(context[1:])
    print(export(name, secret, client + server, bytes.fromhex(label), context,
                 int(length)).hex())
