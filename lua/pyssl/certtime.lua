--- certtime - the dates of certificates, as numbers.
-- Proleptic Gregorian arithmetic in UTC: neither the locale nor the time zone
-- of the process has a say.
-- Calls: check, text, errors. Called by: pyssl.

local check = require "pyssl.check"
local errors = require "pyssl.errors"
local text = require "pyssl.text"

local certtime = {}

local floor = math.floor

local BLANKS = "[ \t-\r]+"
local PATTERN = "^([A-Za-z][A-Za-z][A-Za-z])" .. BLANKS .. "(%d%d?)" .. BLANKS
  .. "(%d%d?):(%d%d?):(%d%d?)" .. BLANKS .. "(%d%d%d%d)" .. BLANKS
  .. "[Gg][Mm][Tt]$"

local MONTHS = {
  jan = 1, feb = 2, mar = 3, apr = 4, may = 5, jun = 6,
  jul = 7, aug = 8, sep = 9, oct = 10, nov = 11, dec = 12,
}

-- The numbers in their order, with their least and greatest value. A minute
-- may have leap seconds.
local NUMBERS = {
  {"day", 1, 31}, {"hour", 0, 23}, {"minute", 0, 59}, {"second", 0, 61},
  {"year", 1, 9999},
}

-- Days from 1 January 1970 to the first of a month. Years are counted from
-- March, so that a leap day is the last day of its year.
local function days_to_month(year, month)
  if month < 3 then
    year, month = year - 1, month + 12
  end
  local leaps = floor(year / 4) - floor(year / 100) + floor(year / 400)
  return 365 * year + leaps + floor((153 * month - 457) / 5) - 719468
end

-- The month and a table of the numbers; nothing where the text has not the
-- form or a number is out of its range.
local function parse(date)
  local parts = {date:match(PATTERN)}
  local month = parts[1] and MONTHS[text.lower(parts[1])]
  if not month then return nil end
  local fields = {}
  for i, number in ipairs(NUMBERS) do
    local value = tonumber(parts[i + 1], 10)
    if value < number[2] or value > number[3] then return nil end
    fields[number[1]] = value
  end
  return month, fields
end

--- The Unix time of a certificate's date, such as notBefore.
-- Days and seconds beyond the end of their month or minute run over into the
-- next: "Feb 30" is the first or second of March.
-- @function cert_time_to_seconds
-- @tparam string date  "Mon D HH:MM:SS YYYY GMT", as "Jan  5 09:34:43 2018 GMT"
-- @treturn integer  seconds since 1970 in UTC; negative before
-- @raise ValueError where the date is not of this form  [A-06]
function certtime.cert_time_to_seconds(date)
  check.type(1, "cert_time_to_seconds", "string", date)
  local month, fields = parse(date)
  if not month then
    error(errors.ValueError(("time data %s does not match format "
      .. "'%%b %%d %%H:%%M:%%S %%Y GMT'"):format(text.quote(date))), 0)
  end
  local days = days_to_month(fields.year, month) + fields.day - 1
  return ((days * 24 + fields.hour) * 60 + fields.minute) * 60 + fields.second
end

return certtime
