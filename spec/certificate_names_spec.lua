local decode = require "support.decode"
local der = require "support.der"
local ssl = require "pyssl"

-- OIDs.
local C, O, OU, CN, SN = "2.5.4.6", "2.5.4.10", "2.5.4.11", "2.5.4.3", "2.5.4.4"
local UNIQUE = "2.5.4.45"
local UPN = "1.3.6.1.4.1.311.20.2.3"
local XMPP, SRV = "1.3.6.1.5.5.7.8.5", "1.3.6.1.5.5.7.8.7"
local NAI, SMTP = "1.3.6.1.5.5.7.8.8", "1.3.6.1.5.5.7.8.9"

local function cn(text) return {{{"commonName", text}}} end

-- What the case is about, the subject, its table; `unlike` Python says why.
local SUBJECTS = {
  {"no names at all", der.name(), {}},
  {"an empty value", der.common_name "", cn ""},
  {"several attributes in one RDN",
    der.name({{C, "DE", der.PRINTABLE}}, {{OU, "B"}, {CN, "cn"}}),
    {{{"countryName", "DE"}},
      {{"organizationalUnitName", "B"}, {"commonName", "cn"}}}},
  {"an RDN whose attributes are out of order, as it was encoded",
    der.name {{SN, "zzz"}, {CN, "a"}, {O, "o"}},
    {{{"surname", "zzz"}, {"commonName", "a"}, {"organizationName", "o"}}}},
  {"the same attribute twice", der.name({CN, "first"}, {CN, "second"}),
    {{{"commonName", "first"}}, {{"commonName", "second"}}}},
  {"an OID that has no name", der.name {"1.2.3.4.5", "foo"},
    {{{"1.2.3.4.5", "foo"}}}},
  {"an OID longer than any buffer of a fixed size",
    der.name {"1.2" .. (".4294967295"):rep(40), "v"},
    {{{"1.2" .. (".4294967295"):rep(40), "v"}}}},
  {"a NUL in the middle", der.common_name "a.example\0b.example",
    cn "a.example\0b.example"},
  {"a NUL at the end", der.common_name "a.example\0", cn "a.example\0"},
  {"a line break and a quote", der.common_name "a\n\"b\"", cn "a\n\"b\""},

  {"a UTF8String", der.common_name("日本語 𝄞"), cn "日本語 𝄞"},
  {"a BMPString", der.common_name("\0G\0r\0\xfc\x20\xac", der.BMP), cn "Grü€"},
  {"a BMPString with a NUL", der.common_name("\0a\0\0\0b", der.BMP), cn "a\0b"},
  {"a UniversalString",
    der.common_name("\0\0\0G\0\0\0\xfc\0\1\xd1\x1e", der.UNIVERSAL), cn "Gü𝄞"},
  {"a T61String, taken for Latin-1", der.common_name("Gr\xfcn", der.T61),
    cn "Grün"},
  {"an IA5String", der.common_name("ascii", der.IA5), cn "ascii"},
  {"an IA5String that is not ASCII, taken for Latin-1",
    der.common_name("a\xe9", der.IA5), cn "aé"},
  {"a PrintableString with what it may not hold",
    der.common_name("Print*@able", der.PRINTABLE), cn "Print*@able"},
  {"a NumericString", der.common_name("12 34", der.NUMERIC), cn "12 34"},
  {"a BIT STRING's bytes", der.name {UNIQUE, "\0\xe2\x82\xac\0x", der.BITS},
    {{{"x500UniqueIdentifier", "€\0x"}}}},
  {"a BIT STRING's bytes that are no text",
    der.name {UNIQUE, "\0\xde\xad\xbe\xef", der.BITS},
    {{{"x500UniqueIdentifier", "\xde\xad\xbe\xef"}}}},
  {"an empty BIT STRING", der.name {UNIQUE, "\0", der.BITS},
    {{{"x500UniqueIdentifier", ""}}}, unlike = "Python takes it for nil"},
}

local LONG_NAMES = {
  {"2.5.4.6", "countryName"}, {"2.5.4.10", "organizationName"},
  {"2.5.4.3", "commonName"}, {"1.2.840.113549.1.9.1", "emailAddress"},
  {"0.9.2342.19200300.100.1.1", "userId"},
  {"0.9.2342.19200300.100.1.25", "domainComponent"}, {"2.5.4.4", "surname"},
  {"1.3.6.1.4.1.311.60.2.1.3", "jurisdictionCountryName"},
}

