/** Where rows become entries of their slices as they come (assembly/slices.ts). */
export interface SliceTarget {
  /** The description of the slices; 0 when rows are added up. */
  readonly slices: number
  /** Room for the entries of a slice of rows. */
  readonly made: number
  /** Bytes of an entry, and those before its numbers. */
  readonly stride: number
  readonly numbers: number
  /** What writes the canonical encoding of its key, and how many steps that has. */
  readonly program: number
  readonly programSteps: number
}

/** Where `scanPages` and `scanRows` (assembly/scan.ts) add rows, and how many they may add before they have to ask again. */
export interface FoldTarget extends SliceTarget {
  /** Words of a key of a hash table; 0 for a direct one. */
  readonly width: number
  /** Of a direct table: bytes of a key, and the addresses of packed places, if rows go there, and of counts. */
  readonly keyBytes: number
  readonly packed: number
  readonly counts: number
  /** The description of a hash table, or the sums of a direct one. */
  readonly table: number
  /** How often a hash table was emptied: what is known of its entries is true as long as this stays the same. */
  readonly emptied: number
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

/** Rows are added up. */
export const NO_SLICES: SliceTarget = { slices: 0, made: 0, stride: 0, numbers: 0, program: 0, programSteps: 0 }

/** What has been added. */
export interface ScannedRows {
  readonly rows: number
  /** The bounds of all sums, and of the limited one. */
  readonly bound: number
  readonly sum: number
  /** New keys of a direct table. */
  readonly fresh: number
}
