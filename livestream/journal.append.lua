-- Commit one turn of a room's engine, all or nothing: append to the log and the air, take the decided
-- commands off the inbox, tell whoever waits.
--
-- KEYS  log, air, inbox
-- ARGV  1 id the log must end with ("0-0": empty)     2 id of the new record      3 record, "" for none
--       4 public frames, "" for none                  5 length at which the air is capped
--       6 id below which the inbox is consumed, "" for none
--       7.. pairs of channel and message
--
-- The comparison of the tail is the fence: an engine that lost the room, or a Redis that lost its last
-- second, makes it fail before anything is written. Messages are published here and not by the engine
-- afterwards, because Redis flushes its append-only file before it writes to any client: with
-- appendfsync always, what a subscriber hears is on disk.
local tail = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local last = tail and tail[1] or '0-0'
if last ~= ARGV[1] then
  return redis.error_reply('FENCED the log ends with ' .. last .. ', not with ' .. ARGV[1])
end
if ARGV[3] ~= '' then
  redis.call('XADD', KEYS[1], ARGV[2], 'r', ARGV[3])
end
if ARGV[4] ~= '' then
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[5], ARGV[2], 'f', ARGV[4])
end
if ARGV[6] ~= '' then
  redis.call('XTRIM', KEYS[3], 'MINID', ARGV[6])
end
for i = 7, #ARGV, 2 do
  redis.call('PUBLISH', ARGV[i], ARGV[i + 1])
end
return ARGV[2]
