-- wrk script: each request asks for the file of the next phone.
-- BENCH_FIRST, BENCH_COUNT: which phones; BENCH_PREFIX: the first half of their MACs;
-- BENCH_CLOSE=1: one connection per request, as most phones do.
local first, count = tonumber(os.getenv("BENCH_FIRST") or "0"), tonumber(os.getenv("BENCH_COUNT") or "500")
local prefix = os.getenv("BENCH_PREFIX") or "001565"
local turn = 0
function init(args)
  if os.getenv("BENCH_CLOSE") == "1" then wrk.headers["Connection"] = "close" end
end
function request()
  local path = string.format("/%s%06x.cfg", prefix, first + turn % count)
  turn = turn + 1
  return wrk.format("GET", path)
end
