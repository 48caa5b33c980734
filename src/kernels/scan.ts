/** What `scanPages` and `scanRows` are told, as places of 32-bit words; see assembly/scan.ts. */
export const SCAN = {
  width: 0,
  keyBytes: 1,
  packed: 2,
  counts: 3,
  table: 4,
  sums: 5,
  counting: 6,
  keys: 7,
  parts: 8,
  partCount: 9,
  values: 10,
  sources: 11,
  steps: 12,
  stepCount: 13,
  marks: 14,
  rows: 15,
  gathers: 16,
  gatherCount: 17,
  families: 18,
  familyCount: 19,
  capacity: 20,
  mostEntries: 21,
  limited: 22,
  mapped: 24,
  unmatched: 25,
  fresh: 26,
  slices: 34,
  made: 35,
  stride: 36,
  numbers: 37,
  program: 38,
  programSteps: 39,
  memo: 40,
} as const

/** The same for doubles. */
export const SCAN_LEFT = { rows: 14, bound: 15, sum: 16 } as const
export const SCAN_BYTES = 168

/** Rows whose keys are laid out at once. */
export const SCAN_SLICE = 4096
/** Bytes between the marks of two steps. */
export const SCAN_MARK_BYTES = 2080

/** What the words of a part of a key come from; a part and a step of a filter are `SCAN_STEP_BYTES` each. */
export const SCAN_PART = { masked: 0, doubles: 1, bins: 2, prefixes: 3 } as const
export const SCAN_STEP_BYTES = 32
/** A step that makes marks; others join them as `joinMarks` does. */
export const SCAN_RANGE = 3

/** Bytes of a memo (assembly/memo.ts), and of what must be zero at first. */
export const MEMO_BYTES = 16 + 65_536 * 4 + 4 * (2048 * 4 + 16)
