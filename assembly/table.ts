// A hash table in two parts: entries back to back, in the order in which their keys came, so that keys that come often lie together, and slots of four bytes that say
// which entry is where, so that most of them stay in fast caches. An entry is `[key words, padded to 8 bytes][numbers of 8 bytes ...]`. A slot is 0 while it is free; its low bits, as many
// as `mask` has, are the number of its entry, from 1, the others those of the hash of its key. Some slots must be free.
//
// A table is given as the address of six words: address of its slots, mask, address of its entries, how many there are, bytes of an entry, words of a key.

// @ts-ignore: decorator
@inline
function mixLong(hash: u64, word: u64): u64 {
  const mixed = (hash ^ word) * 0x9e3779b97f4a7c15
  return mixed ^ (mixed >> 32)
}

/** The hash of a key of `bytes` bytes, a multiple of 4. */
// @ts-ignore: decorator
@inline
export function hashWords(key: usize, bytes: usize): u32 {
  let hash: u64 = 0
  let at: usize = 0
  for (; at + 8 <= bytes; at += 8) hash = mixLong(hash, load<u64>(key + at))
  if (at < bytes) hash = mixLong(hash, load<u32>(key + at))
  return <u32>((hash * 0xd6e8feb86659fd93) >> 32)
}

// @ts-ignore: decorator
@inline
export function slotsOf(table: usize): usize {
  return load<u32>(table)
}

// @ts-ignore: decorator
@inline
export function maskOf(table: usize): u32 {
  return load<u32>(table, 4)
}

// @ts-ignore: decorator
@inline
export function strideOf(table: usize): usize {
  return load<u32>(table, 16)
}

/** Bytes of a key, without what pads it. */
// @ts-ignore: decorator
@inline
export function keyBytesOf(table: usize): usize {
  return load<u32>(table, 20) << 2
}

/** Bytes of an entry before its numbers. */
// @ts-ignore: decorator
@inline
export function numbersOf(table: usize): usize {
  return (keyBytesOf(table) + 7) & ~7
}

/** Where the entry of number 0, which is none, would be. */
// @ts-ignore: decorator
@inline
export function baseOf(table: usize): usize {
  return <usize>load<u32>(table, 8) - strideOf(table)
}

/** Entries of the table that is being added to. */
let length: u32 = 0

/** Begins to add to a table. */
export function openTable(table: usize): void {
  length = load<u32>(table, 12)
}

/** Whether the table that is being added to has no entry. */
export function isEmpty(): bool {
  return length == 0
}

/** Ends it, and returns how many entries it has. */
export function closeTable(table: usize): u32 {
  store<u32>(table, length, 12)
  return length
}

/** An entry for a new key, whose numbers are 0. */
function addEntry(key: usize, keyBytes: usize, tag: u32, slot: usize, base: usize, stride: usize): usize {
  length++
  store<u32>(slot, tag | length)
  const entry = base + <usize>length * stride
  let at: usize = 0
  for (; at + 8 <= keyBytes; at += 8) store<u64>(entry + at, load<u64>(key + at))
  if (at < keyBytes) {
    store<u64>(entry + at, load<u32>(key + at))
    at += 8
  }
  for (; at < stride; at += 8) store<u64>(entry + at, 0)
  return entry
}

/** Whether an entry has a key. `W`: u8 for keys of 1 word, u16 for 2, u32 for any other number. */
// @ts-ignore: decorator
@inline
function hasKey<W>(entry: usize, key: usize, keyBytes: usize): bool {
  if (sizeof<W>() == 1) return load<u32>(entry) == load<u32>(key)
  if (sizeof<W>() == 2) return load<u64>(entry) == load<u64>(key)
  let at: usize = 0
  while (at + 8 <= keyBytes && load<u64>(entry + at) == load<u64>(key + at)) at += 8
  return at == keyBytes || (at + 4 == keyBytes && load<u32>(entry + at) == load<u32>(key + at))
}

