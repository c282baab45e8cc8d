-- SPDX-License-Identifier: Apache-2.0
-- create: makes the bucket empty at a generation, unless it is of that generation or newer.
-- Making a bucket is itself the change of generation: a missing one cannot be told from one that
-- was never made.
--
-- KEYS[1]  the bucket
-- ARGV     1 generation
-- answer   'OK'

local stored = tonumber(redis.call('HGET', KEYS[1], 'g') or 0) or 0
if stored >= tonumber(ARGV[1]) then
    return 'OK'
end
redis.call('UNLINK', KEYS[1])
-- `about` is for whoever meets this key with redis-cli. It is also longer than 64 bytes, so that
-- the hash is never kept as a listpack, in which every access walks all of it.
redis.call('HSET', KEYS[1], 'g', ARGV[1], 'about',
    'tollstream balances, rebuilt from PostgreSQL when lost. g: generation; a:<account>: ' ..
    'balance in micro-units; n:<month>:<size>:<account><allowance>: units used; of each input ' ..
    'partition t: fence token, o: highest applied offset, f: floor, ' ..
    'u: what is not settled yet. Do not edit: use tollstream accounts.')
return 'OK'
