// Writes the groups of a fold table as records of a run file (src/runtime/shuffle/run-file.ts): varint length of key, varint length of payload,
// key, payload. `program` says how a key is made from the words of its entry and a payload from its doubles:
//
//     [key parts][payload parts] then a key part is [word][bytes 1, 2 or 4][byte in front, or -1], a payload part the number of a double
//     of the entry, or its negative minus one when a zero byte goes in front of it (the tag of a sum)
//
// Words are written with the highest byte first, doubles (whole numbers of 0 .. 2^53-1) as varints.

// @ts-ignore: decorator
@inline
function putVarint(at: usize, value: u64): usize {
  let p = at
  let rest = value
  while (rest >= 128) {
    store<u8>(p++, <u8>(rest | 128))
    rest >>= 7
  }
  store<u8>(p++, <u8>rest)
  return p
}

// @ts-ignore: decorator
@inline
function putKey(at: usize, entry: usize, program: usize, parts: u32): usize {
  let p = at
  let part = program
  for (let k: u32 = 0; k < parts; k++, part += 12) {
    const word = load<u32>(entry + (<usize>load<u32>(part) << 2))
    const bytes = load<u32>(part, 4)
    const front = load<i32>(part, 8)
    if (front >= 0) store<u8>(p++, <u8>front)
    if (bytes == 4) store<u32>(p, bswap<u32>(word))
    else if (bytes == 2) store<u16>(p, bswap<u16>(<u16>word))
    else store<u8>(p, <u8>word)
    p += bytes
  }
  return p
}

/** Entries that the last call of `writeRecords` wrote. */
let written: u32 = 0
export function recordsWritten(): u32 {
  return written
}

/**
 * Writes the records of `count` entries, whose numbers are at `slots`, to `dst`, as many as end within `capacity` bytes; returns how many bytes they take.
 * Lengths of keys and payloads are below 128. Doubles begin `doublesAt` bytes into an entry. Needs SLACK and a record's length behind `capacity`.
 */
export function writeRecords(
  slots: usize,
  count: u32,
  table: usize,
  stride: u32,
  doublesAt: u32,
  program: usize,
  dst: usize,
  capacity: u32,
): u32 {
  const keyParts = load<u32>(program)
  const payloadParts = load<u32>(program, 4)
  const keyProgram = program + 8
  const payloadProgram = keyProgram + <usize>(keyParts * 12)
  const limit = dst + capacity
  let p = dst
  written = 0
  for (let i: u32 = 0; i < count; i++) {
    const entry = table + <usize>(load<u32>(slots + (<usize>i << 2)) * stride)
    const start = p
    const key = p + 2
    const payload = putKey(key, entry, keyProgram, keyParts)
    p = payload
    for (let k: u32 = 0; k < payloadParts; k++) {
      let part = load<i32>(payloadProgram + (<usize>k << 2))
      if (part < 0) {
        store<u8>(p++, 0)
        part = -part - 1
      }
      p = putVarint(p, <u64>load<f64>(entry + doublesAt + (<usize>part << 3)))
    }
    if (p > limit) return <u32>(start - dst)
    store<u8>(start, <u8>(payload - key))
    store<u8>(start, <u8>(p - payload), 1)
    written++
  }
  return <u32>(p - dst)
}

// @ts-ignore: decorator
@inline
function mixWord(hash: u32, word: u32): u32 {
  const mixed = (hash ^ word) * 0x85ebca6b
  return mixed ^ (mixed >> 15)
}

/**
 * The partition of each of `count` entries, by the hash of its key as it is written (src/runtime/aggregate/hash.ts), as 16 bits at `dst`. `scratch` has
 * room for a key and SLACK.
 */
export function partitionSlots(
  slots: usize,
  count: u32,
  table: usize,
  stride: u32,
  program: usize,
  scratch: usize,
  seed: u32,
  partitions: u32,
  dst: usize,
): void {
  const keyParts = load<u32>(program)
  for (let i: u32 = 0; i < count; i++) {
    const entry = table + <usize>(load<u32>(slots + (<usize>i << 2)) * stride)
    const end = putKey(scratch, entry, program + 8, keyParts)
    let hash = seed ^ <u32>(end - scratch)
    let p = scratch
    for (; p + 4 <= end; p += 4) hash = mixWord(hash, bswap<u32>(load<u32>(p)))
    let rest: u32 = 0
    for (; p < end; p++) rest = (rest << 8) | load<u8>(p)
    let mixed = mixWord(hash, rest) * 0xc2b2ae35
    mixed ^= mixed >> 13
    mixed *= 0x27d4eb2f
    mixed ^= mixed >> 16
    store<u16>(dst + (<usize>i << 1), <u16>((<u64>mixed * <u64>partitions) >> 32))
  }
}
