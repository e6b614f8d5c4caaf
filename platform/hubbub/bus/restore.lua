-- Gives a run back what the server has lost of it: lines of its log, as they once stood.
--
-- KEYS  log, rooms, seats, meta
-- ARGV  the lines, in order
-- Lines that are there already are passed over; an error if one in between is missing.
-- Nobody is told: whoever follows the run reads the log first.
local log, rooms, seats, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local head = '^{"seq":(%d+),"room":"([^"]*)","n":(%d+),"at":%d+,"sender":"([^"]*)",'
  .. '"no":(%d+),"inc":(%d+),"seen":%d+,"kind":"([^"]*)"'
local known = tonumber(redis.call('HGET', meta, 'seq') or '0')

for _, line in ipairs(ARGV) do
  local seq, room, n, sender, no, inc, kind = string.match(line, head)
  if not seq or tonumber(seq) > known + 1 then
    return redis.error_reply('ERR not the line after ' .. known)
  end
  if tonumber(seq) == known + 1 then
    local seat = redis.call('HGET', seats, sender) or '0 0 0 '
    local current, holder = string.match(seat, '^(%d+) %d+ %d+ (.*)$')
    if tonumber(current) > tonumber(inc) then
      inc = current
    end
    known = known + 1
    redis.call('XADD', log, seq .. '-0', 'm', line)
    redis.call('HSET', rooms, room, n)
    redis.call('HSET', seats, sender, inc .. ' ' .. no .. ' ' .. seq .. ' ' .. holder)
    redis.call('HSET', meta, 'seq', seq)
    if kind == 'end' then
      redis.call('HSET', meta, 'ended', seq)
    end
  end
end
return known
