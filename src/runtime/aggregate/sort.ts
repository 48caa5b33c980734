/** Sorts that move numbers of rows, never the rows. */

/** Ranges up to this size are sorted by insertion. */
const SMALL = 24
/** Bytes after which a range is sorted by comparison, so that long common beginnings do not recurse. */
const DEEP = 48

/** A byte of the words that not all rows agree on. */
interface Digit {
  readonly word: number
  readonly shift: number
}

/**
 * Sorts row numbers in place by words, most significant first: row `r` has words `words[r * stride .. r * stride + width)`. Most significant byte first, bytes on which all rows
 * agree left out: after two or three passes the buckets are so small that what is left is compared in the cache.
 */
export function sortByWords(rows: Uint32Array, words: Uint32Array, width: number, stride = width): void {
  const digits: Digit[] = []
  for (let word = 0; word < width; word++) {
    const varying = varyingBits(rows, words, stride, word)
    for (let shift = 24; shift >= 0; shift -= 8) if ((varying >>> shift) & 0xff) digits.push({ word, shift })
  }
  new WordSort(rows, words, { width, stride }, digits).sort(0, rows.length, 0)
}

function varyingBits(rows: Uint32Array, words: Uint32Array, stride: number, word: number): number {
  let all = 0xffff_ffff
  let any = 0
  for (let i = 0; i < rows.length; i++) {
    const value = words[rows[i]! * stride + word]!
    all &= value
    any |= value
  }
  return any & ~all
}

class WordSort {
  readonly #rows: Uint32Array
  readonly #spare: Uint32Array
  readonly #words: Uint32Array
  readonly #width: number
  readonly #stride: number
  readonly #digits: readonly Digit[]
  /** Ends of the buckets of each depth. */
  readonly #ends: readonly Uint32Array[]

  constructor(
    rows: Uint32Array,
    words: Uint32Array,
    { width, stride }: { readonly width: number; readonly stride: number },
    digits: readonly Digit[],
  ) {
    this.#rows = rows
    this.#spare = new Uint32Array(rows.length)
    this.#words = words
    this.#width = width
    this.#stride = stride
    this.#digits = digits
    this.#ends = digits.map(() => new Uint32Array(256))
  }

  sort(first: number, end: number, depth: number): void {
    const digit = this.#digits[depth]
    if (!digit || end - first < 2) return
    if (end - first <= SMALL) {
      this.#insertionSort(first, end, digit.word)
      return
    }
    const ends = this.#ends[depth]!
    this.#distribute(first, end, digit, ends)
    for (let bucket = 0, start = first; bucket < 256; bucket++) {
      const bucketEnd = ends[bucket]!
      if (bucketEnd - start > 1) this.sort(start, bucketEnd, depth + 1)
      start = bucketEnd
    }
  }

  #distribute(first: number, end: number, { word, shift }: Digit, ends: Uint32Array): void {
    const rows = this.#rows
    const spare = this.#spare
    const words = this.#words
    const stride = this.#stride
    ends.fill(0)
    for (let i = first; i < end; i++) ends[(words[rows[i]! * stride + word]! >>> shift) & 0xff]!++
    startsOf(ends, first)
    for (let i = first; i < end; i++) {
      const row = rows[i]!
      const bucket = (words[row * stride + word]! >>> shift) & 0xff
      spare[ends[bucket]!] = row
      ends[bucket]!++
    }
    for (let i = first; i < end; i++) rows[i] = spare[i]!
  }

  #insertionSort(first: number, end: number, word: number): void {
    const rows = this.#rows
    for (let i = first + 1; i < end; i++) {
      const row = rows[i]!
      let at = i
      while (at > first && this.#before(row, rows[at - 1]!, word)) {
        rows[at] = rows[at - 1]!
        at--
      }
      rows[at] = row
    }
  }

  #before(a: number, b: number, from: number): boolean {
    const words = this.#words
    const stride = this.#stride
    for (let word = from; word < this.#width; word++) {
      const left = words[a * stride + word]!
      const right = words[b * stride + word]!
      if (left !== right) return left < right
    }
    return false
  }
}

/** Turns counts into the start of each bucket. */
function startsOf(counts: Uint32Array, first: number): void {
  let start = first
  for (let i = 0; i < counts.length; i++) {
    const count = counts[i]!
    counts[i] = start
    start += count
  }
}

