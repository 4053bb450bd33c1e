rockspec_format = "3.0"
package = "pyssl"
version = "scm-1"

-- Built from a checkout: luarocks make rockspec/pyssl-scm-1.rockspec
source = {
  url = "file://.",
}

description = {
  summary = "Python's ssl module for Lua, over OpenSSL 3",
  detailed = [[
TLS clients and servers with the API of Python's ssl: contexts that verify by
default, certificates as tables, errors as objects, blocking sockets, time-outs,
non-blocking sockets and event loops.]],
  license = "MIT",
}

dependencies = {
  "lua >= 5.4, < 5.5",
}

external_dependencies = {
  OPENSSL = {
    header = "openssl/ssl.h",
    library = "ssl",
  },
  -- Host names beyond ASCII. LuaRocks knows no optional libraries; `make` does
  -- (make IDN=0).
  IDN2 = {
    header = "idn2.h",
    library = "idn2",
  },
}

build = {
  type = "builtin",
  modules = {
    -- modules, by `make rockspec`
    ["pyssl"] = "lua/pyssl.lua",
    ["pyssl.address"] = "lua/pyssl/address.lua",
    ["pyssl.adopt"] = "lua/pyssl/adopt.lua",
    ["pyssl.callback"] = "lua/pyssl/callback.lua",
    ["pyssl.certtime"] = "lua/pyssl/certtime.lua",
    ["pyssl.check"] = "lua/pyssl/check.lua",
    ["pyssl.chunks"] = "lua/pyssl/chunks.lua",
    ["pyssl.context"] = "lua/pyssl/context.lua",
    ["pyssl.defaults"] = "lua/pyssl/defaults.lua",
    ["pyssl.errors"] = "lua/pyssl/errors.lua",
    ["pyssl.file"] = "lua/pyssl/file.lua",
    ["pyssl.hostname"] = "lua/pyssl/hostname.lua",
    ["pyssl.object"] = "lua/pyssl/object.lua",
    ["pyssl.op"] = "lua/pyssl/op.lua",
    ["pyssl.pem"] = "lua/pyssl/pem.lua",
    ["pyssl.reader"] = "lua/pyssl/reader.lua",
    ["pyssl.socket"] = "lua/pyssl/socket.lua",
    ["pyssl.subclass"] = "lua/pyssl/subclass.lua",
    ["pyssl.text"] = "lua/pyssl/text.lua",
    ["pyssl.writer"] = "lua/pyssl/writer.lua",
    -- end
    ["pyssl.core"] = {
      sources = {
        -- sources, by `make rockspec`
        "src/bind/args.c",
        "src/bind/buffer.c",
        "src/bind/call.c",
        "src/bind/certbox.c",
        "src/bind/certificate.c",
        "src/bind/certinfo.c",
        "src/bind/class.c",
        "src/bind/connection.c",
        "src/bind/connection_binding.c",
        "src/bind/connection_chain.c",
        "src/bind/connection_info.c",
        "src/bind/connection_negotiation.c",
        "src/bind/connection_session.c",
        "src/bind/constants.c",
        "src/bind/context.c",
        "src/bind/context_attribute.c",
        "src/bind/context_cipher.c",
        "src/bind/context_load.c",
        "src/bind/context_message.c",
        "src/bind/context_negotiation.c",
        "src/bind/context_psk.c",
        "src/bind/context_session.c",
        "src/bind/context_sni.c",
        "src/bind/context_trust.c",
        "src/bind/credentials.c",
        "src/bind/enumtable.c",
        "src/bind/error.c",
        "src/bind/gather.c",
        "src/bind/memorybio.c",
        "src/bind/module.c",
        "src/bind/netaddr.c",
        "src/bind/object.c",
        "src/bind/post_handshake.c",
        "src/bind/pressure.c",
        "src/bind/privatekey.c",
        "src/bind/purpose.c",
        "src/bind/random.c",
        "src/bind/resolver.c",
        "src/bind/session.c",
        "src/bind/socket.c",
        "src/bind/socket_adopt.c",
        "src/bind/socket_connect.c",
        "src/bind/socket_listen.c",
        "src/bind/socket_option.c",
        "src/bind/socket_read.c",
        "src/bind/socket_step.c",
        "src/bind/socket_write.c",
        "src/bind/systemstore.c",
        "src/bind/unfinished.c",
        "src/bind/warning.c",
        "src/sys/address.c",
        "src/sys/clock.c",
        "src/sys/egd.c",
        "src/sys/environment.c",
        "src/sys/errname.c",
        "src/sys/fdio.c",
        "src/sys/fdwait.c",
        "src/sys/file.c",
        "src/sys/forklock.c",
        "src/sys/net.c",
        "src/sys/paths.c",
        "src/sys/resolve.c",
        "src/sys/tape.c",
        "src/sys/winstore.c",
        "src/tls/algorithm.c",
        "src/tls/alpn.c",
        "src/tls/certkey.c",
        "src/tls/certlist.c",
        "src/tls/channelbinding.c",
        "src/tls/ciphersuites.c",
        "src/tls/engine.c",
        "src/tls/fdbio.c",
        "src/tls/hello.c",
        "src/tls/identity.c",
        "src/tls/idna.c",
        "src/tls/keylog.c",
        "src/tls/membio.c",
        "src/tls/peername.c",
        "src/tls/pemwalk.c",
        "src/tls/pkcs12.c",
        "src/tls/sessionbytes.c",
        "src/tls/sessioncache.c",
        "src/tls/systemtrust.c",
        "src/tls/tlserr.c",
        "src/tls/trust.c",
        "src/tls/trustbundle.c",
        "src/tls/trustcache.c",
        "src/tls/trustdir.c",
        "src/tls/trustindex.c",
        "src/tls/trustload.c",
        "src/tls/trustplace.c",
        "src/tls/trustplan.c",
        -- end
      },
      defines = {"_GNU_SOURCE", "PYSSL_IDN"},
      libraries = {"ssl", "crypto", "idn2", "pthread"},
      incdirs = {"$(OPENSSL_INCDIR)", "$(IDN2_INCDIR)"},
      libdirs = {"$(OPENSSL_LIBDIR)", "$(IDN2_LIBDIR)"},
    },
  },
}
