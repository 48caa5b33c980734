import type { DictionaryKernel, EncodeKernel, GatherKernel, PlainKernel } from './signatures.ts'

/**
 * The kernels, as functions over addresses in one `KernelMemory`. Results below 0 are `KERNEL_CODES`. The WebAssembly module and the
 * TypeScript twins both have this shape; the twins are the oracle of the property tests and what runs where a kernel earns nothing.
 * Every input and output region has `SLACK` bytes behind it.
 */
export interface Kernels {
  /** Snappy block format. Returns the bytes written. */
  snappyDecompress(src: number, srcLength: number, dst: number, dstCapacity: number): number
  /** Snappy block format; `dst` has room for `maxCompressedBytes(length)`, `table` is `COMPRESS_TABLE_BYTES` of scratch. Returns the bytes written. */
  snappyCompress(src: number, length: number, dst: number, table: number): number
  /** The same for Avro rows, with matches only at marked fields, as `avroEncode` noted them; the first `timeCount` of them match the row before. */
  snappyCompressRows(
    src: number,
    length: number,
    dst: number,
    table: number,
    rows: number,
    starts: number,
    marks: number,
    markCount: number,
    timeCount: number,
  ): number
  /** Writes columns as Avro rows and notes where rows and marked fields begin; see assembly/avro-encode.ts for the program. Returns the bytes written, or a code below 0 for a value that cannot be stored. */
  avroEncode(program: number, rows: number, dst: number, origin: number, starts: number, marks: number): number
  /** Writes NetFlow v5 records as Avro rows of the flow record, as `avroEncode` writes their columns; see assembly/v5.ts. Returns the bytes written. */
  v5Rows(from: number, end: number, dst: number, origin: number, starts: number, marks: number, span: number): number
  /** Takes NetFlow v5 datagrams out of captured packets or chunks, for `v5Rows`; see assembly/v5-datagrams.ts. Returns how many were taken. */
  v5Datagrams(
    from: number,
    end: number,
    records: number,
    rows: number,
    entries: number,
    most: number,
    etherType: number,
    bigEndian: number,
    fractionPerMs: number,
  ): number
  /** RLE / bit-packed dictionary indices, each replaced by its entry of 1, 2, 4, 8 or 16 bytes. Returns 0. */
  dictionary8: DictionaryKernel
  dictionary16: DictionaryKernel
  dictionary32: DictionaryKernel
  dictionary64: DictionaryKernel
  dictionary128: DictionaryKernel
  /** PLAIN INT32 into bytes, 16-bit and 32-bit words; INT64 into doubles; 16-byte values as they are. Returns 0. */
  plain8: PlainKernel
  plain16: PlainKernel
  plain4: PlainKernel
  plain64: PlainKernel
  plain128: PlainKernel
  /** DELTA_BINARY_PACKED into unsigned columns of 1, 2 or 4 bytes, or into doubles. Returns 0. */
  delta8: PlainKernel
  delta16: PlainKernel
  delta32: PlainKernel
  delta64: PlainKernel
  /** Reads the headers of the pages of a column chunk to entries; see assembly/page-headers.ts. Returns how many there are. */
  pageHeaders(from: number, to: number, entries: number, most: number): number
  /** The CRC-32, as a signed integer, that a column chunk has behind bytes with the CRC `before` if its pages have those in their headers; see assembly/crc.ts. */
  chunkCrc(from: number, entries: number, count: number, before: number): number
  /** Reads the row groups of a footer to entries when they are what `ranges` says, and leaves where its schema begins and ends in two words; see assembly/footer.ts. Returns how many there are. */
  footerGroups(
    from: number,
    to: number,
    columns: number,
    most: number,
    entries: number,
    schema: number,
    ranges: number,
  ): number
  /** Makes the column chunks of a row group ready for `readPages`; see assembly/open-pages.ts. Returns 0. */
  openPages(
    columns: number,
    count: number,
    chunks: number,
    most: number,
    room: number,
    end: number,
    told: number,
  ): number
  /** Decodes a page of several columns; see assembly/pages.ts. Returns 0, or leaves the number of the column that failed in the word at `failed`. */
  readPages(
    columns: number,
    count: number,
    number: number,
    rows: number,
    scratch: number,
    dense: number,
    failed: number,
  ): number
  /** The plain bytes of a page, in place or at `to`; where they are stands in the word at `out`. Returns how many there are. */
  unpackPage(column: number, page: number, to: number, room: number, out: number): number
  /**
   * Reads the pages of a row group from one on, chooses rows and adds them to a table; see assembly/scan.ts, `scan.ts` and `PageScanner` (src/runtime/task/page-scanner.ts). Returns the number of the page before
   * which it stopped.
   */
  scanPages(
    scan: number,
    columns: number,
    first: number,
    count: number,
    from: number,
    rows: number,
    scratch: number,
    dense: number,
  ): number
  /** Adds rows that are decoded to a table; see assembly/scan.ts and `BatchScanner` (src/runtime/task/batch-scanner.ts). Returns 1, or 0 when it added none. */
  scanRows(scan: number, rows: number): number
  /** Encodes the values of a column chunk as the bodies of its pages; see assembly/parquet-encode.ts and `encode-pages.ts`. Returns 0. */
  encode8: EncodeKernel
  encode16: EncodeKernel
  encode32: EncodeKernel
  encode64: EncodeKernel
  encode128: EncodeKernel
  /** Compresses the bodies of pages, listed as `ChunkWriter` has them, where that brings them below `worth` bytes. Returns the bytes to store, below 0 when they are compressed. */
  packBodies(pages: number, count: number, worth: number, dst: number, table: number): number
  /** Puts pages behind their headers, the first a dictionary when `hasDictionary` is 1; returns the bytes written. */
  putPages(pages: number, count: number, hasDictionary: number, encoding: number, dst: number): number
  /** The values of the rows `rows` (32-bit numbers) of a column, in that order. */
  gather8: GatherKernel
  gather16: GatherKernel
  gather32: GatherKernel
  gather64: GatherKernel
  gather128: GatherKernel
  /** Copies bytes, as fast within shared memory as within any. */
  copyBytes(from: number, length: number, to: number): void
  /** 16-byte values of the rows whose family is 6, in the order of `rows`; zero for the others. */
  gatherSparse(family: number, from: number, rows: number, count: number, to: number): void
  /** The row numbers in order of time; `scratch` has `orderScratchBytes`. */
  timeOrder(times: number, count: number, rows: number, scratch: number): void
  /** A bit for each byte, 1 where it is `value`. Returns how many bytes were written. */
  equalBits(at: number, count: number, value: number, dst: number): number
  /** The 16-byte values of the rows whose family is 6, back to back. Returns how many. */
  pick128(family: number, rows: number, values: number, dst: number): number
  /** How many of `count` bytes equal `value`. */
  countBytes(at: number, count: number, value: number): number
  /** 16-byte values to the rows whose family is 6, zero to the others. Returns how many were used. */
  spread128(family: number, rows: number, values: number, count: number, dst: number): number
  /**
   * Walks Avro rows; see `avro-rows.ts`, whose operations (all but the nested ones) and faults it shares. `end` is an address behind which ROW_SLACK
   * bytes are zero, `targets` says where slots are stored. Returns how many bytes the rows took.
   */
  avroRows(
    program: number,
    origin: number,
    at: number,
    end: number,
    first: number,
    rows: number,
    targets: number,
    stride: number,
    present: number,
  ): number

