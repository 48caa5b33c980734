// Takes NetFlow v5 datagrams out of captured packets or chunks of a daemon, as they lie in memory, for `v5Rows`: the kernel of src/ingest/decode/v5-intake.ts. What
// src/ingest/input, src/ingest/daemon/chunk.ts and src/ingest/decode make of the same bytes one by one is its oracle. It ends before the first datagram that needs a
// closer look, and says nothing of why.
//
// The caller leaves SLACK bytes behind input and output.

import { HEAD, read16, read32, RECORD } from './v5'

const V5_HEADER: usize = 24

/** What is noted of a datagram, laid out by src/ingest/decode/v5-intake.ts. */
const ENTRY: usize = 40

/** As in src/ingest/input/packet.ts. */
const MAX_PACKET_BYTES: u32 = 1 << 20
const PACKET_HEADER: usize = 16
const IPV4_HEADER: usize = 20
const UDP_HEADER: usize = 8
/** As in src/ingest/daemon/chunk.ts. */
const CHUNK_HEADER: usize = 32

const MAX_SAFE: f64 = 9007199254740991

// @ts-ignore: decorator
@inline
function file32(p: usize, bigEndian: bool): u32 {
  const value = load<u32>(p)
  return bigEndian ? bswap(value) : value
}

// @ts-ignore: decorator
@inline
function mix(lanes: v128, words: usize, factors: v128): v128 {
  const mixed = i32x4.mul(v128.xor(lanes, v128.load(words)), factors)
  return v128.xor(mixed, i32x4.shr_u(mixed, 15))
}

// @ts-ignore: decorator
@inline
function fold(a: u32, b: u32): u32 {
  const folded = (a ^ b) * 0x85ebca6b
  return folded ^ (folded >> 15)
}

/** `hashBytes` of src/ingest/ledger/recent.ts, of 32 bytes or more. */
function hashLong(at: usize, length: usize): f64 {
  const factorsA = i32x4(0xcc9e2d51, 0x1b873593, 0xe6546b65, 0x165667b1)
  const factorsB = i32x4(0x2c1b3c6d, 0x297a2d39, 0x7feb352d, 0x5bd1e995)
  let a = i32x4(0x9e3779b9, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f)
  let b = i32x4(0x165667b1, 0x2545f491, 0x61c88647, 0x3c6ef372)
  const end = at + length
  for (; at + 32 <= end; at += 32) {
    a = mix(a, at, factorsA)
    b = mix(b, at + 16, factorsB)
  }
  if (at < end) {
    a = mix(a, end - 32, factorsA)
    b = mix(b, end - 16, factorsB)
  }
  let high: u32 = i32x4.extract_lane(a, 0)
  high = fold(high, i32x4.extract_lane(a, 2))
  high = fold(high, i32x4.extract_lane(b, 0))
  high = fold(high, i32x4.extract_lane(b, 2))
  let low: u32 = i32x4.extract_lane(a, 1)
  low = fold(low, i32x4.extract_lane(a, 3))
  low = fold(low, i32x4.extract_lane(b, 1))
  low = fold(low, i32x4.extract_lane(b, 3))
  return <f64>high * 2097152 + <f64>(low >> 11)
}

/** Writes the head of a datagram but for its arrival and its exporter. */
// @ts-ignore: decorator
@inline
function putHead(head: usize, payload: usize, records: u32): void {
  const interval = read16(payload, 22) & 0x3fff
  store<u32>(head, records)
  store<u32>(head, read32(payload, 4), 4)
  store<f64>(head, <f64>read32(payload, 8) * 1000 + <f64>(read32(payload, 12) / 1_000_000), 8)
  store<f64>(head, interval == 0 ? 0 : 1, 24)
  store<f64>(head, <f64>interval, 32)
  store<u32>(head, read16(payload, 20), 44)
  store<u32>(head, 0, 48)
}

/**
 * Takes datagrams from the front of `[from, end)`: heads and records go to `records`, where `rows` records find room, and what else is to be known of each to
 * `entries`, of which there are `most`. Returns how many were taken; every entry says where the next datagram begins. `etherType` is where a captured packet has its EtherType; below 0 the
 * datagrams are those of a chunk.
 */
export function v5Datagrams(
  from: usize,
  end: usize,
  records: usize,
  rows: u32,
  entries: usize,
  most: i32,
  etherType: i32,
  bigEndian: bool,
  fractionPerMs: u32,
): i32 {
  let at = from
  let head = records
  let entry = entries
  let left = rows
  let taken = 0
  for (; taken < most; taken++) {
    let payload: usize
    let stop: usize
    let next: usize
    let port: u32
    let exporter: u32
    let received: f64
    if (etherType >= 0) {
      if (at + PACKET_HEADER > end) break
      const captured = file32(at + 8, bigEndian)
      const packet = at + PACKET_HEADER
      if (captured > MAX_PACKET_BYTES || packet + <usize>captured > end) break
      next = packet + <usize>captured
      const ip = packet + <usize>etherType + 2
      const udp = ip + IPV4_HEADER
      if (udp + UDP_HEADER > next) break
      // IPv4 without options, UDP, and no fragment.
      if (read16(ip - 2, 0) != 0x0800 || load<u8>(ip) != 0x45 || load<u8>(ip, 9) != 17 || (read16(ip, 6) & 0x3fff) != 0) break
      const total = read16(ip, 2)
      stop = total == 0 ? next : min(next, ip + <usize>total)
      if (udp + UDP_HEADER > stop) break
      const length = read16(udp, 4)
      if (length >= <u32>UDP_HEADER) stop = min(stop, udp + <usize>length)
      payload = udp + UDP_HEADER
      port = read16(udp, 0)
      exporter = read32(ip, 12)
      received = <f64>file32(at, bigEndian) * 1000 + <f64>(file32(at + 4, bigEndian) / fractionPerMs)
    } else {
      if (at + CHUNK_HEADER > end) break
      payload = at + CHUNK_HEADER
      stop = payload + <usize>read16(at, 2)
      next = stop + <usize>load<u8>(at)
      if (next > end || load<u8>(at, 6) != 4) break
      port = read16(at, 4)
      exporter = read32(at, 16)
      received = f64.reinterpret_i64(bswap(load<i64>(at, 8)))
      if (!(abs(received) <= MAX_SAFE) || floor(received) != received) break
    }
    if (payload + V5_HEADER > stop || read16(payload, 0) != 5) break
    const count = read16(payload, 2)
    const bytes = <usize>count * RECORD
    if (count == 0 || count > left || payload + V5_HEADER + bytes > stop) break
    putHead(head, payload, count)
    store<f64>(head, received, 16)
    store<u32>(head, 4, 52)
    store<u32>(head, exporter, 56)
    memory.copy(head + HEAD, payload + V5_HEADER, bytes)
    store<u32>(entry, <u32>(next - from))
    store<u32>(entry, <u32>(head - records), 4)
    store<u32>(entry, port, 8)
    store<u32>(entry, read32(payload, 16), 12)
    store<u32>(entry, <u32>(stop - payload), 16)
    store<f64>(entry, hashLong(payload, stop - payload), 24)
    store<u32>(entry, <u32>(head + HEAD + bytes - records), 32)
    entry += ENTRY
    head += HEAD + bytes
    left -= count
    at = next
  }
  return taken
}
