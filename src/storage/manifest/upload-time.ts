import { ulidTime } from '../ulid.ts'

/**
 * When the upload of an object began, by the clock of its writer, as its key says it: what the gc horizon is compared with, both
 * by the commit that adds the object and by gc before it deletes it, so that no clocks need agree.
 */

const ULID = /(?:^|[-_.])([0-7][0-9A-HJKMNP-TV-Z]{25})(?:[-_.]|$)/
const RUN_ID = /^(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})(\d{2})Z-/

/** Milliseconds from the ULID in the file name or, without one, from the run id among the folders; undefined when there is neither. */
export function uploadTime(key: string): number | undefined {
  const parts = key.split('/')
  const ulid = ULID.exec(parts.at(-1) ?? '')?.[1]
  if (ulid !== undefined) return ulidTime(ulid)
  for (const part of parts) {
    const run = RUN_ID.exec(part)
    if (run !== null) {
      const [year, month, day, hour, minute, second] = run.slice(1).map(Number)
      return Date.UTC(year!, month! - 1, day, hour, minute, second)
    }
  }
  return undefined
}