/** Orders row numbers by their partition, keeping the order within each; returns the end of each partition in `ends`. */
export function sortByPartition(rows: Uint32Array, partitionOfRow: Uint16Array, ends: Uint32Array): Uint32Array {
  ends.fill(0)
  for (let i = 0; i < rows.length; i++) ends[partitionOfRow[rows[i]!]!]!++
  startsOf(ends, 0)
  const sorted = new Uint32Array(rows.length)
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i]!
    const partition = partitionOfRow[row]!
    sorted[ends[partition]!] = row
    ends[partition]!++
  }
  return sorted
}

/** Sorts row numbers by byte strings, as `memcmp` does: row `r` is `data[offsets[r] .. offsets[r + 1])`. Most significant byte first. */
export function sortByBytes(rows: Uint32Array, data: Uint8Array, offsets: Uint32Array): void {
  sortRange(rows, new Uint32Array(rows.length), 0, rows.length, 0, data, offsets)
}

function sortRange(
  rows: Uint32Array,
  spare: Uint32Array,
  first: number,
  end: number,
  depth: number,
  data: Uint8Array,
  offsets: Uint32Array,
): void {
  if (end - first <= SMALL) insertionSort(rows, first, end, depth, data, offsets)
  else if (depth >= DEEP) rows.subarray(first, end).sort((a, b) => compareFrom(a, b, depth, data, offsets))
  else {
    const starts = distribute(rows, spare, first, end, depth, data, offsets)
    for (let digit = 1; digit < 257; digit++)
      if (starts[digit + 1]! - starts[digit]! > 1)
        sortRange(rows, spare, first + starts[digit]!, first + starts[digit + 1]!, depth + 1, data, offsets)
  }
}

/** Orders a range by the byte at `depth` and returns where each digit starts, relative to `first`. */
function distribute(
  rows: Uint32Array,
  spare: Uint32Array,
  first: number,
  end: number,
  depth: number,
  data: Uint8Array,
  offsets: Uint32Array,
): Uint32Array {
  const starts = new Uint32Array(258)
  for (let i = first; i < end; i++) starts[digitAt(rows[i]!, depth, data, offsets) + 1]!++
  for (let i = 1; i < 258; i++) starts[i]! += starts[i - 1]!
  const next = starts.slice()
  for (let i = first; i < end; i++) {
    const row = rows[i]!
    const digit = digitAt(row, depth, data, offsets)
    spare[first + next[digit]!] = row
    next[digit]!++
  }
  rows.set(spare.subarray(first, end), first)
  return starts
}

/** 0 past the end of the row, its byte + 1 before. */
function digitAt(row: number, depth: number, data: Uint8Array, offsets: Uint32Array): number {
  const at = offsets[row]! + depth
  return at < offsets[row + 1]! ? data[at]! + 1 : 0
}

function insertionSort(
  rows: Uint32Array,
  first: number,
  end: number,
  depth: number,
  data: Uint8Array,
  offsets: Uint32Array,
): void {
  for (let i = first + 1; i < end; i++) {
    const row = rows[i]!
    let at = i
    while (at > first && compareFrom(row, rows[at - 1]!, depth, data, offsets) < 0) {
      rows[at] = rows[at - 1]!
      at--
    }
    rows[at] = row
  }
}

function compareFrom(a: number, b: number, depth: number, data: Uint8Array, offsets: Uint32Array): number {
  const aStart = offsets[a]! + depth
  const bStart = offsets[b]! + depth
  const aLength = offsets[a + 1]! - aStart
  const bLength = offsets[b + 1]! - bStart
  const length = Math.min(aLength, bLength)
  for (let i = 0; i < length; i++) {
    const difference = data[aStart + i]! - data[bStart + i]!
    if (difference !== 0) return difference
  }
  return aLength - bLength
}

/** The first index from `first` on for which `test` no longer holds, found by doubling steps and halving. */
export function firstNot(first: number, end: number, test: (i: number) => boolean): number {
  let low = first
  let step = 1
  while (low + step - 1 < end && test(low + step - 1)) {
    low += step
    step *= 2
  }
  let high = Math.min(end, low + step - 1)
  while (low < high) {
    const middle = (low + high) >>> 1
    if (test(middle)) low = middle + 1
    else high = middle
  }
  return low
}
