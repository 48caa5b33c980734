import { FLOW_FLAGS } from '../fields.ts'

/** The letters of TCP flags, lowest bit first (RFC 9293 section 3.1; RFC 3540 for N). */
const TCP_LETTERS = 'FSRPAUECN'

/** The bits of a set of TCP flags such as `SA`; undefined when a letter is none. */
export function tcpFlagMask(letters: string): number | undefined {
  let mask = 0
  for (const letter of letters) {
    const bit = TCP_LETTERS.indexOf(letter)
    if (bit < 0) return undefined
    mask |= 1 << bit
  }
  return mask === 0 ? undefined : mask
}

/** The letters of a mask of TCP flags. */
export function tcpFlagLetters(mask: number): string {
  return [...TCP_LETTERS].filter((_, bit) => (mask & (1 << bit)) !== 0).join('')
}

/** The bit of what the collector noted about a flow, by its name in `FLOW_FLAGS`. */
export function notedFlagMask(name: string): number | undefined {
  return Object.hasOwn(FLOW_FLAGS, name) ? FLOW_FLAGS[name as keyof typeof FLOW_FLAGS] : undefined
}

/** The name of one noted bit. */
export function notedFlagName(mask: number): string {
  const name = Object.entries(FLOW_FLAGS).find(([, bit]) => bit === mask)?.[0]
  return name ?? String(mask)
}
