// The column chunks of a row group made ready for `readPages` by one call: their pages are found, their dictionaries read, and what CRCs their bytes should have is told. What is unusual is left to
// `GroupReader` (src/storage/parquet/read-group.ts), the twin of this, which also tells what is wrong.

import { BAD_ENCODING, BAD_LENGTH, OUTPUT_TOO_SMALL, TRUNCATED } from './codes'
import { chunkCrc } from './crc'
import { DICTIONARY, ENTRY_BYTES, pageHeaders, PLAIN_BYTES, TYPE, VALUES } from './page-headers'
import { BYTES, CODEC, COLUMN_BYTES, COUNT, DICTIONARY_AT, DICTIONARY_ENTRIES, LAYOUT, NULLABLE, PAGES, plain, plainAt, unpack } from './pages'

// A column chunk, 32-bit words: its address, its bytes, its codec, whether it has a dictionary, the most plain bytes of that.
const CHUNK_AT: usize = 0
const CHUNK_LENGTH: usize = 4
const CHUNK_CODEC: usize = 8
const HAS_DICTIONARY: usize = 12
const CHUNK_PLAIN_BYTES: usize = 16
const CHUNK_BYTES: usize = 20

// Bytes that lie back to back, 32-bit words: address, length, and the CRC that they should have.
const RUN_BYTES: usize = 12

/** Readable bytes behind every input and writable bytes behind every output (src/kernels/memory.ts). */
const SLACK: usize = 32

/** The end of room that has been used, and of all of it. */
let used: usize = 0
let roomEnd: usize = 0

/** Takes so many bytes and slack; 0 when there is no room. */
function take(bytes: u64): usize {
  const at = used
  const end = (<u64>at + bytes + <u64>SLACK + 15) & ~15
  if (end > <u64>roomEnd) return 0
  used = <usize>end
  return at
}

/** Reads the dictionary of a column, a page with an entry. */
function readDictionary(column: usize, entry: usize, most: u32): i32 {
  if (load<u32>(column, LAYOUT) == NULLABLE || load<u32>(entry, TYPE) != DICTIONARY) return BAD_ENCODING
  const plainBytes = load<u32>(entry, PLAIN_BYTES)
  if (plainBytes > most) return BAD_LENGTH
  const unpacked = take(plainBytes)
  if (unpacked == 0) return OUTPUT_TOO_SMALL
  const length = unpack(column, entry, unpacked, plainBytes)
  if (length < 0) return length
  const values = load<u32>(entry, VALUES)
  const bytes = load<u32>(column, BYTES)
  if (<u64>values * <u64>max<u32>(bytes, 4) > <u64>length) return BAD_LENGTH
  const entries = take(<u64>values * <u64>bytes)
  if (entries == 0) return OUTPUT_TOO_SMALL
  store<u32>(column, <u32>entries, DICTIONARY_AT)
  store<u32>(column, values, DICTIONARY_ENTRIES)
  return plain(bytes, plainAt, length, values, entries)
}

/**
 * Makes `count` columns ready whose chunks stand at `chunks`, each of at most `most` pages. Entries of pages and dictionaries go to [room, end). `told` has room for a run for each column and two words more: what of the
 * room is used, how many runs there are, and these. Returns 0, or a code.
 */
export function openPages(columns: usize, count: u32, chunks: usize, most: u32, room: usize, end: usize, told: usize): i32 {
  used = room
  roomEnd = end
  let run = told + 8 - RUN_BYTES
  let runEnd: usize = 0
  let runs: u32 = 0
  for (let i: u32 = 0; i < count; i++) {
    const column = columns + <usize>i * COLUMN_BYTES
    const chunk = chunks + <usize>i * CHUNK_BYTES
    const at = <usize>load<u32>(chunk, CHUNK_AT)
    const length = <usize>load<u32>(chunk, CHUNK_LENGTH)
    // As `pageHeaders` says, with room for three more.
    const entries = take(<u64>(most + 3) * <u64>ENTRY_BYTES)
    if (entries == 0) return OUTPUT_TOO_SMALL
    const pages = pageHeaders(at, at + length, entries, most)
    if (pages < 0) return pages
    const first = load<u32>(chunk, HAS_DICTIONARY)
    if (<u32>pages < first) return TRUNCATED
    store<u32>(column, <u32>(entries + <usize>first * ENTRY_BYTES), PAGES)
    store<u32>(column, <u32>pages - first, COUNT)
    store<u32>(column, load<u32>(chunk, CHUNK_CODEC), CODEC)
    if (first != 0) {
      const code = readDictionary(column, entries, load<u32>(chunk, CHUNK_PLAIN_BYTES))
      if (code < 0) return code
    }
    if (runs == 0 || at != runEnd) {
      run += RUN_BYTES
      runs++
      store<u32>(run, <u32>at)
      store<u32>(run, 0, 8)
    }
    runEnd = at + length
    store<u32>(run, <u32>(runEnd - <usize>load<u32>(run)), 4)
    store<u32>(run, chunkCrc(at, entries, <u32>pages, load<u32>(run, 8)), 8)
  }
  store<u32>(told, <u32>used)
  store<u32>(told, runs, 4)
  return 0
}
