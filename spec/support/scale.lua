--- PYSSL_SCALE: how much slower than usual this run is (1; 5 under the
-- sanitizers; 50 under memcheck). The one place that reads it.
local scale = {}

scale.factor = tonumber(os.getenv("PYSSL_SCALE")) or 1

--- A count of repetitions: fewer on slow runs, `least` (1) at the lowest.
function scale.count(n, least)
  return math.max(least or 1, math.floor(n / scale.factor))
end

--- Seconds, KiB or another tolerance: more on slow runs.
function scale.tolerance(amount)
  return amount * scale.factor
end

return scale
