local certs = require "support.certs"
local decode = require "support.decode"
local der = require "support.der"
local process = require "support.process"
local ssl = require "pyssl"

local OCSP, ISSUERS = "1.3.6.1.5.5.7.48.1", "1.3.6.1.5.5.7.48.2"
local OTHER_ACCESS = "1.3.6.1.5.5.7.48.3"
local CN = "2.5.4.3"

local function utc(text) return der.tlv(der.UTC, text) end
local function generalized(text) return der.tlv(der.GENERALIZED, text) end

local function with(...)
  return der.certificate {extensions = {...}}
end

-- Two's complement, as DER has it.
local SERIALS = {
  {"one", "\1", "01"},
  {"zero", "\0", "00"},
  {"a byte whose highest bit is set", "\0\xff", "FF"},
  {"an even count of digits", "\1\0", "0100"},
  {"a negative one", "\xfb", "-05"},
  {"the most negative byte", "\x80", "-80"},
  {"a negative one of two bytes", "\xff\0", "-0100"},
  {"twenty bytes, the most that is allowed", "\x7f" .. ("\xff"):rep(19),
    "7F" .. ("FF"):rep(19)},
  {"35 bytes", "\x7f" .. ("\xab"):rep(34), "7F" .. ("AB"):rep(34)},
  {"36 bytes", "\x7f" .. ("\xab"):rep(35), "7F" .. ("AB"):rep(35),
    unlike = "Python cuts it"},
  {"a thousand bytes", "\1" .. ("\0"):rep(999), "01" .. ("00"):rep(999),
    unlike = "Python cuts it"},
}

local TIMES = {
  {"a day of two digits", utc "201112131415Z", "Nov 12 13:14:15 2020 GMT"},
  {"a day padded with a blank", utc "180105093443Z", "Jan  5 09:34:43 2018 GMT"},
  {"the last year of the short form", utc "491231235959Z",
    "Dec 31 23:59:59 2049 GMT"},
  {"the first year of the short form", utc "500101000000Z",
    "Jan  1 00:00:00 1950 GMT"},
  {"the long form", generalized "20500630010203Z", "Jun 30 01:02:03 2050 GMT"},
  {"no end at all", generalized "99991231235959Z", "Dec 31 23:59:59 9999 GMT"},
  {"a leap day", generalized "20520229000000Z", "Feb 29 00:00:00 2052 GMT"},
  {"a year of fewer digits", generalized "00990102000000Z",
    "Jan  2 00:00:00 0099 GMT", unlike = "Python does not pad it"},
  {"a fraction of a second, without it", generalized "20500101000000.5Z",
    "Jan  1 00:00:00 2050 GMT", unlike = "Python shows it"},
}

-- What the case is about, the extension, the key, the list (nil: no such key).
local LISTS = {
  {"the OCSP responders among other access methods",
    der.access({OCSP, der.uri "http://o/1"}, {ISSUERS, der.uri "http://c/1"},
      {OCSP, der.uri "http://o/2"}, {OTHER_ACCESS, der.uri "http://t/"}),
    "OCSP", {"http://o/1", "http://o/2"}},
  {"where the issuers are",
    der.access({OCSP, der.uri "http://o/1"}, {ISSUERS, der.uri "http://c/1"}),
    "caIssuers", {"http://c/1"}},
  {"only locations that are URIs",
    der.access({OCSP, der.dns "no"}, {OCSP, der.uri "http://o/"}),
    "OCSP", {"http://o/"}},
  {"a URI's NUL", der.access({OCSP, der.uri "http://o/\0x"}), "OCSP",
    {"http://o/\0x"}},
  {"no OCSP where none is a URI", der.access({OCSP, der.dns "no"}), "OCSP"},
  {"no OCSP where there are only issuers",
    der.access({ISSUERS, der.uri "http://c/1"}), "OCSP"},
  {"no issuers where there is only OCSP",
    der.access({OCSP, der.uri "http://o/1"}), "caIssuers"},
  {"nothing of an empty list of access methods", der.access(), "OCSP"},

  {"all URIs of all distribution points",
    der.points(der.point(der.uri "http://l/1", der.dns "no", der.uri "ldap://l"),
      der.point(der.uri "http://l/2")), "crlDistributionPoints",
    {"http://l/1", "ldap://l", "http://l/2"}},
  {"the points that have a name",
    der.points(der.nameless_point(der.common_name "issuer"),
      der.point(der.uri "http://l/1")), "crlDistributionPoints",
    {"http://l/1"}},
  {"no points where none has a name",
    der.points(der.nameless_point(der.common_name "issuer")),
    "crlDistributionPoints"},
  {"no points where none is a URI", der.points(der.point(der.dns "no")),
    "crlDistributionPoints"},
  {"nothing of an empty list of points", der.points(),
    "crlDistributionPoints"},
  {"nothing of a point relative to the issuer",
    der.points(der.relative_point(CN, "relative"),
      der.point(der.uri "http://l/1")), "crlDistributionPoints",
    {"http://l/1"}, unlike = "Python reads memory of another type"},
}

