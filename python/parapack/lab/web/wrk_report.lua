-- Has wrk print what it measured as one line of JSON, times in milliseconds, at the end of its output.

local function within(stats, low, high)
   -- The share of the values in [low, high]; wrk prints it as "+/- Stdev".
   local inside, all = 0, 0
   for i = 1, #stats do
      local value, count = stats(i)
      all = all + count
      if value >= low and value <= high then
         inside = inside + count
      end
   end
   return all > 0 and inside / all or 0
end

local function field(name, value)
   return string.format('"%s": %.6f', name, value)
end

function done(summary, latency, requests)
   local ms = 1000
   local fields = {
      field("seconds", summary.duration / 1e6),
      field("requests", summary.requests),
      field("bytes", summary.bytes),
      field("connect_errors", summary.errors.connect),
      field("read_errors", summary.errors.read),
      field("write_errors", summary.errors.write),
      field("status_errors", summary.errors.status),
      field("timeouts", summary.errors.timeout)
   }
   if summary.requests > 0 then
      local within_stdev = within(latency, latency.mean - latency.stdev, latency.mean + latency.stdev)
      table.insert(fields, field("closed_mean_ms", latency.mean / ms))
      table.insert(fields, field("closed_stdev_ms", latency.stdev / ms))
      table.insert(fields, field("closed_max_ms", latency.max / ms))
      table.insert(fields, field("closed_within_stdev", within_stdev))
      table.insert(fields, field("closed_p50_ms", latency:percentile(50) / ms))
      table.insert(fields, field("closed_p90_ms", latency:percentile(90) / ms))
      table.insert(fields, field("closed_p99_ms", latency:percentile(99) / ms))
   end
   io.write("\n{" .. table.concat(fields, ", ") .. "}\n")
end
