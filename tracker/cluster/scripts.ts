// The scripts that Redis runs for the cluster, each in one step nobody can come between. What lies in Redis:
//
//   PREFIX nodes                        sorted set: nodes by when their lease ends (milliseconds, Redis' own clock)
//   PREFIX node <node>                  set: the peers whose cards it wrote last
//   PREFIX peer <peer>                  string: the peer's card
//   PREFIX swarm <swarm>                set: its peers
//   PREFIX swarm <swarm> + ...          set: those of them that hold anything
//   PREFIX swarm <swarm> <shelf> <group>  set: those of one group and one standing, who take introductions
//   PREFIX keys                         sorted set: public keys that nodes sign with, likewise
//   PREFIX purges <key>                 string: what was purged with that key, as JSON (shared-purges.ts)
//   PREFIX salt                         string: what groups and households are hashed with
//
// Every key expires unless it is written again: should all nodes vanish, so does what they wrote. One Redis, or one
// with replicas: the keys of a script are made inside it, which a Redis Cluster does not do.

/** Rises when what is written changes, so that nodes of two versions do not misread each other. */
const PREFIX = "shoal:1:";

export const NODES = `${PREFIX}nodes`;
export const KEYS = `${PREFIX}keys`;
export const purgesOf = (key: string): string => `${PREFIX}purges:${key}`;
/** Where nodes hear that there is a new purge. */
export const PURGED = `${PREFIX}purged`;
/** Where letters to a node go. */
export const channelOf = (node: string): string => `${PREFIX}to:${node}`;

const COMMON = `
local P = '${PREFIX}'
local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
-- The sets a card is in.
local function seats(card)
  local keys = {}
  for _, seat in ipairs(card.s) do
    local swarm = P .. 'swarm:' .. seat[1]
    keys[swarm] = true
    if seat[2] > 0 then keys[swarm .. '\\n+'] = true end
    if card.r < 3 then
      local shelf = swarm .. '\\n' .. (card.r * 2 + (seat[2] == 2 and 1 or 0)) .. '\\n'
      for _, level in ipairs(card.l) do keys[shelf .. level[1]] = true end
    end
  end
  return keys
end
local function unseat(id, node)
  local old = redis.call('GET', P .. 'peer:' .. id)
  if not old then return end
  local card = cjson.decode(old)
  if card.n ~= node then return end
  for key in pairs(seats(card)) do redis.call('SREM', key, id) end
  redis.call('DEL', P .. 'peer:' .. id)
end
`;

/** node, peer, card or empty, how long it holds (ms), 1 to write again what is there. Returns the node it was at. */
export const SEAT = `${COMMON}
local node, id, text, ttl, again = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5] == '1'
local mine = P .. 'node:' .. node
if text == '' then
  unseat(id, node)
  redis.call('SREM', mine, id)
  return false
end
local old = redis.call('GET', P .. 'peer:' .. id)
local was = old and cjson.decode(old)
local before, after = was and seats(was) or {}, seats(cjson.decode(text))
for key in pairs(before) do
  if not after[key] then redis.call('SREM', key, id) end
end
for key in pairs(after) do
  if again or not before[key] then
    redis.call('SADD', key, id)
    redis.call('PEXPIRE', key, ttl)
  end
end
redis.call('SET', P .. 'peer:' .. id, text, 'PX', ttl)
redis.call('SADD', mine, id)
redis.call('PEXPIRE', mine, ttl)
if was and was.n ~= node then
  redis.call('SREM', P .. 'node:' .. was.n, id)
  return was.n
end
return false
`;

/**
 * node, peer, want, 1 when alone, cards at most, then one argument a level (its group's name), '--', and two a swarm
 * (its key, 1 for a seed). Returns the counts of all swarms, then ids and cards.
 */
