local process = require "support.process"
local raised = require "support.raised"
local ssl = require "pyssl"
local vm = require "support.vm"

-- Every enum: its members in the order of api.md, as it says their values.
local ENUMS = {
  {id = "C.1", name = "VerifyMode", flat = true, members = {
    {"CERT_NONE", 0}, {"CERT_OPTIONAL", 1}, {"CERT_REQUIRED", 2},
  }},
  {id = "C.2", name = "VerifyFlags", flat = true, members = {
    {"VERIFY_DEFAULT", 0}, {"VERIFY_CRL_CHECK_LEAF", 0x4},
    {"VERIFY_CRL_CHECK_CHAIN", 0xC}, {"VERIFY_X509_STRICT", 0x20},
    {"VERIFY_ALLOW_PROXY_CERTS", 0x40}, {"VERIFY_X509_TRUSTED_FIRST", 0x8000},
    {"VERIFY_X509_PARTIAL_CHAIN", 0x80000},
  }},
  {id = "C.4", name = "Options", flat = true, members = {
    {"OP_ALL", 0x80000050}, {"OP_NO_SSLv2", 0}, {"OP_NO_SSLv3", 0x02000000},
    {"OP_NO_TLSv1", 0x04000000}, {"OP_NO_TLSv1_1", 0x10000000},
    {"OP_NO_TLSv1_2", 0x08000000}, {"OP_NO_TLSv1_3", 0x20000000},
    {"OP_NO_RENEGOTIATION", 0x40000000},
    {"OP_CIPHER_SERVER_PREFERENCE", 0x400000},
    {"OP_SINGLE_DH_USE", 0}, {"OP_SINGLE_ECDH_USE", 0},
    {"OP_ENABLE_MIDDLEBOX_COMPAT", 0x100000}, {"OP_NO_COMPRESSION", 0x20000},
    {"OP_NO_TICKET", 0x4000}, {"OP_IGNORE_UNEXPECTED_EOF", 0x80},
    {"OP_ENABLE_KTLS", 0x8}, {"OP_LEGACY_SERVER_CONNECT", 0x4},
  }},
  {id = "C.7", name = "AlertDescription", flat = true,
    prefix = "ALERT_DESCRIPTION_", members = {
    {"CLOSE_NOTIFY", 0}, {"UNEXPECTED_MESSAGE", 10}, {"BAD_RECORD_MAC", 20},
    {"RECORD_OVERFLOW", 22}, {"DECOMPRESSION_FAILURE", 30},
    {"HANDSHAKE_FAILURE", 40}, {"BAD_CERTIFICATE", 42},
    {"UNSUPPORTED_CERTIFICATE", 43}, {"CERTIFICATE_REVOKED", 44},
    {"CERTIFICATE_EXPIRED", 45}, {"CERTIFICATE_UNKNOWN", 46},
    {"ILLEGAL_PARAMETER", 47}, {"UNKNOWN_CA", 48}, {"ACCESS_DENIED", 49},
    {"DECODE_ERROR", 50}, {"DECRYPT_ERROR", 51}, {"PROTOCOL_VERSION", 70},
    {"INSUFFICIENT_SECURITY", 71}, {"INTERNAL_ERROR", 80},
    {"USER_CANCELLED", 90}, {"NO_RENEGOTIATION", 100},
    {"UNSUPPORTED_EXTENSION", 110}, {"CERTIFICATE_UNOBTAINABLE", 111},
    {"UNRECOGNIZED_NAME", 112}, {"BAD_CERTIFICATE_STATUS_RESPONSE", 113},
    {"BAD_CERTIFICATE_HASH_VALUE", 114}, {"UNKNOWN_PSK_IDENTITY", 115},
  }},
  {id = "C.8", name = "TLSVersion", flat = false, members = {
    {"MINIMUM_SUPPORTED", -2}, {"SSLv3", 768}, {"TLSv1", 769},
    {"TLSv1_1", 770}, {"TLSv1_2", 771}, {"TLSv1_3", 772},
    {"MAXIMUM_SUPPORTED", -1},
  }},
  {id = "C.10", name = "SSLErrorNumber", flat = true, prefix = "SSL_ERROR_",
    members = {
    {"SSL", 1}, {"WANT_READ", 2}, {"WANT_WRITE", 3}, {"WANT_X509_LOOKUP", 4},
    {"SYSCALL", 5}, {"ZERO_RETURN", 6}, {"WANT_CONNECT", 7}, {"EOF", 8},
    {"INVALID_ERROR_CODE", 10},
  }},
}

