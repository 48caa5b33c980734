/** Last millisecond of year 9999: keys have four digits for the year. */
const LAST = 253_402_300_799_999

/** The key of a new block: `data/<dataset>/<YYYY-MM-DD>/<HH>/<ulid>.avro` (or `.parquet`), with the UTC hour in which its first flow was received. */
export function blockKey(
  dataset: string,
  firstReceivedMs: number,
  ulid: string,
  format: 'avro' | 'parquet' = 'avro',
): string {
  const time = new Date(Math.min(LAST, Math.max(0, firstReceivedMs))).toISOString()
  return `data/${dataset}/${time.slice(0, 10)}/${time.slice(11, 13)}/${ulid}.${format}`
}

/** The key of a block of a job's output: `data/results/<job>/<run>/<number>-<hash>.avro`; `hash` is that of its bytes. */
export function resultBlockKey(job: string, run: string, number: number, hash: string): string {
  return `data/results/${job}/${run}/${String(number).padStart(6, '0')}-${hash}.avro`
}
