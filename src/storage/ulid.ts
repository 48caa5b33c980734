import { StorageError } from './errors.ts'
import type { System } from './system.ts'

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const TIME_DIGITS = 10
const RANDOM_DIGITS = 16

/** A new ULID: the clock's milliseconds in 10 digits, then 80 random bits in 16, so that ids sort by time. */
export function ulid(system: Pick<System, 'now' | 'random'>): string {
  let time = ''
  for (let rest = Math.max(0, Math.floor(system.now())), i = 0; i < TIME_DIGITS; i++) {
    time = ALPHABET.charAt(rest % 32) + time
    rest = Math.floor(rest / 32)
  }
  let random = ''
  for (let i = 0; i < RANDOM_DIGITS; i++) random += ALPHABET.charAt(Math.floor(system.random() * 32))
  return time + random
}

/** The time in a ULID, milliseconds. Throws `bad-key` for anything else. */
export function ulidTime(text: string): number {
  if (!/^[0-7][0-9A-HJKMNP-TV-Z]{25}$/.test(text)) {
    throw new StorageError('bad-key', `storage: ulid expected 26 digits of base 32, got ${JSON.stringify(text)}`, {
      text,
    })
  }
  let ms = 0
  for (const digit of text.slice(0, TIME_DIGITS)) ms = ms * 32 + ALPHABET.indexOf(digit)
  return ms
}
