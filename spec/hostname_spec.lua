local ssl = require "pyssl"

local function dns(...)
  local names = {}
  for i, name in ipairs({...}) do names[i] = {"DNS", name} end
  return {subjectAltName = names}
end

local function ip(address)
  return {subjectAltName = {{"IP Address", address}}}
end

local function common_name(...)
  local subject = {{{"countryName", "XY"}}}
  for _, name in ipairs({...}) do
    subject[#subject + 1] = {{"commonName", name}}
  end
  return {subject = subject}
end

local function both(names, subject)
  return {subjectAltName = names, subject = common_name(subject).subject}
end

-- What the case is about, certificate, name, whether it matches.
local CASES = {
  {"the same name", dns("example.com"), "example.com", true},
  {"another case of letters", dns("Example.COM"), "eXample.com", true},
  {"another name", dns("example.com"), "example.org", false},
  {"a name below", dns("example.com"), "www.example.com", false},
  {"a trailing dot", dns("example.com"), "example.com.", false},
  {"the second of two names", dns("a.com", "b.com"), "b.com", true},
  {"an empty name", dns(""), "", false},
  {"a NUL behind the name", dns("a.com\0.evil.com"), "a.com", false},

  {"a wildcard", dns("*.a.com"), "foo.a.com", true},
  {"a wildcard in other letters", dns("*.A.com"), "FOO.a.COM", true},
  {"two labels for a wildcard", dns("*.a.com"), "bar.foo.a.com", false},
  {"no label for a wildcard", dns("*.a.com"), "a.com", false},
  {"an empty label for a wildcard", dns("*.a.com"), ".a.com", false},
  {"another domain for a wildcard", dns("*.a.com"), "foo.b.com", false},
  {"a wildcard for a top domain", dns("*.com"), "foo.com", true},
  {"a wildcard and no dot", dns("*.a.com"), "foo", false},
  {"a pattern character", dns("a.c-m"), "axc-m", false},

  {"a common name", common_name("a.com"), "a.com", true},
  {"the second common name", common_name("a.com", "b.com"), "b.com", true},
  {"a wildcard common name", common_name("*.b.com"), "a.b.com", true},
  {"a common name beside a DNS name", both({{"DNS", "b.com"}}, "a.com"),
    "a.com", false},
  {"a common name beside an address", both({{"IP Address", "::1"}}, "a.com"),
    "a.com", false},
  {"a common name beside an email", both({{"email", "me@a.com"}}, "a.com"),
    "a.com", true},
  {"an email", {subjectAltName = {{"email", "a.com"}}}, "a.com", false},

  {"the same address", ip("192.0.2.1"), "192.0.2.1", true},
  {"another address", ip("192.0.2.1"), "192.0.2.2", false},
  {"an address with a blank in the certificate", ip("192.0.2.1 \n"),
    "192.0.2.1", true},
  {"an address as DNS name", dns("192.0.2.1"), "192.0.2.1", false},
  {"a wildcard for an address", dns("*.0.2.1"), "192.0.2.1", false},
  {"a short IPv4 address", ip("127.0.0.1"), "127.1", false},
  {"an octal IPv4 address", ip("127.0.0.1"), "0177.0.0.1", false},
  {"an IPv4 address with junk", ip("127.0.0.1"), "127.0.0.1 x", false},
  {"an IPv6 address in another form", ip("0:0:0:0:0:0:0:1\n"), "::1", true},
  {"an IPv6 address in capitals", ip("2001:DB8:0:0:0:0:0:A"), "2001:db8::a",
    true},
  {"an IPv6 address with IPv4 in it", ip("0:0:0:0:0:FFFF:102:304"),
    "::ffff:1.2.3.4", true},
  {"IPv4 for its IPv6 form", ip("::ffff:1.2.3.4"), "1.2.3.4", false},
  {"an IPv6 address that ends in zeros", ip("1:0:0:0:0:0:0:0"), "1::", true},
  {"a scope", ip("fe80:0:0:0:0:0:0:1"), "fe80::1%lo", false},
  {"brackets", ip("0:0:0:0:0:0:0:1"), "[::1]", false},
  {"two gaps", ip("1:0:0:1:0:0:0:1"), "1::1::1", false},
  {"nine groups", ip("1:2:3:4:5:6:7:8"), "1:2:3:4:5:6:7:8:9", false},
}

local BAD_PATTERNS = {
  {"*", "sole wildcard without additional labels are not support: '*'."},
  {"f*.com",
    "partial wildcards in leftmost label are not supported: 'f*.com'."},
  {"*a.com",
    "partial wildcards in leftmost label are not supported: '*a.com'."},
  {"a*b*.com", "too many wildcards in certificate DNS name: 'a*b*.com'."},
  {"*.*.com", "too many wildcards in certificate DNS name: '*.*.com'."},
  {"www.*.com",
    "wildcard can only be present in the leftmost label: 'www.*.com'."},
}

local MESSAGES = {
  {dns("a.com"), "hostname 'x.org' doesn't match 'a.com'"},
  {dns("a.com", "b.com"),
    "hostname 'x.org' doesn't match either of 'a.com', 'b.com'"},
  {common_name("a.com"), "hostname 'x.org' doesn't match 'a.com'"},
  {ip("::1"), "hostname 'x.org' doesn't match '::1'"},
  {dns("it's"), [[hostname 'x.org' doesn't match "it's"]]},
  {dns("a\0\n\\\255"), [[hostname 'x.org' doesn't match 'a\x00\n\\\xff']]},
  {dns("b\195\188cher"), "hostname 'x.org' doesn't match 'b\195\188cher'"},
  {{subjectAltName = {}},
    "no appropriate commonName or subjectAltName fields were found"},
  {{subjectAltName = {{"email", "a"}}},
    "no appropriate commonName or subjectAltName fields were found"},
  {{version = 3},
    "no appropriate commonName or subjectAltName fields were found"},
}

local BAD_ADDRESSES = {
  {"x.org", "'x.org' is neither an IPv4 nor an IP6 address."},
  {"1.2.3.256", "'1.2.3.256' is neither an IPv4 nor an IP6 address."},
  {"", "'' is neither an IPv4 nor an IP6 address."},
  {"127.1", "'127.1' is not a quad-dotted IPv4 address."},
  {"0x7f.1", "'0x7f.1' is not a quad-dotted IPv4 address."},
  {"1.2.3.04", "'1.2.3.04' is not a quad-dotted IPv4 address."},
}

local function raised(...)
  local ok, err = pcall(ssl.match_hostname, ...)
  assert.is_false(ok)
  return err
end

describe("match_hostname", function()
  for _, case in ipairs(CASES) do
    local what, cert, name, matches = table.unpack(case)
    local verb = matches and "accepts " or "refuses "
    it(verb .. what .. " [A-16]", function()
      if matches then
        assert.is_true(ssl.match_hostname(cert, name))
      else
        assert.is_true(raised(cert, name):is(ssl.CertificateError))
      end
    end)
  end

  it("raises CertificateError on a wildcard of another form [A-16]", function()
    for _, case in ipairs(BAD_PATTERNS) do
      for _, cert in ipairs({dns(case[1], "x.org"), common_name(case[1])}) do
        local err = raised(cert, "x.org")
        assert.is_true(err:is(ssl.CertificateError))
        assert.equal(case[2], err.message)
      end
    end
  end)

  it("does not look at what stands behind a match [A-16]", function()
    assert.is_true(ssl.match_hostname(dns("x.org", "*"), "x.org"))
    assert.is_true(ssl.match_hostname({subjectAltName = {
      {"IP Address", "::1"}, {"IP Address", "junk"},
    }}, "::1"))
  end)

  it("says what did not match [A-16] [I-112]", function()
    for _, case in ipairs(MESSAGES) do
      local err = raised(case[1], "x.org")
      assert.is_true(err:is(ssl.CertificateError))
      assert.is_true(err:is(ssl.SSLError))
      assert.equal(case[2], err.message)
    end
  end)

  it("raises ValueError on a malformed address in the certificate [A-16]",
    function()
      for _, case in ipairs(BAD_ADDRESSES) do
        local err = raised(ip(case[1]), "192.0.2.1")
        assert.is_true(err:is(ssl.ValueError))
        assert.is_false(err:is(ssl.CertificateError))
        assert.equal(case[2], err.message)
      end
    end)

  it("overlooks a malformed address where a name is asked for [A-16]",
    function()
      local cert = {subjectAltName = {{"IP Address", "x"}, {"DNS", "a.com"}}}
      assert.is_true(ssl.match_hostname(cert, "a.com"))
    end)

  it("raises ValueError on an empty certificate and on none [A-16] [I-112]",
    function()
      for _, cert in pairs({empty = {}, none = false}) do
        local err = raised(cert or nil, "a.com")
        assert.is_true(err:is(ssl.ValueError))
        assert.is_false(err:is(ssl.CertificateError))
        assert.matches("empty or no certificate", err.message, 1, true)
        assert.matches("CERT_OPTIONAL or CERT_REQUIRED", err.message, 1, true)
      end
    end)

  it("names the argument that is of the wrong type [I-112]", function()
    local calls = {
      {"#1", "decoded certificate", "a certificate", "a.com"},
      {"#1", "decoded certificate", {subject = 5}, "a.com"},
      {"#1", "decoded certificate", {subjectAltName = {"DNS"}}, "a.com"},
      {"#1", "decoded certificate", {subjectAltName = {{"DNS"}}}, "a.com"},
      {"#1", "decoded certificate", {subject = {{{"commonName", 5}}}}, "a"},
      {"#2", "string expected, got nil", dns("a.com")},
      {"#2", "string expected, got number", dns("a.com"), 5},
    }
    for _, call in ipairs(calls) do
      local err = raised(call[3], call[4])
      assert.equal("string", type(err))
      assert.matches("bad argument " .. call[1] .. " to 'match_hostname' ("
        .. call[2], err, 1, true)
    end
  end)
end)
