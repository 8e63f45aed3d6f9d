"""What Redis runs: one script, so that a request is judged by all of its scopes at once, or not at all.

KEYS: for each rule a hash with its two buckets, and a sorted set of the leases that run, by their latest end.
ARGV: what to do (take, settle, look), now (empty: the server's clock), the lease, its seconds, an amount
(take: of tokens; settle: to give back), then for each rule its limits on requests, tokens and concurrency.
Answers the number of the rule that refuses (0: none), its measure and seconds, and how each rule stands.
The sums are those of ``colonnade.gateway.domain.bucket``.
"""

SCRIPT = """
local WINDOW, ROUNDING, BUSY, KEEP = 60, 1e-9, 1, 180
local act, now, lease = ARGV[1], tonumber(ARGV[2]), ARGV[3]
local lasts, amount = tonumber(ARGV[4]), tonumber(ARGV[5])
if not now then
  local time = redis.call('TIME')
  now = tonumber(time[1]) + tonumber(time[2]) / 1000000
end

local function level(stored, at, limit)
  if limit == 0 then return 0 end
  if not stored then return limit end
  return math.min(limit, tonumber(stored) + math.max(0, now - at) * limit / WINDOW)
end

local refusing, measure, longest = 0, '', 0
local function lacks(rule, what, seconds)
  if seconds > longest then refusing, measure, longest = rule, what, seconds end
end
local function wait(rule, what, held, wanted, limit)
  local missing = math.min(wanted, limit) - held
  if missing > ROUNDING * limit then lacks(rule, what, missing * WINDOW / limit) end
end

local rules = {}
for i = 1, #KEYS / 2 do
  local rule = {bucket = KEYS[2 * i - 1], running = KEYS[2 * i], n = 0}
  local first = 6 + 3 * (i - 1)
  rule.R, rule.T, rule.C = tonumber(ARGV[first]), tonumber(ARGV[first + 1]), tonumber(ARGV[first + 2])
  local stored = redis.call('HMGET', rule.bucket, 'r', 't', 'at')
  local at = tonumber(stored[3] or now)
  rule.r, rule.t, rule.at = level(stored[1], at, rule.R), level(stored[2], at, rule.T), math.max(at, now)
  if act == 'settle' then redis.call('ZREM', rule.running, lease) end
  if rule.C > 0 then
    redis.call('ZREMRANGEBYSCORE', rule.running, '-inf', now)
    rule.n = redis.call('ZCARD', rule.running)
  end
  if act == 'take' then
    if rule.R > 0 then wait(i, 'requests', rule.r, 1, rule.R) end
    if rule.T > 0 then wait(i, 'tokens', rule.t, amount, rule.T) end
    if rule.C > 0 and rule.n >= rule.C then lacks(i, 'concurrency', BUSY) end
  end
  rules[i] = rule
end

local answer = {refusing, measure, tostring(longest)}
for _, rule in ipairs(rules) do
  if act == 'take' and refusing == 0 then
    rule.r, rule.t = rule.r - 1, math.max(-rule.T, rule.t - amount)
    if rule.C > 0 then
      redis.call('ZADD', rule.running, now + lasts, lease)
      redis.call('PEXPIRE', rule.running, math.ceil(lasts * 1000) + KEEP * 1000)
      rule.n = rule.n + 1
    end
  elseif act == 'settle' then
    rule.t = math.max(-rule.T, math.min(rule.T, rule.t + amount))
  end
  if act ~= 'look' then
    if rule.R > 0 then redis.call('HSET', rule.bucket, 'r', string.format('%.9f', rule.r)) end
    if rule.T > 0 then redis.call('HSET', rule.bucket, 't', string.format('%.9f', rule.t)) end
    if rule.R > 0 or rule.T > 0 then
      redis.call('HSET', rule.bucket, 'at', string.format('%.6f', rule.at))
      redis.call('EXPIRE', rule.bucket, KEEP)
    end
  end
  answer[#answer + 1] = string.format('%.9f', rule.R > 0 and rule.r or 0)
  answer[#answer + 1] = string.format('%.9f', rule.T > 0 and rule.t or 0)
  answer[#answer + 1] = tostring(rule.n)
end
return answer
"""