-- What the case is about, the general name, what it becomes.
local ALTERNATIVES = {
  {"a DNS name", der.dns "a.example", {"DNS", "a.example"}},
  {"a wildcard", der.dns "*.b.example", {"DNS", "*.b.example"}},
  {"an empty DNS name", der.dns "", {"DNS", ""}},
  {"a DNS name with a NUL", der.dns "a.example\0b", {"DNS", "a.example\0b"}},
  {"a DNS name that is not ASCII", der.dns "caf\xe9.example",
    {"DNS", "caf\xe9.example"}, unlike = "Python cannot make a string of it"},
  {"an email", der.email "u@example.org", {"email", "u@example.org"}},
  {"an email with a NUL", der.email "u@a\0@b", {"email", "u@a\0@b"}},
  {"a URI", der.uri "https://x/y?a=b", {"URI", "https://x/y?a=b"}},
  {"a URI with a NUL", der.uri "http://a\0/b", {"URI", "http://a\0/b"}},

  {"an IPv4 address", der.address "\192\0\2\1", {"IP Address", "192.0.2.1"}},
  {"the highest IPv4 address", der.address "\255\255\255\255",
    {"IP Address", "255.255.255.255"}},
  {"an IPv6 address",
    der.address("\x20\x01\x0d\xb8" .. ("\0"):rep(11) .. "\1"),
    {"IP Address", "2001:DB8:0:0:0:0:0:1"}},
  {"an IPv6 address that holds one of IPv4",
    der.address(("\0"):rep(10) .. "\xff\xff\xc0\0\x02\x21"),
    {"IP Address", "0:0:0:0:0:FFFF:C000:221"}},
  {"the highest IPv6 address", der.address(("\255"):rep(16)),
    {"IP Address", ("FFFF:"):rep(7) .. "FFFF"}},
  {"an address of no bytes", der.address "", {"IP Address", "<invalid>"}},
  {"an address of 3 bytes", der.address "abc", {"IP Address", "<invalid>"}},
  {"an address of 5 bytes", der.address "abcde", {"IP Address", "<invalid>"}},
  {"an address and mask of 8 bytes", der.address(("a"):rep(8)),
    {"IP Address", "<invalid>"}},
  {"an address of 17 bytes", der.address(("a"):rep(17)),
    {"IP Address", "<invalid>"}},

  {"a directory name as a name",
    der.directory(der.name({{C, "UK"}}, {{CN, "inner"}, {O, "o"}})),
    {"DirName", {{{"countryName", "UK"}},
      {{"commonName", "inner"}, {"organizationName", "o"}}}}},
  {"an empty directory name", der.directory(der.name()), {"DirName", {}}},
  {"a registered id that has no name", der.registered "1.2.3.4",
    {"Registered ID", "1.2.3.4"}},
  {"a registered id that has one", der.registered(CN),
    {"Registered ID", "commonName"}},
  {"a long registered id", der.registered("1.2" .. (".4294967295"):rep(40)),
    {"Registered ID", "1.2" .. (".4294967295"):rep(40)}},
  {"an overlong registered id",
    der.registered("1.2" .. (".4294967295"):rep(300)),
    {"Registered ID", "<INVALID>"}, unlike = "Python raises"},

  {"another name of an unknown kind",
    der.other("1.2.3.4", der.tlv(der.UTF8, "some")),
    {"othername", "<unsupported>"}},
  {"a user principal", der.other(UPN, der.tlv(der.UTF8, "upn@x")),
    {"othername", "UPN:upn@x"}},
  {"an XMPP address", der.other(XMPP, der.tlv(der.UTF8, "x@x")),
    {"othername", "XmppAddr:x@x"}},
  {"a service", der.other(SRV, der.tlv(der.IA5, "_imap.x")),
    {"othername", "SRVName:_imap.x"}},
  {"a realm", der.other(NAI, der.tlv(der.UTF8, "nai.x")),
    {"othername", "NAIRealm:nai.x"}},
  {"a mailbox in UTF-8", der.other(SMTP, der.tlv(der.UTF8, "ü@x")),
    {"othername", "SmtpUTF8Mailbox:ü@x"}},
  {"a known other name of the wrong type",
    der.other(UPN, der.integer "\5"), {"othername", "<unsupported>"}},
  {"a user principal with a NUL, whole",
    der.other(UPN, der.tlv(der.UTF8, "admin\0.evil")),
    {"othername", "UPN:admin\0.evil"}, unlike = "Python cuts it at the NUL"},
  {"an X.400 address", der.x400(), {"X400Name", "<unsupported>"}},
  {"an EDI party", der.edi_party "party", {"EdiPartyName", "<unsupported>"}},
}

