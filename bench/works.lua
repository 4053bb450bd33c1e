--- works - what is measured: a table, in the order of the results.
-- id: what the peers call it, unless `work` says otherwise. sizes: the two sizes
-- of run whose difference is counted. cpu: how often it is done where CPU seconds
-- are measured; 0: not at all. only: the peers that can do it; else all.
-- Calls: nothing. Called by: measure, report, run, check.
local works = {
  {id = "handshake", title = "full handshake, verified",
   sizes = {2, 52}, cpu = 200},
  {id = "echo_small", title = "100-byte echo round trip",
   sizes = {100, 2100}, cpu = 10000},
  {id = "echo_large", title = "16 KiB echo round trip",
   sizes = {50, 550}, cpu = 5000},
  {id = "download", title = "download, recv(16384), full records",
   sizes = {100, 1100}, cpu = 20000},
  {id = "download_into", title = "download, recv_into",
   sizes = {100, 1100}, cpu = 20000, only = {"floor", "pyssl", "cpython"}},
  {id = "upload", title = "upload, 16 KiB written",
   sizes = {100, 1100}, cpu = 20000},
  {id = "pieces", title = "100 pieces of 100 bytes, sendall{...}",
   sizes = {50, 550}, cpu = 10000, only = {"floor", "pyssl"}},
  {id = "pieces_joined", title = "the same, concatenated first",
   sizes = {50, 550}, cpu = 10000},
  {id = "read_nothing", title = "a read that finds nothing",
   sizes = {100, 2100}, cpu = 50000},
  {id = "decode", title = "getpeercert(), decoded",
   sizes = {50, 550}, cpu = 10000, only = {"floor", "pyssl", "cpython"}},
  {id = "context_bare_first", work = "context_bare",
   title = "a context without trust, the first in a process",
   sizes = {0, 1}, cpu = 0, only = {"floor"}},
  {id = "context_first", work = "context_system",
   title = "a context trusting the system's CAs, the first",
   sizes = {0, 1}, cpu = 0, slow = true},
  {id = "context_bare", work = "context_bare",
   title = "a context without trust, after the first",
   sizes = {1, 6}, cpu = 0, only = {"floor"}},
  {id = "context_second", work = "context_system",
   title = "a context trusting the system's CAs, after the first",
   sizes = {1, 6}, cpu = 0, slow = true},
  {id = "visit_full", title = "full handshake and one byte exchanged",
   sizes = {2, 22}, cpu = 200},
  {id = "visit_resumed", title = "the same, resumed",
   sizes = {2, 22}, cpu = 200, only = {"floor", "pyssl", "cpython"}},
}

for _, work in ipairs(works) do works[work.id] = work end

--- Can a peer do a work?
function works.has(work, peer)
  if not work.only then return true end
  for _, name in ipairs(work.only) do
    if name == peer then return true end
  end
  return false
end

return works
