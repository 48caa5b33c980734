/** Kernels that there are for several widths of values; what each does stands at `Kernels`. Parameters are addresses, lengths in bytes and counts. */

export type DictionaryKernel = (
  src: number,
  length: number,
  count: number,
  entries: number,
  entryCount: number,
  dst: number,
) => number
export type EncodeKernel = (
  values: number,
  bounds: number,
  pages: number,
  scratch: number,
  out: number,
  report: number,
) => number
export type GatherKernel = (from: number, rows: number, count: number, to: number) => void
export type PlainKernel = (src: number, length: number, count: number, dst: number) => number
