--- translate - Lua 5.4's syntax for VMs that have less, so that specs are
-- written once. What it gives has the lines of what it was given.
--
-- `local x <close> = e` and the rest of its block become a function that is
-- called in support.scope; where `operators` is set, // and the operators on
-- bits become calls, escapes in strings \ddd, and the methods listed in
-- scope.methods calls of those. goto stays what the VM makes of it.
-- Calls: tokens. Called by: vm.

local tokens = require "support.tokens"

local translate = {}

-- The parser. Each rule gives the translation of what it read.

local parser = {}
parser.__index = parser

local UNARY = 12
local UNARIES = {["not"] = true, ["-"] = true, ["#"] = true, ["~"] = true}
-- How strongly an operator binds to its left and to its right.
local BINARIES = {
  ["or"] = {1, 1}, ["and"] = {2, 2}, ["<"] = {3, 3}, [">"] = {3, 3},
  ["<="] = {3, 3}, [">="] = {3, 3}, ["~="] = {3, 3}, ["=="] = {3, 3},
  ["|"] = {4, 4}, ["~"] = {5, 5}, ["&"] = {6, 6}, ["<<"] = {7, 7},
  [">>"] = {7, 7}, [".."] = {9, 8}, ["+"] = {10, 10}, ["-"] = {10, 10},
  ["*"] = {11, 11}, ["/"] = {11, 11}, ["//"] = {11, 11}, ["%"] = {11, 11},
  ["^"] = {14, 13},
}
local CALLS = {
  ["|"] = "bor", ["~"] = "bxor", ["&"] = "band", ["<<"] = "lshift",
  [">>"] = "rshift", ["//"] = "idiv",
}

function parser:kind()
  return self.tokens[self.at].kind
end

function parser:take(kind)
  local token = self.tokens[self.at]
  if kind and token.kind ~= kind then
    error(("%s expected near %q"):format(kind, token.text))
  end
  self.at = self.at + 1
  if token.kind == "string" and self.operators and token.text:find("^[\"']") then
    return token.lead .. tokens.plain_escapes(token.text)
  end
  return token.lead .. token.text
end

function parser:accept(kind)
  return self:kind() == kind and self:take() or nil
end