/** The entry of a key, a new one when it has none. */
// @ts-ignore: decorator
@inline
export function findEntry<W>(key: usize, keyBytes: usize, hash: u32, slots: usize, mask: u32, base: usize, stride: usize): usize {
  const tag = hash & ~mask
  let place = hash & mask
  let slot = slots + (<usize>place << 2)
  let word = load<u32>(slot)
  while (word) {
    const number = word ^ tag
    if (number <= mask) {
      const entry = base + <usize>number * stride
      if (hasKey<W>(entry, key, keyBytes)) return entry
    }
    place = (place + 1) & mask
    slot = slots + (<usize>place << 2)
    word = load<u32>(slot)
  }
  return addEntry(key, keyBytes, tag, slot, base, stride)
}

/** Keys whose places are looked at before they are needed. */
export const AHEAD: u32 = 64
/** Of so many keys the hash, and the address of the entry that the first slot of the hash tells. */
const PLACES: usize = memory.data(512, 16)

/** What has been looked at; nobody reads it. */
let seen: u32 = 0

/** Loads what the addresses at [places, end), `step` bytes apart, lead to, with nothing else in between, so that as much of that memory as possible comes at once. */
// @ts-ignore: decorator
@inline
export function touch(places: usize, end: usize, step: usize): void {
  let any: u32 = 0
  for (let place = places; place < end; place += step) any |= load<u32>(load<u32>(place))
  seen = any
}

/** `lookAhead` for keys of `W` words, as `hasKey` takes it. */
// @ts-ignore: decorator
@inline
function look<W>(keys: usize, step: usize, rows: u32, table: usize): void {
  const slots = slotsOf(table)
  const mask = maskOf(table)
  const keyBytes: usize = sizeof<W>() <= 2 ? sizeof<W>() << 2 : keyBytesOf(table)
  const base = baseOf(table)
  const stride = <u32>strideOf(table)
  const end = PLACES + (<usize>rows << 3)
  for (let place = PLACES, key = keys; place < end; place += 8, key += step) {
    const hash = hashWords(key, keyBytes)
    const number = load<u32>(slots + (<usize>(hash & mask) << 2)) ^ (hash & ~mask)
    store<u32>(place, hash)
    // The first entry stands for none.
    store<u32>(place, <u32>base + (number - 1 < mask ? number : 1) * stride, 4)
  }
  touch(PLACES + 4, end + 4, 8)
}

/**
 * Hashes up to `AHEAD` keys that are `step` bytes apart, and loads the slots and the entries that they lead to, without a branch, so that the memory is asked for all of them at once and not for one after the other, and none of it
 * waits for a guess that was wrong.
 */
export function lookAhead(keys: usize, step: usize, rows: u32, table: usize): void {
  const keyBytes = keyBytesOf(table)
  if (keyBytes == 4) look<u8>(keys, step, rows, table)
  else if (keyBytes == 8) look<u16>(keys, step, rows, table)
  else look<u32>(keys, step, rows, table)
}

/** The hash of key `i` of those that were looked at. */
// @ts-ignore: decorator
@inline
export function hashAhead(i: u32): u32 {
  return load<u32>(PLACES + (<usize>i << 3))
}

/** `findEntry` of key `i` of those that were looked at when the table had an entry already. */
// @ts-ignore: decorator
@inline
export function findAhead<W>(i: u32, key: usize, keyBytes: usize, slots: usize, mask: u32, base: usize, stride: usize): usize {
  const entry = <usize>load<u32>(PLACES + (<usize>i << 3), 4)
  return hasKey<W>(entry, key, keyBytes) ? entry : findEntry<W>(key, keyBytes, hashAhead(i), slots, mask, base, stride)
}

/** Fills the slots of a table for the entries that it has. */
export function tableIndex(table: usize): void {
  const slots = slotsOf(table)
  const mask = maskOf(table)
  const stride = strideOf(table)
  const base = baseOf(table)
  const keyBytes = keyBytesOf(table)
  memory.fill(slots, 0, (<usize>mask + 1) << 2)
  const entries = load<u32>(table, 12)
  for (let number: u32 = 1; number <= entries; number++) {
    const hash = hashWords(base + <usize>number * stride, keyBytes)
    let place = hash & mask
    while (load<u32>(slots + (<usize>place << 2))) place = (place + 1) & mask
    store<u32>(slots + (<usize>place << 2), (hash & ~mask) | number)
  }
}
