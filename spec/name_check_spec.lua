local certs = require "support.certs"
local der = require "support.der"
local odd = require "support.odd"
local pair = require "support.pair"
local ssl = require "pyssl"

local IPV4, IPV6 = "\127\0\0\1", ("\0"):rep(15) .. "\1"

-- A leaf with this common name (nil: an empty subject) and these names.
local function leaf(common, ...)
  return der.certificate {
    authority = false,
    subject = common and der.common_name(common) or der.name(),
    extensions = select("#", ...) > 0 and {der.alternatives(...)} or nil,
  }
end

local function dns(...)
  local names = {}
  for i, name in ipairs({...}) do names[i] = der.dns(name) end
  return leaf(nil, table.concat(names))
end

local function ip(...)
  local names = {}
  for i, bytes in ipairs({...}) do names[i] = der.address(bytes) end
  return leaf(nil, table.concat(names))
end

local MATCH, HOST, IP = nil, 62, 64 -- the verify codes

-- What the case is about, the certificate, the name asked for, the outcome.
local CASES = {
  {"the same name", dns "a.example.org", "a.example.org", MATCH},
  {"other letters in the certificate", dns "A.Example.ORG", "a.example.org",
    MATCH},
  {"other letters in the name", dns "a.example.org", "A.EXAMPLE.org", MATCH},
  {"another name", dns "a.example.org", "b.example.org", HOST},
  {"a name below", dns "example.org", "a.example.org", HOST},
  {"a name above", dns "a.example.org", "example.org", HOST},
  {"a name that only ends alike", dns "example.org", "anexample.org", HOST},
  {"a name that only begins alike", dns "example.org", "example.org.evil",
    HOST},
  {"the second of two names", dns("a.org", "b.org"), "b.org", MATCH},
  {"a name of one label", dns "localhost", "localhost", MATCH},
  {"a trailing dot in the name", dns "a.example.org", "a.example.org.", MATCH},
  {"an underscore", dns "_a_b.example.org", "_a_b.example.org", MATCH},
  {"a blank", dns "a b.example.org", "a b.example.org", MATCH},
  {"a label of 63 bytes", dns(("a"):rep(63) .. ".org"), ("a"):rep(63) .. ".org",
    MATCH},
  {"an empty name in the certificate", dns "", "a.example.org", HOST},
  {"a trailing dot in the certificate", dns "a.org.", "a.org", HOST},
  {"an email", leaf(nil, der.email "a.org"), "a.org", HOST},
  {"a URI", leaf(nil, der.uri "https://a.org"), "a.org", HOST},

  {"a wildcard", dns "*.a.org", "foo.a.org", MATCH},
  {"a wildcard and other letters", dns "*.A.org", "FOO.a.ORG", MATCH},
  {"a wildcard and a trailing dot", dns "*.a.org", "foo.a.org.", MATCH},
  {"a wildcard and an A-label", dns "*.a.org", "xn--caf-dma.a.org", MATCH},
  {"a wildcard and two labels", dns "*.a.org", "bar.foo.a.org", HOST},
  {"a wildcard and no label", dns "*.a.org", "a.org", HOST},
  {"a wildcard of another domain", dns "*.a.org", "foo.b.org", HOST},
  {"a wildcard deeper down", dns "*.b.a.org", "foo.b.a.org", MATCH},
  {"a wildcard for a top domain", dns "*.org", "a.org", HOST},
  {"a wildcard for all", dns "*", "localhost", HOST},
  {"a wildcard at a label's end", dns "f*.a.org", "foo.a.org", HOST},
  {"a wildcard at a label's start", dns "*o.a.org", "foo.a.org", HOST},
  {"a wildcard within a label", dns "f*o.a.org", "foo.a.org", HOST},
  {"a wildcard within an A-label", dns "xn--*.a.org", "xn--a.a.org", HOST},
  {"a wildcard as the second label", dns "foo.*.org", "foo.a.org", HOST},
  {"two wildcards", dns "*.*.a.org", "x.foo.a.org", HOST},
  {"a wildcard in an address", dns "*.0.0.1", "127.0.0.1", IP},

  {"an IPv4 address", ip(IPV4), "127.0.0.1", MATCH},
  {"an IPv4 address with a trailing dot", ip(IPV4), "127.0.0.1.", MATCH},
  {"another IPv4 address", ip(IPV4), "127.0.0.2", IP},
  {"an IPv6 address", ip(IPV6), "::1", MATCH},
  {"an IPv6 address in full", ip(IPV6), "0:0:0:0:0:0:0:1", MATCH},
  {"an IPv6 address with a zone", ip(IPV6), "::1%lo", MATCH},
  {"another IPv6 address", ip(IPV6), "::2", IP},
  {"the second of two addresses", ip(IPV4, IPV6), "::1", MATCH},
  {"an IPv4 address written as IPv6", ip(IPV4), "::ffff:127.0.0.1", IP},
  {"an address in brackets", ip(IPV6), "[::1]", HOST},
  {"an address and a blank", ip(IPV4), "127.0.0.1 ", HOST},
  {"a blank and an address", ip(IPV4), " 127.0.0.1", HOST},
  {"an address and a zone of IPv6", ip(IPV4), "127.0.0.1%lo", HOST},
  {"an address of three numbers", ip(IPV4), "127.0.1", HOST},
  {"a colon alone", ip(("\0"):rep(16)), ":", HOST},
  {"a name that begins with an address", dns "127.0.0.1.a.org",
    "127.0.0.1.a.org", MATCH},
  {"a name that begins with the certificate's address", ip(IPV4),
    "127.0.0.1.a.org", HOST},
  {"an address as a DNS name", dns "127.0.0.1", "127.0.0.1", IP},
  {"an address with a trailing dot as a DNS name", dns "127.0.0.1",
    "127.0.0.1.", IP},
  {"an address as the common name", leaf "127.0.0.1", "127.0.0.1", IP},
  {"an address with a trailing dot as the common name", leaf "127.0.0.1",
    "127.0.0.1.", IP},
  {"an address whose bytes spell the name", ip "a.de", "a.de", HOST},
  {"an address of a wrong length", ip(IPV4 .. "\0"), "127.0.0.1", IP},

  {"a common name", leaf "a.org", "a.org", MATCH},
  {"a common name in other letters", leaf "A.ORG", "a.org", MATCH},
  {"another common name", leaf "a.org", "b.org", HOST},
  {"a wildcard common name", leaf "*.a.org", "foo.a.org", MATCH},
  {"a common name beside a DNS name", leaf("a.org", der.dns "b.org"), "a.org",
    HOST},
  {"a common name beside an address", leaf("a.org", der.address(IPV4)), "a.org",
    MATCH},
  {"a common name beside an email", leaf("a.org", der.email "u@b.org"), "a.org",
    MATCH},
  {"a certificate without any name", leaf(nil), "a.org", HOST},
}

