--- The pages of doc/, taken apart: entries, row ids, links, Lua examples.
--
-- An entry is a heading, or the first cell of a table's row, with a name in
-- backticks: `ssl.NAME`, `ctx:method(...)`, `conn.attribute`, and so on.
local pages = {}

local NAMES = {
  "README.md", "module.md", "context.md", "socket.md", "object.md",
  "transport.md", "session.md",
  "file.md", "buffer.md", "errors.md", "certificates.md", "trust.md",
  "nonblocking.md", "loops.md", "embedding.md", "vms.md",
}

local function read(path)
  local file <close> = assert(io.open(path, "rb"))
  return file:read("a")
end

-- The fenced blocks of a page, as {language, text}, and the page without them.
local function take_blocks(text)
  local blocks = {}
  local rest = ("\n" .. text):gsub("\n```(%w*)\n(.-)\n```", function(kind, block)
    blocks[#blocks + 1] = {language = kind, text = block .. "\n"}
    return ""
  end)
  return blocks, rest
end

--- All pages: a list of {name, text, blocks}, `text` without the blocks.
function pages.all()
  local list = {}
  for i, name in ipairs(NAMES) do
    local blocks, text = take_blocks(read("doc/" .. name))
    list[i] = {name = name, blocks = blocks, text = text}
  end
  return list
end

-- A name in backticks: what stands before it, "." or ":", and the name.
local function parse_span(span)
  return span:match("^(%l+)([.:])([%w_.]*[%w_])")
end

local function add_entries(entries, cell)
  for span in cell:gmatch("`([^`]+)`") do
    local receiver, mark, name = parse_span(span)
    if receiver then entries[receiver .. mark .. name] = true end
  end
end

--- The entries of all pages: a set of "ssl.NAME", "conn:method", ...
function pages.entries()
  local entries = {}
  for _, page in ipairs(pages.all()) do
    for line in page.text:gmatch("[^\n]+") do
      add_entries(entries, line:match("^#+ (.*)") or line:match("^| *([^|]*)|")
                           or "")
    end
  end
  return entries
end

--- The ids of contract rows in a page: a list of "A-01", "C.3", "E.3 accept".
function pages.ids(page)
  local ids = {}
  for at, id in page.text:gmatch("()%f[%w]([A-J][-.]%d+)%f[%W]") do
    local method = id == "E.3" and page.text:match("^E%.3%s+([%l_]+)", at)
    ids[#ids + 1] = method and "E.3 " .. method or id
  end
  return ids
end

--- The anchor that a heading gets on a rendered page.
local function anchor(heading)
  local plain = heading:gsub("%[([^%[%]]*)%]%([^()]*%)", "%1"):lower()
  return (plain:gsub("[^%w%s_-]", ""):gsub("%s", "-"))
end

--- The anchors of a page, as a set.
function pages.anchors(page)
  local anchors = {}
  for heading in page.text:gmatch("\n#+ ([^\n]*)") do
    anchors[anchor(heading)] = true
  end
  return anchors
end

--- The targets of a page's links that are not on the web: {file, anchor}.
function pages.links(page)
  local links = {}
  for target in page.text:gmatch("%]%(([^()%s]+)%)") do
    if not target:find("^%l+://") then
      local file, at = target:match("^([^#]*)#?(.*)$")
      links[#links + 1] = {
        target = target, file = file ~= "" and file or page.name,
        anchor = at ~= "" and at or nil,
      }
    end
  end
  return links
end

--- What a program prints, by the comments behind "-->", a line each.
function pages.expected(program)
  local lines = {}
  for text in program:gmatch("%-%->([^\n]*)") do
    lines[#lines + 1] = text:match("^%s*(.-)%s*$")
  end
  return lines
end

return pages
