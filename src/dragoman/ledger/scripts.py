"""What Redis runs all at once when somebody reserves or settles.

Law: what is in Redis can be lost at any time and is made anew: `base` of a quota is what the
database says was used (never less than before), and the entries beside it are what workers know to
be under way or not yet in the database. To undo, to settle, to tell that rows are written and to
enter again may all be done twice.

The first of RESERVE's keys is the epoch, a hash: `name`, and `ready`, before which entries may be
missing. Counters:
  w  a sliding period: a hash of its parts
  q  a quota: a hash of `base`, `open` (all entries), `held` (those that are reserved) and an
     entry for each hold, `e:HOLD`; its leases are a sorted set under KEY:x
  c  places: a sorted set of holds by the end of their lease
Times are milliseconds of Redis' clock; numbers are written in full, as Lua would round them.
"""

from __future__ import annotations

from dragoman.store.redis import Script

_TOOLS = """
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local function text(number) return string.format('%.0f', number) end
local function add(key, field, number)
  if number ~= 0 then redis.call('HINCRBY', key, field, text(number)) end
end
local function forget(key, hold)
  local entry = redis.call('HGET', key, 'e:' .. hold)
  if not entry then return end
  local amount = tonumber(string.match(entry, '^%a(%d+)'))
  add(key, 'open', -amount)
  if string.sub(entry, 1, 1) == 'h' then add(key, 'held', -amount) end
  redis.call('HDEL', key, 'e:' .. hold)
  redis.call('ZREM', key .. ':x', hold)
end
local function enter(key, hold, state, amount, lease, kept, worker)
  forget(key, hold)
  redis.call('HSET', key, 'e:' .. hold, state .. text(amount) .. ':' .. worker)
  add(key, 'open', amount)
  if state == 'h' then add(key, 'held', amount) end
  redis.call('ZADD', key .. ':x', text(now + lease), hold)
  redis.call('PEXPIRE', key, text(kept))
  redis.call('PEXPIRE', key .. ':x', text(kept))
end
local function expire(key)
  for _, hold in ipairs(redis.call('ZRANGEBYSCORE', key .. ':x', '-inf', now, 'LIMIT', 0, 100)) do
    forget(key, hold)
  end
end
"""

RESERVE = Script(
    _TOOLS
    + """
-- ARGV: hold, epoch; for each counter: kind, strict, optional, limit, amount, a, b, c; the worker
--   w: a is the width of a part, b how many parts; q: a is base or '', b the lease, c kept for;
--   c: b is the lease
-- Returns: 'rejoin', 'warming', 'base' and positions, or 'ok', passed,
--   and for each: refused, used, held, wait (-1: nobody knows), reset, part
-- KEYS[2] keeps the answer for a while: who hears nothing asks again, and nothing is taken twice.
local said = redis.call('GET', KEYS[2])
if said then return cmsgpack.unpack(said) end
local epoch = redis.call('HMGET', KEYS[1], 'name', 'ready')
if epoch[1] ~= ARGV[2] then return {'rejoin'} end
local hold = ARGV[1]
local lines, missing = {}, {'base'}
local passed = 1
for i = 3, #KEYS do
  local at = 2 + (i - 3) * 8
  local line = {
    key = KEYS[i], kind = ARGV[at + 1], strict = ARGV[at + 2] == '1',
    optional = ARGV[at + 3] == '1', limit = tonumber(ARGV[at + 4]), amount = tonumber(ARGV[at + 5]),
    a = ARGV[at + 6], b = tonumber(ARGV[at + 7]), c = tonumber(ARGV[at + 8]),
    used = 0, held = 0, wait = 0, reset = 0, part = 0, refused = 0,
  }
  lines[#lines + 1] = line
  if line.kind == 'w' then
    local width = tonumber(line.a)
    line.part = math.floor(now / width)
    local all = redis.call('HGETALL', line.key)
    local parts = {}
    for j = 1, #all, 2 do
      local part, amount = tonumber(all[j]), tonumber(all[j + 1])
      if part < line.part - line.b then
        redis.call('HDEL', line.key, all[j])
      else
        line.used = line.used + amount
        parts[#parts + 1] = {part, amount}
      end
    end
    local over = line.used + line.amount - line.limit
    if #parts > 0 then
      table.sort(parts, function(one, other) return one[1] < other[1] end)
      line.reset = (parts[#parts][1] + line.b + 1) * width - now
    end
    if over > 0 and line.amount > 0 then
      line.wait = -1
      local freed = 0
      for _, part in ipairs(parts) do
        freed = freed + part[2]
        if freed >= over then
          line.wait = (part[1] + line.b + 1) * width - now
          break
        end
      end
    end
  elseif line.kind == 'q' then
    if line.strict and now < tonumber(epoch[2]) then return {'warming'} end
    expire(line.key)
    local found = redis.call('HMGET', line.key, 'base', 'open', 'held')
    local base = found[1] and tonumber(found[1])
    if line.a ~= '' then
      base = math.max(base or 0, tonumber(line.a))
      redis.call('HSET', line.key, 'base', text(base))
      redis.call('SADD', KEYS[1] .. ':quotas', line.key)
      redis.call('PEXPIRE', line.key, text(line.c))
    end
    if base then
      line.used = base + tonumber(found[2] or 0)
      line.held = tonumber(found[3] or 0)
      if line.amount > 0 and line.used + line.amount > line.limit then line.wait = -1 end
    else
      missing[#missing + 1] = i - 3
    end
  else
    redis.call('ZREMRANGEBYSCORE', line.key, '-inf', now)
    line.used = redis.call('ZCARD', line.key)
    line.held = line.used
    if line.used + line.amount > line.limit then line.wait = -1 end
  end
  if line.wait ~= 0 and line.strict then
    line.refused = 1
    if not line.optional then passed = 0 end
  end
end
if #missing > 1 then return missing end
local answer = {'ok', passed}
for _, line in ipairs(lines) do
  if passed == 1 and line.refused == 0 then
    if line.kind == 'w' then
      redis.call('HINCRBY', line.key, text(line.part), text(line.amount))
      redis.call('PEXPIRE', line.key, text(tonumber(line.a) * (line.b + 2)))
    elseif line.kind == 'q' then
      enter(line.key, hold, 'h', line.amount, line.b, line.c, ARGV[#ARGV])
    else
      redis.call('ZADD', line.key, text(now + line.b), hold)
      redis.call('PEXPIRE', line.key, text(line.b * 2))
    end
  end
  for _, number in ipairs({
    line.refused, line.used, line.held, line.wait, line.reset, line.part
  }) do answer[#answer + 1] = number end
end
redis.call('SET', KEYS[2], cmsgpack.pack(answer), 'PX', 10000)
return answer
"""
)