-- name -> value, and value -> the first name that has it.
local function expected(enum)
  local by_name, by_value = {}, {}
  for _, member in ipairs(enum.members) do
    local name, value = (enum.prefix or "") .. member[1], member[2]
    by_name[name] = value
    by_value[value] = by_value[value] or name
  end
  return by_name, by_value
end

local function collect(enum)
  local out = {}
  for name, value in vm.pairs(enum) do out[name] = value end
  return out
end

for _, enum in ipairs(ENUMS) do
  describe("ssl." .. enum.name, function()
    local by_name, by_value = expected(enum)

    it("has the documented members and no others [" .. enum.id .. "]",
      function()
        assert.same(by_name, collect(ssl[enum.name]))
        for name, value in pairs(by_name) do
          assert.equal(value, ssl[enum.name][name], name)
          assert.equal("integer", math.type(ssl[enum.name][name]), name)
        end
      end)

    it("gives the first name of a value [" .. enum.id .. "]", function()
      for value, name in pairs(by_value) do
        assert.equal(name, ssl[enum.name][value])
        assert.equal(name, ssl[enum.name][value + 0.0]) -- floats are the same
      end
      assert.is_nil(ssl[enum.name][12345])
    end)

    if enum.flat then
      it("has its members as names of the module, too [" .. enum.id .. "]",
        function()
          for name, value in pairs(by_name) do
            assert.equal(value, ssl[name], name)
          end
        end)
    else
      it("is the only way to its members [" .. enum.id .. "]", function()
        for name in pairs(by_name) do assert.is_nil(ssl[name]) end
      end)
    end
  end)
end

