-- Keep what a room shows while nobody owns it, all or nothing.
--
-- KEYS  log, inbox, storefront, ledger (a channel of the same name)
-- ARGV  1 id the log must end with     2 storefront     3 ledger
--
-- The fence is that of an append: an engine that was asleep must not write over what its successor
-- said last, for nobody would correct it. A command that waits is decided first.
local tail = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)[1]
local last = tail and tail[1] or '0-0'
if last ~= ARGV[1] then
  return redis.error_reply('FENCED the log ends with ' .. last .. ', not with ' .. ARGV[1])
end
if redis.call('XLEN', KEYS[2]) > 0 then
  return 0
end
redis.call('SET', KEYS[3], ARGV[2])
redis.call('SET', KEYS[4], ARGV[3])
redis.call('PUBLISH', KEYS[4], ARGV[3])
return 1
