local ssl = require "pyssl"

local VALUES = {
  {"May  9 00:00:00 2007 GMT", 1178668800},
  {"Jan  5 09:34:43 2018 GMT", 1515144883},
  {"Dec 31 23:59:59 9999 GMT", 253402300799},
  {"Jan  1 00:00:00 1970 GMT", 0},
  {"Jan  1 00:00:00 1900 GMT", -2208988800},
  {"Jan  1 00:00:00 0099 GMT", -59042995200},
  {"Feb 29 12:00:00 2000 GMT", 951825600},
  {"Mar  1 00:00:00 1600 GMT", -11670912000},
}

local SPELLINGS = {
  ["small letters"] = "jan  5 09:34:43 2018 gmt",
  ["capital letters"] = "JAN  5 09:34:43 2018 GMT",
  ["a day of two digits"] = "Jan 05 09:34:43 2018 GMT",
  ["a day behind one blank"] = "Jan 5 09:34:43 2018 GMT",
  ["a day behind other blanks"] = "Jan \t\n 5 09:34:43 2018 GMT",
  ["an hour of one digit"] = "Jan  5 9:34:43 2018 GMT",
  ["more blanks elsewhere"] = "Jan 5  09:34:43   2018 \t GMT",
}

local ROLL_OVERS = {
  {"Jan  5 09:34:60 2018 GMT", 1515144900},
  {"Jan  5 09:34:61 2018 GMT", 1515144901},
  {"Feb 30 00:00:00 2020 GMT", "Mar  1 00:00:00 2020 GMT"},
  {"Feb 29 00:00:00 2100 GMT", "Mar  1 00:00:00 2100 GMT"},
  {"Apr 31 00:00:00 2021 GMT", "May  1 00:00:00 2021 GMT"},
  {"Dec 31 23:59:60 9999 GMT", 253402300800},
}

local MALFORMED = {
  ["an unknown month"] = "Foo  5 09:34:43 2018 GMT",
  ["a full month name"] = "January  5 09:34:43 2018 GMT",
  ["no zone"] = "Jan  5 09:34:43 2018",
  ["another zone"] = "Jan  5 09:34:43 2018 UTC",
  ["no seconds"] = "Jan  5 09:34 2018 GMT",
  ["62 seconds"] = "Jan  5 09:34:62 2018 GMT",
  ["60 minutes"] = "Jan  5 09:60:43 2018 GMT",
  ["hour 24"] = "Jan  5 24:00:00 2018 GMT",
  ["day 0"] = "Jan  0 09:34:43 2018 GMT",
  ["day 32"] = "Jan 32 09:34:43 2018 GMT",
  ["a day of three digits"] = "Jan 005 09:34:43 2018 GMT",
  ["year 0"] = "Jan  5 09:34:43 0000 GMT",
  ["a year of two digits"] = "Jan  5 09:34:43 18 GMT",
  ["a year of five digits"] = "Jan  5 09:34:43 12018 GMT",
  ["a sign"] = "Jan  5 09:34:-3 2018 GMT",
  ["a leading blank"] = " Jan  5 09:34:43 2018 GMT",
  ["a trailing blank"] = "Jan  5 09:34:43 2018 GMT ",
  ["trailing text"] = "Jan  5 09:34:43 2018 GMT+1",
  ["a NUL"] = "Jan  5 09:34:43 2018 GMT\0",
  ["nothing"] = "",
}

describe("cert_time_to_seconds", function()
  it("gives the Unix time of a date [A-06]", function()
    for _, case in ipairs(VALUES) do
      assert.equal(case[2], ssl.cert_time_to_seconds(case[1]), case[1])
    end
  end)

  it("gives an integer [A-06]", function()
    local seconds = ssl.cert_time_to_seconds("Jan  5 09:34:43 2018 GMT")
    assert.equal("integer", math.type(seconds))
  end)

  it("follows the calendar over four hundred years [A-06]", function()
    local months = {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug",
      "Sep", "Oct", "Nov", "Dec"}
    local lengths = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31}
    local days = 0
    for year = 1970, 2370 do
      local is_leap = year % 4 == 0 and (year % 100 ~= 0 or year % 400 == 0)
      for m, name in ipairs(months) do
        local date = ("%s  1 00:00:00 %04d GMT"):format(name, year)
        assert.equal(days * 86400, ssl.cert_time_to_seconds(date), date)
        days = days + lengths[m] + (m == 2 and is_leap and 1 or 0)
      end
    end
  end)

  for what, date in pairs(SPELLINGS) do
    it("takes a date with " .. what .. " [A-06]", function()
      assert.equal(1515144883, ssl.cert_time_to_seconds(date))
    end)
  end

  it("runs over at the end of a minute or a month [A-06]", function()
    for _, case in ipairs(ROLL_OVERS) do
      local expected = case[2]
      if type(expected) == "string" then
        expected = ssl.cert_time_to_seconds(expected)
      end
      assert.equal(expected, ssl.cert_time_to_seconds(case[1]), case[1])
    end
  end)

  for what, date in pairs(MALFORMED) do
    it("raises ValueError on a date with " .. what .. " [A-06] [I-102]",
      function()
        local ok, err = pcall(ssl.cert_time_to_seconds, date)
        assert.is_false(ok)
        assert.is_true(err:is(ssl.ValueError))
        assert.matches("^time data '.*' does not match format "
          .. "'%%b %%d %%H:%%M:%%S %%Y GMT'$", err.message)
      end)
  end

  it("shows a malformed date on one line of its message [I-102]", function()
    local _, err = pcall(ssl.cert_time_to_seconds, "a\n'\0\255")
    assert.matches([[time data "a\n'\x00\xff" does not]], err.message, 1, true)
  end)

  it("names the argument that is no string [A-06]", function()
    for value, name in pairs({[5] = "number", [true] = "boolean"}) do
      local ok, err = pcall(ssl.cert_time_to_seconds, value)
      assert.is_false(ok)
      assert.matches("bad argument #1 to 'cert_time_to_seconds' "
        .. "(string expected, got " .. name .. ")", err, 1, true)
    end
    local _, err = pcall(ssl.cert_time_to_seconds, nil)
    assert.matches("(string expected, got nil)", err, 1, true)
  end)
end)
