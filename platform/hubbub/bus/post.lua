-- The only writer of a run's log: each draft is stamped, stored and published in one
-- atomic step, so the order of the log is the order of every channel.
--
-- KEYS  log, rooms, seats, meta
-- ARGV  channel prefix, then seven for each draft:
--       sender, incarnation, number, room, seen, kind, body
-- Returns one {status, seq, n, at} per draft; status is
--   ok      stored now
--   dup     stored before, under this seq
--   fenced  somebody else has taken over the seat
--   ahead   a smaller number of this sender is missing
--   over    the run has ended
local log, rooms, seats, meta = KEYS[1], KEYS[2], KEYS[3], KEYS[4]
local prefix = ARGV[1]
local clock = redis.call('TIME')
local now = string.format('%d', clock[1] * 1000 + math.floor(clock[2] / 1000))
local ended = redis.call('HGET', meta, 'ended')

-- A repeated number is nearly always the sender's last; older ones come from a
-- batch whose reply was lost, and lie a few entries further back.
local function find(sender, no, last)
  local upper = last .. '-0'
  while true do
    local page = redis.call('XREVRANGE', log, upper, '-', 'COUNT', 16)
    for _, entry in ipairs(page) do
      local seq, n, at, from, number = string.match(entry[2][2],
        '^{"seq":(%d+),"room":"[^"]*","n":(%d+),"at":(%d+),"sender":"([^"]*)","no":(%d+),')
      if from == sender and number == no then
        return {'dup', seq, n, at}
      end
      upper = '(' .. entry[1]
    end
    if #page < 16 then
      return {'ahead', '0', '0', '0'}
    end
  end
end

local function post(sender, inc, no, room, seen, kind, body)
  local seat = redis.call('HGET', seats, sender) or '0 0 0 '
  local current, last, place, holder = string.match(seat, '^(%d+) (%d+) (%d+) (.*)$')
  if inc ~= current then
    return {'fenced', '0', '0', '0'}
  end
  if tonumber(no) <= tonumber(last) then
    return find(sender, no, place)
  end
  if ended then
    return {'over', '0', '0', '0'}
  end
  if tonumber(no) ~= tonumber(last) + 1 then
    return {'ahead', '0', '0', '0'}
  end
  local seq = string.format('%d', redis.call('HINCRBY', meta, 'seq', 1))
  local n = string.format('%d', redis.call('HINCRBY', rooms, room, 1))
  local line = '{"seq":' .. seq .. ',"room":"' .. room .. '","n":' .. n
    .. ',"at":' .. now .. ',"sender":"' .. sender .. '","no":' .. no
    .. ',"inc":' .. inc .. ',"seen":' .. seen .. ',"kind":"' .. kind
    .. '","body":' .. body .. '}'
  redis.call('XADD', log, seq .. '-0', 'm', line)
  redis.call('HSET', seats, sender, inc .. ' ' .. no .. ' ' .. seq .. ' ' .. holder)
  if kind == 'end' then
    redis.call('HSET', meta, 'ended', seq)
    ended = seq
  end
  redis.call('PUBLISH', prefix .. 'room:' .. room, line)
  if kind == 'join' or kind == 'leave' then
    redis.call('PUBLISH', prefix .. 'members', line)
  elseif kind == 'contribution' then
    redis.call('PUBLISH', prefix .. 'room:@' .. sender, line)
  end
  return {'ok', seq, n, now}
end

local replies = {}
for i = 2, #ARGV, 7 do
  replies[#replies + 1] = post(ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3],
    ARGV[i + 4], ARGV[i + 5], ARGV[i + 6])
end
return replies