-- A NUL, as in CVE-2009-2408 and CVE-2013-4238; and what the name of a file, a
-- line or a C string would be cut at.
local EVIL = {
  {"a DNS name", function(text) return dns(text) end},
  {"a common name", function(text) return leaf(text) end},
  {"a common name of two bytes a character", function(text)
    return der.certificate {
      authority = false,
      subject = der.common_name(text:gsub(".", "\0%0"), der.BMP),
    }
  end},
}
local CUTS = {
  {"a NUL and more", "a.org\0.evil.com"}, {"a NUL at its end", "a.org\0"},
  {"a NUL in front", "\0a.org"}, {"a line break", "a.org\n"},
  {"a blank at its end", "a.org "},
  {"a dot in front", ".a.org"},
}

local function code_of(err)
  return err and err.verify_code
end

describe("the check of the peer's name", function()
  for _, case in ipairs(CASES) do
    local verdict = case[4] and "refuses" or "accepts"
    it(("%s %s [H-11, H-12]"):format(verdict, case[1]), function()
      local ours, theirs = odd.handshake(case[2], case[3])
      assert.equal(case[4], code_of(ours), tostring(ours))
      assert.equal(case[4] and ssl.ALERT_DESCRIPTION_BAD_CERTIFICATE,
        theirs and theirs.alert)
    end)
  end

  for _, where in ipairs(EVIL) do
    for _, cut in ipairs(CUTS) do
      it(("is not deceived by %s with %s [H-12, G.5]"):format(where[1], cut[1]),
        function()
          local ours = odd.handshake(where[2](cut[2]), "a.org")
          assert.equal(62, code_of(ours))
        end)
    end
  end

  it("looks at every common name [H-12]", function()
    local bytes = der.certificate {
      authority = false,
      subject = der.name({"2.5.4.3", "a.org"}, {"2.5.4.3", "b.org"}),
    }
    assert.is_nil((odd.handshake(bytes, "a.org")))
    assert.is_nil((odd.handshake(bytes, "b.org")))
  end)

  it("leaves common names alone where they are switched off "
    .. "[H-12, D-11]", function()
    local off = {hostname_checks_common_name = false}
    for _, bytes in ipairs {leaf "a.org", leaf("a.org", der.address(IPV4)),
      leaf("a.org", der.email "u@a.org")} do
      assert.is_nil((odd.handshake(bytes, "a.org")))
      assert.equal(62, code_of(odd.handshake(bytes, "a.org", off)))
    end
    assert.is_nil((odd.handshake(dns "a.org", "a.org", off)))
    assert.is_nil((odd.handshake(ip(IPV4), "127.0.0.1", off)))
  end)

  it("finds a name among a hundred [H-12]", function()
    local names = {}
    for i = 1, 100 do names[i] = ("host-%d.a.org"):format(i) end
    local bytes = dns(table.unpack(names))
    assert.is_nil((odd.handshake(bytes, "host-100.a.org")))
    assert.equal(62, code_of(odd.handshake(bytes, "host-101.a.org")))
  end)

  for _, case in ipairs {{"wrong.test", "Hostname", 62},
    {"127.9.9.9", "IP address", 64}} do
    it(("says that %s is not what the certificate is for [H-12]"):format(
      case[1]), function()
      local err, theirs = odd.handshake(dns "a.org", case[1])
      assert.is_true(err:is(ssl.SSLCertVerificationError))
      assert.is_true(err:is(ssl.CertificateError))
      assert.equal(case[3], err.verify_code)
      assert.equal(case[1], err.hostname)
      assert.equal(("%s mismatch, certificate is not valid for '%s'"):format(
        case[2], case[1]), err.verify_message)
      assert.equal("SSLV3_ALERT_BAD_CERTIFICATE", theirs.reason)
    end)
  end

  -- A name that is as long as names may be.
  local LONG = (("a"):rep(63) .. "."):rep(3) .. ("b"):rep(63)

  it("is made of names as long as they may be [H-11]", function()
    assert.equal(255, #LONG)
    for _, host in ipairs {LONG, LONG .. "."} do
      assert.is_nil((odd.handshake(dns(LONG), host)))
      assert.equal(62, code_of(odd.handshake(dns(LONG:sub(2)), host)))
    end
  end)

  for what, case in pairs {
    ["an empty name"] = {"", "ValueError"},
    ["a leading dot, which OpenSSL takes for all names below"] =
      {".a.org", "ValueError"},
    ["a dot alone"] = {".", "ValueError"},
    ["an empty label"] = {"a..org", "ValueError"},
    ["two trailing dots"] = {"a.org..", "ValueError"},
    ["a label of 64 bytes"] = {("a"):rep(64) .. ".org", "ValueError"},
    ["a NUL"] = {"a.org\0.evil.com", "TypeError"},
    ["256 bytes"] = {"c." .. LONG:sub(2), "SSLError",
      "SSL3_EXT_INVALID_SERVERNAME"},
  } do
    it(("is not begun for %s [H-11]"):format(what), function()
      local ctx <close> = pair.client_context()
      local ok, err = pcall(ctx.wrap_socket, ctx, nil,
        {server_hostname = case[1]})
      assert.is_false(ok)
      assert.same({case[2], case[3]}, {err.class.name, err.reason})
    end)
  end

  it("is not made where it is switched off [H-09, H-12]", function()
    local client = pair.client_context {check_hostname = false}
    local server = pair.server_context "wrong-host"
    assert.same({}, {pair.refused(client, server)})
    assert.same({}, {pair.refused(client, server, {
      client = {server_hostname = "127.0.0.1"},
    })})
    client:close()
    server:close()
  end)

  it("is not made by CERT_REQUIRED alone [H-09]", function()
    local client <close> = ssl.SSLContext(ssl.PROTOCOL_TLS)
    client.verify_mode = ssl.CERT_REQUIRED
    client:load_verify_locations(certs.path "ca.pem")
    local server <close> = pair.server_context "wrong-host"
    assert.same({}, {pair.refused(client, server)})
  end)

  it("is made with CERT_OPTIONAL, too [H-12, D-02]", function()
    local client <close> = pair.client_context {verify_mode = ssl.CERT_OPTIONAL}
    local server <close> = pair.server_context "wrong-host"
    assert.equal(62, code_of(pair.refused(client, server)))
  end)

  it("takes the settings of when the connection was made [D-02]", function()
    local client <close> = pair.client_context()
    local server <close> = pair.server_context "wrong-host"
    local one, other = pair.tcp(client, server)
    client.check_hostname = false
    local results = pair.drive({one.do_handshake, one},
                               {other.do_handshake, other})
    pair.close(one, other)
    assert.equal(62, results[1][2].verify_code)
  end)
end)
