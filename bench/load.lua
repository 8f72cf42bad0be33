-- SPDX-License-Identifier: MIT
-- load.lua: wrk's script. Pipelines as deep as its argument says, and reports as one line.

function init(args)
  local depth = tonumber(args[1]) or 1
  if depth > 1 then
    local requests = string.rep(wrk.format(), depth)
    -- Defined here only: with a request function wrk calls Lua for every request.
    function request() return requests end
  end
end

function done(summary, latency)
  local errors = summary.errors
  print(string.format(
    '\nRESULT {"requests": %d, "bytes": %d, "duration_us": %d, "p99_us": %d, "connect": %d, ' ..
    '"read": %d, "write": %d, "timeout": %d, "status": %d}',
    summary.requests, summary.bytes, summary.duration, latency:percentile(99),
    errors.connect, errors.read, errors.write, errors.timeout, errors.status))
end