export const DRAW = `${COMMON}
local self, want, alone, most = ARGV[2], tonumber(ARGV[3]), ARGV[4] == '1', tonumber(ARGV[5])
local levels, at = {}, 6
while ARGV[at] ~= '--' do levels[#levels + 1] = ARGV[at]; at = at + 1 end
at = at + 1
local swarms = (#ARGV - at + 1) / 2
local now, live = clock(), {}
local function lives(node)
  if live[node] == nil then
    local lease = redis.call('ZSCORE', P .. 'nodes', node)
    live[node] = lease ~= false and tonumber(lease) > now
  end
  return live[node]
end
local counts, drawn, found, count = {}, {}, {[self] = true}, 0
local function take(key, share)
  local taken = 0
  if share < 1 then return taken end
  for _, id in ipairs(redis.call('SRANDMEMBER', key, share)) do
    if not found[id] and count < most then
      local card = redis.call('GET', P .. 'peer:' .. id)
      if not card then
        redis.call('SREM', key, id)
      elseif lives(string.match(card, '"n":"([^"]*)"')) then
        found[id] = true
        count = count + 1
        taken = taken + 1
        drawn[#drawn + 1] = id
        drawn[#drawn + 1] = card
      end
    end
  end
  return taken
end
-- From both shelves of a room, to each its share.
local function drawFrom(swarm, room, group, seed, share)
  local needy = swarm .. '\\n' .. (room * 2) .. '\\n' .. group
  local seeds = swarm .. '\\n' .. (room * 2 + 1) .. '\\n' .. group
  local few = redis.call('SCARD', needy)
  local many = seed and 0 or redis.call('SCARD', seeds)
  if few + many == 0 then return 0 end
  return take(needy, math.ceil(share * few / (few + many)))
    + take(seeds, math.ceil(share * many / (few + many)))
end
local share = math.max(8, math.min(math.max(24, 4 * want), math.floor(most / swarms)))
local enough = math.max(16, 2 * want)
for each = 0, swarms - 1 do
  local swarm = P .. 'swarm:' .. ARGV[at + each * 2]
  local seed = ARGV[at + each * 2 + 1] == '1'
  counts[#counts + 1] = redis.call('SCARD', swarm)
  counts[#counts + 1] = redis.call('SCARD', swarm .. '\\n+')
  if want > 0 then
    local met = 0
    for room = 0, 1 do
      local got = 0
      for level, group in ipairs(levels) do
        -- Enough is near: of the wide world only a few more, to have some from afar.
        local some = got < enough and share or (level == #levels and 8 or 0)
        if some > 0 then got = got + drawFrom(swarm, room, group, seed, some) end
      end
      met = met + got
    end
    if alone and met < want then
      for _, group in ipairs(levels) do drawFrom(swarm, 2, group, seed, 4) end
    end
  end
end
return {counts, drawn}
`;

/**
 * node, lease (ms), salt if there is none, how long that holds (ms), the node's public key. Returns: lease unbroken?, salt,
 * nodes that live, dead ones, public keys of those that live.
 */
export const BEAT = `${COMMON}
local node, now = ARGV[1], clock()
local nodes, salt, keys = P .. 'nodes', P .. 'salt', P .. 'keys'
local lease = redis.call('ZSCORE', nodes, node)
redis.call('ZADD', nodes, now + ARGV[2], node)
redis.call('SET', salt, ARGV[3], 'NX')
redis.call('PEXPIRE', salt, ARGV[4])
redis.call('PEXPIRE', nodes, ARGV[4])
redis.call('ZADD', keys, now + ARGV[2], ARGV[5])
redis.call('ZREMRANGEBYSCORE', keys, '-inf', now)
redis.call('PEXPIRE', keys, ARGV[4])
local dead = redis.call('ZRANGEBYSCORE', nodes, '-inf', now)
local unbroken = lease and tonumber(lease) > now
return {unbroken and 1 or 0, redis.call('GET', salt), redis.call('ZRANGEBYSCORE', nodes, '(' .. now, '+inf'), dead,
  redis.call('ZRANGE', keys, 0, -1)}
`;

/** A dead node, how many of its peers to forget now. Returns how many it forgot; -1: the node is alive. */
export const REAP = `${COMMON}
local node = ARGV[1]
local lease = redis.call('ZSCORE', P .. 'nodes', node)
if lease and tonumber(lease) > clock() then return -1 end
local ids = redis.call('SPOP', P .. 'node:' .. node, ARGV[2])
for _, id in ipairs(ids) do unseat(id, node) end
if #ids == 0 then redis.call('ZREM', P .. 'nodes', node) end
return #ids
`;

/** What it is called, its SHA-1 as it was read, what takes its place, how long that holds (ms). Returns 0: it was another. */
export const REPLACE = `
if redis.sha1hex(redis.call('GET', ARGV[1]) or '') ~= ARGV[2] then return 0 end
redis.call('SET', ARGV[1], ARGV[3], 'PX', ARGV[4])
redis.call('PUBLISH', '${PURGED}', '')
return 1
`;