UNDO = Script(
    _TOOLS
    + """
-- ARGV: hold; for each counter: kind, what was reserved
-- For who has heard no answer, and asks no more. KEYS[1] keeps the answer: what was taken by it is
-- given back. Should the question only come after this, nothing is taken.
local said = redis.call('GET', KEYS[1])
local answer = said and cmsgpack.unpack(said) or {}
redis.call('SET', KEYS[1], cmsgpack.pack({'undone'}), 'PX', 10000)
for i = 2, #KEYS do
  local kind, amount = ARGV[i * 2 - 2], tonumber(ARGV[i * 2 - 1])
  local at = 3 + (i - 2) * 6
  if kind == 'q' then
    forget(KEYS[i], ARGV[1])
  elseif kind == 'c' then
    redis.call('ZREM', KEYS[i], ARGV[1])
  elseif answer[2] == 1 and answer[at] == 0 then
    local part = text(answer[at + 5])
    if redis.call('HEXISTS', KEYS[i], part) == 1 then add(KEYS[i], part, -amount) end
  end
end
return 1
"""
)

SETTLE = Script(
    _TOOLS
    + """
-- ARGV: hold; for each counter: kind, what was reserved, what was used, a, b, c
--   w: a is the part; q: b is the lease, c kept for
-- What was used of a quota stays an entry until it is known to be in the database.
for i = 1, #KEYS do
  local at = 1 + (i - 1) * 6
  local kind, reserved, used = ARGV[at + 1], tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3])
  if kind == 'w' then
    local there = redis.call('HGET', KEYS[i], ARGV[at + 4])
    if there then
      redis.call('HSET', KEYS[i], ARGV[at + 4],
        text(math.max(0, tonumber(there) + used - reserved)))
    end
  elseif kind == 'q' then
    if used == 0 then
      forget(KEYS[i], ARGV[1])
    else
      enter(KEYS[i], ARGV[1], 's', used, tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6]), '')
    end
  else
    redis.call('ZREM', KEYS[i], ARGV[1])
  end
end
return 1
"""
)

WRITTEN = Script(
    _TOOLS
    + """
-- ARGV: for each counter: hold, what the database has by now, kept for
for i = 1, #KEYS do
  local hold, base, kept = ARGV[i * 3 - 2], tonumber(ARGV[i * 3 - 1]), ARGV[i * 3]
  forget(KEYS[i], hold)
  local there = redis.call('HGET', KEYS[i], 'base')
  if not there or tonumber(there) < base then redis.call('HSET', KEYS[i], 'base', text(base)) end
  redis.call('PEXPIRE', KEYS[i], kept)
end
return 1
"""
)

ENTER = Script(
    _TOOLS
    + """
-- ARGV: for each counter: kind, hold, state ('h' or 's'), amount, lease, kept for; the worker
for i = 1, #KEYS do
  local at = (i - 1) * 6
  if ARGV[at + 1] == 'q' then
    enter(KEYS[i], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5]),
      tonumber(ARGV[at + 6]), ARGV[#ARGV])
  else
    redis.call('ZADD', KEYS[i], text(now + tonumber(ARGV[at + 5])), ARGV[at + 2])
    redis.call('PEXPIRE', KEYS[i], text(tonumber(ARGV[at + 5]) * 2))
  end
end
return 1
"""
)

JOIN = Script(
    _TOOLS
    + """
-- ARGV: a name for a new epoch, how long it takes until all have entered again
-- Returns: the name of the present epoch
local there = redis.call('HGET', KEYS[1], 'name')
if there then return there end
redis.call('HSET', KEYS[1], 'name', ARGV[1], 'ready', text(now + tonumber(ARGV[2])))
return ARGV[1]
"""
)

ABANDON = Script(
    _TOOLS
    + """
-- ARGV: a worker that is dead, and whose journal has been read: what it held for requests that it
-- never put to anybody is given back.
for _, key in ipairs(redis.call('SMEMBERS', KEYS[1] .. ':quotas')) do
  local all = redis.call('HGETALL', key)
  if #all == 0 then redis.call('SREM', KEYS[1] .. ':quotas', key) end
  for i = 1, #all, 2 do
    if string.match(all[i + 1], '^h%d+:(.*)$') == ARGV[1] then
      forget(key, string.sub(all[i], 3))
    end
  end
end
return 1
"""
)
