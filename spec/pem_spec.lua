local ssl = require "pyssl"

local HEADER = "-----BEGIN CERTIFICATE-----\n"
local FOOTER = "-----END CERTIFICATE-----\n"

-- Every length from 0 to 200, of bytes that look like nothing.
local function samples()
  local state, out = 1, {}
  for length = 0, 200 do
    local bytes = {}
    for i = 1, length do
      state = (state * 1103515245 + 12345) % 2147483648
      bytes[i] = string.char(state // 65536 % 256)
    end
    out[#out + 1] = table.concat(bytes)
  end
  return out
end

local function decode(body)
  return ssl.PEM_cert_to_DER_cert(HEADER .. body .. "\n" .. FOOTER)
end

local BODIES = {
  -- RFC 4648, section 10
  {"Zg==", "f"}, {"Zm8=", "fo"}, {"Zm9v", "foo"}, {"Zm9vYg==", "foob"},
  {"Zm9vYmE=", "fooba"}, {"Zm9vYmFy", "foobar"},
  -- What is outside the alphabet is skipped.
  {"Z*m 9\r\nv", "foo"}, {"Z-m_9\0v", "foo"}, {"Zg=\n=", "f"},
  -- Padding where no group is open, or too little of it, is skipped too.
  {"=Zm9v", "foo"}, {"Z=m9v", "foo"}, {"Zm=9v", "foo"}, {"Zm9v====", "foo"},
  -- Nothing is decoded behind the padding.
  {"Zg==Zm9v", "f"}, {"Zm8=Zm9v", "fo"},
  {"", ""}, {"=", ""}, {"\n\n", ""},
}

local BAD_BODIES = {
  {"Zm", "Incorrect padding"},
  {"Zm8", "Incorrect padding"},
  {"Zm=", "Incorrect padding"},
  {"Z", "Invalid base64-encoded string: number of data characters (1) "
    .. "cannot be 1 more than a multiple of 4"},
  {"Zm9vZ==", "Invalid base64-encoded string: number of data characters (5) "
    .. "cannot be 1 more than a multiple of 4"},
}

local START = "must start with -----BEGIN CERTIFICATE-----"
local STOP = "must end with -----END CERTIFICATE-----"

local BAD_FRAMES = {
  {"an empty text", "", START},
  {"a line feed before the header", "\n" .. HEADER .. FOOTER, START},
  {"text before the header", "x" .. HEADER .. FOOTER, START},
  {"another header", "-----BEGIN X509 CRL-----\n" .. FOOTER, START},
  {"no footer", HEADER .. "Zm9v\n", STOP},
  {"text behind the footer", HEADER .. "Zm9v\n" .. FOOTER .. "x", STOP},
}

local function assert_value_error(message, f, ...)
  local ok, err = pcall(f, ...)
  assert.is_false(ok)
  assert.is_true(err:is(ssl.ValueError))
  assert.matches(message, err.message, 1, true)
end

describe("DER_cert_to_PEM_cert", function()
  it("frames base64 in lines of 64 characters [A-08]", function()
    local lines = {}
    local text = ssl.DER_cert_to_PEM_cert(("\0"):rep(100))
    for line in text:gmatch("(.-)\n") do lines[#lines + 1] = line end
    assert.same({
      "-----BEGIN CERTIFICATE-----",
      ("A"):rep(64), ("A"):rep(64), ("A"):rep(6) .. "==",
      "-----END CERTIFICATE-----",
    }, lines)
    assert.equal("\n", text:sub(-1))
  end)

  it("has no empty line where the last one is full [A-08]", function()
    assert.equal(HEADER .. ("/"):rep(64) .. "\n" .. FOOTER,
      ssl.DER_cert_to_PEM_cert(("\255"):rep(48)))
  end)

  it("gives header and footer for nothing [A-08]", function()
    assert.equal(HEADER .. FOOTER, ssl.DER_cert_to_PEM_cert(""))
  end)

  it("names the argument that is no string [A-08] [I-104]", function()
    for _, value in ipairs({false, 5, {}}) do
      local ok, err = pcall(ssl.DER_cert_to_PEM_cert, value)
      assert.is_false(ok)
      assert.matches("bad argument #1 to 'DER_cert_to_PEM_cert' "
        .. "(string expected, got " .. type(value) .. ")", err, 1, true)
    end
    local _, err = pcall(ssl.DER_cert_to_PEM_cert, nil)
    assert.matches("(string expected, got nil)", err, 1, true)
  end)
end)

describe("PEM_cert_to_DER_cert", function()
  it("undoes DER_cert_to_PEM_cert, and it undoes this [A-08] [A-09]", function()
    for _, der in ipairs(samples()) do
      local text = ssl.DER_cert_to_PEM_cert(der)
      assert.equal(der, ssl.PEM_cert_to_DER_cert(text))
      assert.equal(text,
        ssl.DER_cert_to_PEM_cert(ssl.PEM_cert_to_DER_cert(text)))
    end
  end)

  it("decodes leniently up to the padding [A-09]", function()
    for _, case in ipairs(BODIES) do
      assert.equal(case[2], decode(case[1]), case[1])
    end
  end)

  it("takes blanks behind the footer [A-09]", function()
    assert.equal("foo", ssl.PEM_cert_to_DER_cert(
      HEADER .. "Zm9v\n" .. FOOTER .. " \t\r\n\n"))
  end)

  it("takes a frame without line feeds [A-09]", function()
    assert.equal("foo", ssl.PEM_cert_to_DER_cert(
      HEADER:sub(1, -2) .. "Zm9v" .. FOOTER:sub(1, -2)))
  end)

  it("gives the first of two certificates that is padded [A-09]", function()
    local two = ssl.DER_cert_to_PEM_cert("one!")
      .. ssl.DER_cert_to_PEM_cert("two")
    assert.equal("one!", ssl.PEM_cert_to_DER_cert(two))
  end)

  for _, case in ipairs(BAD_FRAMES) do
    it("raises ValueError on " .. case[1] .. " [A-09] [I-103]", function()
      assert_value_error("Invalid PEM encoding; " .. case[3],
        ssl.PEM_cert_to_DER_cert, case[2])
    end)
  end

  it("raises ValueError on padding that is missing [A-09]", function()
    for _, case in ipairs(BAD_BODIES) do
      assert_value_error(case[2], decode, case[1])
    end
  end)

  it("raises ValueError on bytes that are not ASCII [A-09]", function()
    assert_value_error("must be ASCII text", decode, "Zm9v\255")
  end)

  it("names the argument that is no string [A-09]", function()
    local ok, err = pcall(ssl.PEM_cert_to_DER_cert, 5)
    assert.is_false(ok)
    assert.matches("bad argument #1 to 'PEM_cert_to_DER_cert' "
      .. "(string expected, got number)", err, 1, true)
  end)
end)