function parser:list(rule)
  local out = {rule(self)}
  while self:kind() == "," do
    out[#out + 1] = self:take()
    out[#out + 1] = rule(self)
  end
  return table.concat(out)
end

function parser:expressions()
  return self:list(self.expression)
end

function parser:field()
  if self:kind() == "[" then
    return self:take() .. self:expression() .. self:take("]")
      .. self:take("=") .. self:expression()
  end
  local after = self.tokens[self.at + 1]
  if self:kind() == "name" and after.kind == "=" then
    return self:take() .. self:take() .. self:expression()
  end
  return self:expression()
end

function parser:constructor()
  local out = {self:take("{")}
  while self:kind() ~= "}" do
    out[#out + 1] = self:field()
    out[#out + 1] = self:accept(",") or self:accept(";")
  end
  return table.concat(out) .. self:take("}")
end

function parser:body()
  local vararg, jump = self.vararg, self.jump
  local out = {self:take("(")}
  self.vararg, self.jump = false, nil
  while self:kind() ~= ")" do
    if self:kind() == "..." then self.vararg = true end
    out[#out + 1] = self:take()
  end
  out[#out + 1] = self:take() .. self:block() .. self:take("end")
  self.vararg, self.jump = vararg, jump
  return table.concat(out)
end

function parser:arguments()
  if self:kind() == "string" then return self:take() end
  if self:kind() == "{" then return self:constructor() end
  local open = self:take("(")
  if self:kind() == ")" then return open .. self:take() end
  return open .. self:expressions() .. self:take(")")
end

-- A method that older VMs have in a lesser form: a call of ours instead.
function parser:replaced_method(receiver)
  local colon, name = self:take(":"), self.tokens[self.at].text
  if not self.methods[name] then
    return receiver .. colon .. self:take("name") .. self:arguments()
  end
  receiver = receiver .. colon:sub(1, -2) .. self:take("name"):sub(1, -#name - 1)
  local given = self:arguments()
  local inner = given:match("^%s*%((.*)%)$")
  local rest = inner == nil and given or inner
  local comma = rest:find("%S") and "," or ""
  return (" __vm.methods.%s(%s%s%s)"):format(name, receiver, comma, rest)
end

local STARTS_ARGUMENTS = {["("] = true, ["{"] = true, string = true}

function parser:suffixed()
  local text
  if self:kind() == "(" then
    text = self:take() .. self:expression() .. self:take(")")
  else
    text = self:take("name")
  end
  while true do
    local kind = self:kind()
    if kind == "." then
      text = text .. self:take() .. self:take("name")
    elseif kind == "[" then
      text = text .. self:take() .. self:expression() .. self:take("]")
    elseif kind == ":" then
      text = self:replaced_method(text)
    elseif STARTS_ARGUMENTS[kind] then
      text = text .. self:arguments()
    else
      return text
    end
  end
end

local LITERALS = {
  number = true, string = true, ["nil"] = true, ["true"] = true,
  ["false"] = true, ["..."] = true,
}

function parser:simple()
  local kind = self:kind()
  if LITERALS[kind] then return self:take() end
  if kind == "{" then return self:constructor() end
  if kind == "function" then return self:take() .. self:body() end
  return self:suffixed()
end

function parser:expression(limit)
  local text
  if UNARIES[self:kind()] then
    local bits = self.operators and self:kind() == "~"
    local operator = self:take()
    local operand = self:expression(UNARY)
    text = bits and (" __vm.bnot(%s)"):format(operand) or operator .. operand
  else
    text = self:simple()
  end
  while true do
    local kind = self:kind()
    local binds = BINARIES[kind]
    if not binds or binds[1] <= (limit or 0) then return text end
    local operator = self:take()
    local right = self:expression(binds[2])
    if self.operators and CALLS[kind] then
      local lead = operator:sub(1, -#kind - 1)
      text = (" __vm.%s(%s%s,%s)"):format(CALLS[kind], text, lead, right)
    else
      text = text .. operator .. right
    end
  end
end

-- Statements.

function parser:attributed_name()
  local text = self:take("name")
  if not self:accept("<") then return text end
  local attribute = self.tokens[self.at].text
  self:take("name")
  self:take(">")
  if attribute == "close" then self.closes = text end
  return text
end

-- The rest of the block, in a function that `scope` calls. Where it falls off
-- its end, the block goes on; else it returned, or left the loop.
function parser:closing(name)
  local outer, left = self.jump, self.broke
  if outer then self.jump = "do return __vm.BREAK end" end
  self.broke = false
  local rest = self:block()
  local more = self.vararg and ",..." or ""
  local text = (" local __r = __vm.pack(__vm.scope(%s,function(%s) do%s end"
    .. " return __vm.FALL end%s))"):format(name, self.vararg and "..." or "",
    rest, more)
  if self.broke then
    text = ("%s if __r[1] == __vm.BREAK then %s end"):format(text, outer)
  end
  self.jump, self.broke = outer, left or self.broke
  return text .. " if __r[1] ~= __vm.FALL then"
    .. " return __vm.unpack(__r,1,__r.n) end"
end

local statement = {}

statement["local"] = function(self)
  local head = self:take()
  if self:kind() == "function" then
    return head .. self:take() .. self:take("name") .. self:body()
  end
  self.closes = nil
  local names = self:list(self.attributed_name)
  local closes = self.closes
  local text = head .. names
  if self:kind() == "=" then
    text = text .. self:take() .. self:expressions()
  end
  if closes then text = text .. self:closing(closes) end
  return text
end

statement["function"] = function(self)
  local text = self:take() .. self:take("name")
  while self:kind() ~= "(" do text = text .. self:take() end
  return text .. self:body()
end

-- A block that `break` leaves.
function parser:loop()
  local jump, broke = self.jump, self.broke
  self.jump = "break"
  local text = self:block()
  self.jump, self.broke = jump, broke
  return text
end

statement["while"] = function(self)
  return self:take() .. self:expression() .. self:take("do") .. self:loop()
    .. self:take("end")
end

statement["for"] = function(self)
  local text = self:take() .. self:list(function() return self:take("name") end)
    .. self:take() .. self:expressions() .. self:take("do")
  return text .. self:loop() .. self:take("end")
end

-- The condition would not see the locals behind a <close>.
statement["repeat"] = function(self)
  local text = self:take() .. self:loop()
  if text:find("__vm.scope", 1, true) then
    local condition = self:expression_names()
    for name in text:gmatch("local ([%a_][%w_]*)") do
      if condition[name] then
        error("until sees no local behind <close>: " .. name)
      end
    end
  end
  return text .. self:take("until") .. self:expression()
end

-- The names on the line of the condition.
function parser:expression_names()
  local names, at = {}, self.at
  repeat
    names[self.tokens[at].text] = true
    at = at + 1
  until self.tokens[at].lead:find("\n") or self.tokens[at].kind == "eof"
  return names
end

statement["do"] = function(self)
  return self:take() .. self:block() .. self:take("end")
end

statement["if"] = function(self)
  local out = {}
  repeat
    out[#out + 1] = self:take() .. self:expression() .. self:take("then")
      .. self:block()
  until self:kind() ~= "elseif"
  if self:kind() == "else" then out[#out + 1] = self:take() .. self:block() end
  return table.concat(out) .. self:take("end")
end

local ENDS = {
  ["end"] = true, ["else"] = true, ["elseif"] = true, ["until"] = true,
  eof = true,
}

statement["return"] = function(self)
  local text = self:take()
  if not ENDS[self:kind()] and self:kind() ~= ";" then
    text = text .. self:expressions()
  end
  return text .. (self:accept(";") or "")
end

statement["break"] = function(self)
  local text = self:take()
  self.broke = true
  return (text:gsub("break$", self.jump or "break"))
end

statement["goto"] = function(self)
  return self:take() .. self:take("name")
end

statement["::"] = function(self)
  return self:take() .. self:take("name") .. self:take("::")
end

statement[";"] = function(self)
  return (self:take():gsub(";$", " "))
end

function parser:other()
  local text = self:list(self.suffixed)
  if self:kind() == "=" then
    text = text .. self:take() .. self:expressions()
  end
  return text
end

function parser:block()
  local out = {}
  while not ENDS[self:kind()] do
    out[#out + 1] = (statement[self:kind()] or self.other)(self)
  end
  return table.concat(out)
end

--- Translate a chunk.
-- @tparam string text  Lua 5.4
-- @tparam table options  operators: the VM has neither // nor operators on
-- bits; methods: the set of methods to replace
-- @treturn string  the same for the VM, with `__vm` free in it
function translate.chunk(text, options)
  local self = setmetatable({
    tokens = tokens.of(text), at = 1, vararg = true,
    operators = options.operators, methods = options.methods or {},
  }, parser)
  return self:block() .. self:take("eof")
end

return translate