describe("an enum", function()
  local NAMES = {"Purpose"}
  for _, enum in ipairs(ENUMS) do NAMES[#NAMES + 1] = enum.name end

  it("cannot be changed", function()
    for _, name in ipairs(NAMES) do
      local enum = ssl[name]
      local before = collect(enum)
      for _, key in ipairs({next(before), "NEW", 5, true}) do
        local err = raised(ssl.AttributeError, function() enum[key] = 1 end)
        assert.matches(name .. " is read-only", err.message, 1, true)
        assert.matches(tostring(key), err.message, 1, true)
      end
      assert.same(before, collect(enum))
    end
  end)

  it("gives nil for every name and value it does not have", function()
    for _, name in ipairs(NAMES) do
      for _, key in ipairs({"", "nothing", -77, 0.5, true, {}, print}) do
        assert.is_nil(ssl[name][key])
      end
    end
  end)

  it("says what it is", function()
    for _, name in ipairs(NAMES) do
      assert.matches("^ssl%." .. name .. ": ", tostring(ssl[name]))
    end
  end)

  it("is no way to crash when its metamethods are called by hand", function()
    local OTHERS = {false, 5, "x", {}, print, ssl.buffer(1)}
    for _, name in ipairs(NAMES) do
      for event, f in pairs(getmetatable(ssl[name])) do
        for _, other in ipairs(event ~= "__name" and OTHERS or {}) do
          pcall(f)
          pcall(f, other)
          pcall(f, other, other)
          pcall(f, other, other, other)
        end
      end
    end
    assert.equal(771, ssl.TLSVersion.TLSv1_2)
  end)
end)

describe("PROTOCOL_*", function()
  local VALUES = {
    PROTOCOL_SSLv2 = 0, PROTOCOL_SSLv3 = 1, PROTOCOL_SSLv23 = 2,
    PROTOCOL_TLS = 2, PROTOCOL_TLSv1 = 3, PROTOCOL_TLSv1_1 = 4,
    PROTOCOL_TLSv1_2 = 5, PROTOCOL_TLS_CLIENT = 16, PROTOCOL_TLS_SERVER = 17,
  }

  it("have Python's values, those of gone protocols too [C.3, C.11]", function()
    for name, value in pairs(VALUES) do assert.equal(value, ssl[name], name) end
  end)

  it("of gone protocols make no context [C.3, C.11]", function()
    for _, name in ipairs({"PROTOCOL_SSLv2", "PROTOCOL_SSLv3"}) do
      local err = raised(ssl.ValueError, ssl.SSLContext, ssl[name])
      assert.matches("invalid or unsupported protocol version", err.message)
    end
  end)

  it("have names that get_protocol_name knows", function()
    for name, value in pairs(VALUES) do
      if name ~= "PROTOCOL_SSLv23" then
        assert.equal(name, ssl.get_protocol_name(value))
      end
    end
    for _, other in ipairs({-1, 6, 2.5, "2", {}, false}) do
      assert.equal("<unknown>", ssl.get_protocol_name(other))
    end
    raised.text("(value expected)", ssl.get_protocol_name)
  end)
end)

describe("HAS_*", function()
  it("tell what this build can do [C.5, C.11]", function()
    for name, value in pairs({
      HAS_ALPN = true, HAS_NEVER_CHECK_COMMON_NAME = true, HAS_ECDH = true,
      HAS_SNI = true, HAS_NPN = false, HAS_SSLv2 = false, HAS_SSLv3 = false,
      HAS_TLSv1 = true, HAS_TLSv1_1 = true, HAS_TLSv1_2 = true,
      HAS_TLSv1_3 = true, HAS_PSK = true, HAS_PHA = true, HAS_PSK_TLS13 = true,
    }) do
      assert.equal(value, ssl[name], name)
    end
  end)
end)

describe("the library's version", function()
  it("is what the openssl program of the same library says [C.6]", function()
    local text = process.check({"openssl", "version"})
    assert.matches(ssl.OPENSSL_VERSION, text, 1, true)
  end)

  it("is told as a number, and the number in slices [C.6]", function()
    local number, info = ssl.OPENSSL_VERSION_NUMBER, ssl.OPENSSL_VERSION_INFO
    assert.equal("integer", math.type(number))
    assert.same({number >> 28 & 255, number >> 20 & 255, number >> 12 & 255,
      number >> 4 & 255, number & 15}, info)
    local major, minor, patch = ssl.OPENSSL_VERSION:match("(%d+)%.(%d+)%.(%d+)")
    -- OpenSSL 3 has its patch release in the fourth place.
    assert.same({tonumber(major), tonumber(minor), 0, tonumber(patch), 0}, info)
  end)

  it("comes with the channel bindings there are [C.6]", function()
    assert.same({"tls-unique", "tls-exporter", "tls-server-end-point"},
      ssl.CHANNEL_BINDING_TYPES)
  end)
end)

describe("ssl.Purpose", function()
  local FIELDS = {
    SERVER_AUTH = {nid = 129, shortname = "serverAuth",
      longname = "TLS Web Server Authentication", oid = "1.3.6.1.5.5.7.3.1"},
    CLIENT_AUTH = {nid = 130, shortname = "clientAuth",
      longname = "TLS Web Client Authentication", oid = "1.3.6.1.5.5.7.3.2"},
  }

  it("has two members, each with the four fields of its OID [C.9]", function()
    local count = 0
    for name, purpose in vm.pairs(ssl.Purpose) do
      count = count + 1
      assert.equal(ssl.Purpose[name], purpose)
      assert.equal(name, ssl.Purpose[purpose])
      for field, value in pairs(FIELDS[name]) do
        assert.equal(value, purpose[field])
      end
    end
    assert.equal(2, count)
  end)

  it("has members that cannot be changed [C.9]", function()
    local purpose = ssl.Purpose.SERVER_AUTH
    for _, field in ipairs({"nid", "shortname", "longname", "oid", "other"}) do
      raised(ssl.AttributeError, function() purpose[field] = 1 end)
    end
    assert.is_nil(purpose.other)
    assert.equal("ssl.purpose: SERVER_AUTH", tostring(purpose))
  end)
end)

describe("what is only there for old programs", function()
  it("exists, and does its work or says that it cannot [C.11]", function()
    for _, name in ipairs({"RAND_egd", "RAND_pseudo_bytes", "match_hostname",
      "wrap_socket", "enum_certificates", "enum_crls"}) do
      assert.equal("function", type(ssl[name]), name)
    end
    assert.equal(ssl.OSError, ssl.socket_error)
    assert.equal("-----BEGIN CERTIFICATE-----", ssl.PEM_HEADER)
    assert.equal("-----END CERTIFICATE-----", ssl.PEM_FOOTER)
  end)

  it("raises NotImplementedError where it is for Windows [A-12]", function()
    for _, name in ipairs({"enum_certificates", "enum_crls"}) do
      local err = raised(ssl.NotImplementedError, ssl[name], "ROOT")
      assert.matches("Windows", err.message, 1, true)
    end
  end)
end)
