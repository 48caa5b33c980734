/** Where `scanPages` (assembly/scan.ts) adds rows, and how many it may add before it has to ask again. */
export interface FoldTarget {
  /** Words of a key of a hash table; 0 for a direct one. */
  readonly width: number
  /** Of a direct table: bytes of a key, and the addresses of packed places, if rows go there, and of counts. */
  readonly keyBytes: number
  readonly packed: number
  readonly counts: number
  /** The description of a hash table, or the sums of a direct one. */
  readonly table: number
  /** How rows are counted, of `COUNTS`. */
  readonly counting: number
  /** Room for the keys of a slice. */
  readonly keys: number
  /** Room for an address for each sum. */
  readonly values: number
  /** Entries for which a hash table has room. */
  readonly mostEntries: number
  /** The number of the sum whose bounds may come to `sumLeft` together. */
  readonly limited: number
  readonly rowsLeft: number
  readonly sumLeft: number
}

/** No sum has a limit of its own. */
export const NO_SUM = 0xffff_ffff

/** What has been added. */
export interface ScannedRows {
  readonly rows: number
  /** The bounds of all sums, and of the limited one. */
  readonly bound: number
  readonly sum: number
  /** New keys of a direct table. */
  readonly fresh: number
}