  /** Marks the rows whose value lies in [low, high], a bit each: unsigned values of 1, 2 or 4 bytes, or doubles; see assembly/marks.ts for these. */
  markRange(values: number, bytes: number, low: number, high: number, rows: number, marks: number): void
  /** Joins marks into the first: 0 both, 1 either, 2 turns the first around. */
  joinMarks(first: number, second: number, how: number, rows: number): void
  /** Writes the numbers of the marked rows. Returns how many there are. */
  markedRows(marks: number, rows: number, dst: number): number
  /** Unsigned values of 1, 2 or 4 bytes into words, `width` words apart; see assembly/keys.ts for these. */
  packWords(src: number, bytes: number, rows: number, dst: number, width: number): void
  /** Whole numbers in doubles into two words each, the high one first, with the bits of `flip` flipped. */
  packDoubles(src: number, flip: number, rows: number, dst: number, width: number): void
  /** The same for 64-bit integers. */
  packLongs(src: number, flip: number, rows: number, dst: number, width: number): void
  /** Addresses of both families into five words each: the family, and four of bytes. */
  packAddresses(family: number, v4: number, v6: number, rows: number, dst: number, width: number): void
  /** Words with only the bits of `mask` left. */
  maskWords(src: number, mask: number, rows: number, dst: number): void
  /** The start of the bin that each time lies in. */
  timeBins(src: number, size: number, rows: number, dst: number): void
  /** Spreads flows over bins of time; see assembly/spread.ts for the columns at `places` and the counts. Returns the row before which it stopped for want of room, or `rows`. */
  spreadRows(
    places: number,
    from: number,
    rows: number,
    size: number,
    periodFrom: number,
    periodTo: number,
    capacity: number,
    counts: number,
  ): number
  /** Adds rows to the entries of a table; see assembly/table.ts for its layout and `COUNTS` for how they are counted. Returns how many entries it has. */
  foldRows(
    keys: number,
    rows: number,
    skipped: number,
    table: number,
    values: number,
    sums: number,
    counts: number,
  ): number
  /** Gives entries that count in their last sum a count of their own. */
  foldUnpack(entries: number, count: number, stride: number, numbers: number): void
  /** Fills the slots of a table for the entries that it has. */
  tableIndex(table: number): void
  /** Adds rows to a table that has a place for every key of 1 or 2 bytes; see assembly/direct.ts for its layout. Returns how many keys are new. */
  foldDirect(
    keys: number,
    keyBytes: number,
    rows: number,
    skipped: number,
    counts: number,
    table: number,
    values: number,
    sums: number,
  ): number
  /** The same for two sums, into places where the second sum and the count are one double. */
  foldPacked(keys: number, keyBytes: number, rows: number, skipped: number, table: number, values: number): void
  /** Moves what such places hold to counts and sums, leaving them zero. Returns how many keys are new. */
  settleDirect(from: number, capacity: number, counts: number, table: number): number
  /** Writes the keys of such a table that have rows as entries. Returns how many. */
  directEntries(counts: number, table: number, capacity: number, sums: number, stride: number, dst: number): number
  /** Sum of doubles, each partial sum rounded: a bound, not a result. */
  sumDoubles(values: number, rows: number): number
  /** Adds entries to their slices; see assembly/slices.ts for how those are described. */
  slicesAdd(
    entries: number,
    count: number,
    stride: number,
    numbers: number,
    program: number,
    steps: number,
    slices: number,
  ): void
  /** Adds entries, or a share of them by hash, to those of a table. Returns how many it has. */
  groupsAdd(src: number, count: number, table: number, passMask: number, pass: number): number
  /** Copies entries to `dst` by share of their keys, and says where each share ends. */
  groupsSplit(
    entries: number,
    count: number,
    width: number,
    stride: number,
    mask: number,
    ends: number,
    dst: number,
  ): void
  /** Turns counts and sums of entries from doubles into 64-bit integers. */
  groupsIntegers(entries: number, count: number, stride: number, numbers: number): void
  /** Makes an entry of each row. Returns how many. */
  groupsAppend(
    keys: number,
    width: number,
    rows: number,
    skipped: number,
    values: number,
    sums: number,
    stride: number,
    dst: number,
  ): number
  /** Sorts entries by some of their bytes. */
  groupsSort(
    entries: number,
    count: number,
    stride: number,
    digits: number,
    length: number,
    scratch: number,
    counts: number,
  ): void
  /** Keeps the entries that come before another, in the order of a sort, and moves them together. Returns how many. */
  groupsBefore(entries: number, count: number, stride: number, digits: number, length: number, bound: number): number
  /** Keeps the entries whose keys could have so large a sum in one of their numbers, and moves them together. Returns how many. */
  groupsAtLeast(
    entries: number,
    count: number,
    width: number,
    stride: number,
    number: number,
    least: number,
    counters: number,
  ): number
  /** Writes the bytes of entries as a program says. Returns their end. */
  groupsWrite(entries: number, count: number, stride: number, program: number, steps: number, dst: number): number
  /**
   * Merges sorted records of several cursors and writes their rows as Avro, until one has nothing left; see assembly/rows.ts. Returns how many, and leaves the end of what was written in
   * the word at `end`.
   */
  rowsMerge(
    heads: number,
    count: number,
    nodes: number,
    program: number,
    parts: number,
    columns: number,
    rows: number,
    dst: number,
    end: number,
  ): number
}