-- Every case as {what, certificate, key, value}.
local function all_cases()
  local all = {}
  local function add(case, bytes, key, value)
    all[#all + 1] = {case[1], bytes, key, value, unlike = case.unlike}
  end
  for _, case in ipairs(SERIALS) do
    add(case, der.certificate {serial = case[2]}, "serialNumber", case[3])
  end
  for _, case in ipairs(TIMES) do
    add(case, der.certificate {before = case[2]}, "notBefore", case[3])
    add(case, der.certificate {after = case[2]}, "notAfter", case[3])
  end
  for _, case in ipairs(LISTS) do
    add(case, with(case[2]), case[3], case[4])
  end
  return all
end

describe("a certificate's table", function()
  for _, case in ipairs(all_cases()) do
    it(("shows %s in %s [G.1, G.5]"):format(case[1], case[3]), function()
      assert.same(case[4], decode.ours(case[2])[case[3]])
    end)
  end

  it("is Python's, but where Python goes wrong [G.1, G.5]", function()
    local cases, list = {}, {}
    for _, case in ipairs(all_cases()) do
      if not case.unlike then
        cases[#cases + 1], list[#list + 1] = case, case[2]
      end
    end
    for i, theirs in ipairs(decode.python(list)) do
      assert.same(theirs, decode.ours(list[i]), cases[i][1])
    end
  end)

  it("has the six keys that are always there, and no other [G.1]", function()
    assert.same({
      subject = {{{"commonName", "subject"}}},
      issuer = {{{"commonName", "issuer"}}},
      version = 3, serialNumber = "01",
      notBefore = "Jan  2 03:04:05 2020 GMT",
      notAfter = "Dec 31 23:59:59 2049 GMT",
    }, decode.ours(der.certificate()))
    local unknown = der.extension("1.2.3.4", der.integer "\1")
    assert.same(decode.ours(der.certificate()), decode.ours(with(unknown)))
  end)

  it("is as small where the names are empty [G.1, G.4]", function()
    local t = decode.ours(der.certificate {
      subject = der.name(), issuer = der.name(),
    })
    assert.same({{}, {}}, {t.subject, t.issuer})
    assert.is_nil(t.subjectAltName)
  end)

  for version = 1, 2 do
    it(("tells version %d [G.1]"):format(version), function()
      local name = der.common_name "root" -- self-issued: else it is no CA
      local t = decode.ours(der.certificate {
        version = version, authority = version > 1,
        subject = name, issuer = name,
      })
      assert.equal(version, t.version)
      assert.equal("integer", math.type(t.version))
    end)
  end

  it("has an empty list of alternative names, if the certificate has "
    .. "[G.1]", function()
    assert.same({}, decode.ours(with(der.alternatives())).subjectAltName)
  end)

  it("shows the composed example [G.4]", function()
    local name = der.name
    local bytes = der.certificate {
      serial = "\0\xab\xcd\xef\1\x23",
      before = utc "261101080000Z", after = utc "271101080000Z",
      issuer = name({"2.5.4.6", "DE", der.PRINTABLE},
        {"2.5.4.10", "Beispiel CA"}, {CN, "Beispiel Root"}),
      subject = name({{"2.5.4.6", "DE"}}, {{"2.5.4.11", "B"}, {CN, "cn"}},
        {{"1.2.3.4.5", "foo"}}),
      extensions = {
        der.alternatives(der.dns "a.example", der.dns "*.b.example",
          der.email "u@example.org", der.uri "https://x/y?a=b",
          der.address "\192\0\2\1",
          der.address("\x20\x01\x0d\xb8" .. ("\0"):rep(11) .. "\1"),
          der.registered "1.2.3.4",
          der.directory(name({"2.5.4.6", "UK"}, {CN, "inner"})),
          der.other("1.2.3.4", der.tlv(der.UTF8, "x"))),
        der.access({OCSP, der.uri "http://o/1"}, {OCSP, der.uri "http://o/2"},
          {ISSUERS, der.uri "http://c/1"}),
        der.points(der.point(der.uri "http://crl/1"),
          der.point(der.uri "http://crl/2")),
      },
    }
    assert.same({
      version = 3, serialNumber = "ABCDEF0123",
      notBefore = "Nov  1 08:00:00 2026 GMT",
      notAfter = "Nov  1 08:00:00 2027 GMT",
      issuer = {{{"countryName", "DE"}}, {{"organizationName", "Beispiel CA"}},
        {{"commonName", "Beispiel Root"}}},
      subject = {{{"countryName", "DE"}},
        {{"organizationalUnitName", "B"}, {"commonName", "cn"}},
        {{"1.2.3.4.5", "foo"}}},
      subjectAltName = {{"DNS", "a.example"}, {"DNS", "*.b.example"},
        {"email", "u@example.org"}, {"URI", "https://x/y?a=b"},
        {"IP Address", "192.0.2.1"}, {"IP Address", "2001:DB8:0:0:0:0:0:1"},
        {"Registered ID", "1.2.3.4"},
        {"DirName", {{{"countryName", "UK"}}, {{"commonName", "inner"}}}},
        {"othername", "<unsupported>"}},
      OCSP = {"http://o/1", "http://o/2"}, caIssuers = {"http://c/1"},
      crlDistributionPoints = {"http://crl/1", "http://crl/2"},
    }, decode.ours(bytes))
  end)

  it("is made for a certificate of OpenSSL's, too [G.1]", function()
    local bytes = ssl.PEM_cert_to_DER_cert(certs.read "ca.pem")
    local t = decode.ours(bytes)
    local say = process.check({"openssl", "x509", "-noout", "-serial",
      "-startdate", "-enddate", "-in", certs.path "ca.pem"})
    assert.equal(say, ("serial=%s\nnotBefore=%s\nnotAfter=%s\n"):format(
      t.serialNumber, t.notBefore, t.notAfter))
    assert.same(decode.python({bytes})[1], t)
    assert.equal(ssl.cert_time_to_seconds(t.notAfter),
      ssl.cert_time_to_seconds(t.notBefore) + 30 * 24 * 60 * 60)
  end)

  for what, bytes in pairs {
    ["malformed alternative names"] =
      with(der.extension("2.5.29.17", "\x30\x05\x82\x09x")),
    ["alternative names twice"] =
      with(der.alternatives(der.dns "a"), der.alternatives(der.dns "b")),
    ["malformed distribution points"] =
      with(der.extension("2.5.29.31", "\x30\x03\x02\x01\x01")),
  } do
    it("is not made of a CA with " .. what .. " [G.5]", function()
      local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
      ctx:load_verify_locations {cadata = bytes}
      assert.same({}, ctx:get_ca_certs())
    end)
  end

  it("ignores access methods that are malformed or there twice "
    .. "[G.1]", function()
    local one = der.access({OCSP, der.uri "http://o/1"})
    local bad = der.extension("1.3.6.1.5.5.7.1.1", "\x30\x03\x02\x01\x01")
    assert.same(decode.ours(der.certificate()), decode.ours(with(bad)))
    assert.same(decode.ours(der.certificate()), decode.ours(with(one, one)))
  end)
end)