-- Values that are no text of their type: no certificate is made of them.
local MALFORMED = {
  {"UTF-8 that is none", der.common_name("bad\xff\xfe")},
  {"half a character", der.common_name("\0a\0", der.BMP)},
  {"a surrogate", der.common_name("\xd8\x34\xdd\x1e", der.BMP)},
  {"a character beyond the last", der.common_name("\0\x11\0\0", der.UNIVERSAL)},
  {"an octet string", der.common_name("octets", der.OCTETS)},
  {"a number", der.common_name("\5", 2)},
  {"a time", der.common_name("200102030405Z", der.UTC)},
}

local function load_authority(bytes)
  local ctx <close> = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
  ctx:load_verify_locations {cadata = bytes}
end

local function of_subject(name)
  return der.certificate {subject = name}
end

local function of_alternative(name)
  return der.certificate {extensions = {der.alternatives(name)}}
end

-- One `it` a case, and one that asks Python about all of them.
local function check_cases(cases, make, field, wrap)
  for _, case in ipairs(cases) do
    it("shows " .. case[1], function()
      assert.same(wrap(case[3]), decode.ours(make(case[2]))[field])
    end)
  end

  it("shows what Python shows", function()
    local list = {}
    for i, case in ipairs(cases) do list[i] = make(case[2]) end
    for i, theirs in ipairs(decode.python(list)) do
      local ours = decode.ours(list[i])
      if cases[i].unlike then
        assert.is_not.same(theirs, ours, cases[i][1])
      else
        assert.same(theirs, ours, cases[i][1])
      end
    end
  end)
end

describe("a certificate's names [G.2]", function()
  check_cases(SUBJECTS, of_subject, "subject",
    function(name) return name end)

  for _, case in ipairs(LONG_NAMES) do
    it("call " .. case[1] .. " " .. case[2], function()
      local subject = decode.ours(of_subject(der.name {case[1], "v"})).subject
      assert.same({{{case[2], "v"}}}, subject)
    end)
  end

  it("are read from the issuer in the same way", function()
    local name = der.name({C, "DE"}, {{OU, "B"}, {CN, "a\0b"}})
    assert.same({{{"countryName", "DE"}},
      {{"organizationalUnitName", "B"}, {"commonName", "a\0b"}}},
      decode.ours(der.certificate {issuer = name}).issuer)
  end)

  for _, case in ipairs(MALFORMED) do
    it("are refused at loading where there is " .. case[1], function()
      for _, field in ipairs {"subject", "issuer"} do
        local bytes = der.certificate {[field] = case[2]}
        local ok, err = pcall(load_authority, bytes)
        assert.is_false(ok)
        assert.equal("SSLError", err.class.name)
      end
    end)
  end

  it("raise where a value is a list, which loading allows", function()
    local name = der.common_name(der.tlv(der.UTF8, "inner"), 0x30)
    load_authority(of_subject(name))
    for _, bytes in ipairs {of_subject(name),
      of_alternative(der.directory(name))} do
      local ok, err = pcall(decode.ours, bytes)
      assert.is_false(ok)
      assert.equal("SSLError", err.class.name)
      assert.equal("malformed string in a certificate", err.message)
    end
  end)

  it("may be hundreds", function()
    local rdns, expected = {}, {}
    for i = 1, 500 do
      rdns[i] = {OU, "u" .. i}
      expected[i] = {{"organizationalUnitName", "u" .. i}}
    end
    assert.same(expected,
      decode.ours(of_subject(der.name(table.unpack(rdns)))).subject)
  end)
end)

describe("a certificate's alternative names [G.3]", function()
  check_cases(ALTERNATIVES, of_alternative, "subjectAltName",
    function(name) return {name} end)

  it("keep the order of the certificate", function()
    local names, expected = {}, {}
    for i, case in ipairs(ALTERNATIVES) do
      names[i], expected[i] = case[2], case[3]
    end
    assert.same(expected, decode.ours(der.certificate {
      extensions = {der.alternatives(table.unpack(names))},
    }).subjectAltName)
  end)

  it("may be thousands", function()
    local names = {}
    for i = 1, 2000 do names[i] = der.dns("h" .. i .. ".example") end
    local found = decode.ours(der.certificate {
      extensions = {der.alternatives(table.concat(names))},
    }).subjectAltName
    assert.equal(2000, #found)
    assert.same({"DNS", "h2000.example"}, found[2000])
  end)
end)
