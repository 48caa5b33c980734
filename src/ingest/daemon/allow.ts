import { ComponentError } from '../../flow/component-error.ts'
import { type Prefix, parsePrefix } from '../../flow/prefix.ts'
import { IngestError } from '../error.ts'

/** Says whether the sender with this address (4 or 16 bytes) may send. */
export type AllowList = (address: Uint8Array) => boolean

/** The senders inside the given networks (addresses or prefixes); everybody when there are none. Throws IngestError `bad-option`. */
export function allowList(networks: readonly string[]): AllowList {
  if (networks.length === 0) return () => true
  const prefixes = networks.map(networkOf)
  return (address) => prefixes.some((prefix) => contains(prefix, address))
}

function networkOf(text: string): Prefix {
  try {
    return parsePrefix(text)
  } catch (error) {
    if (!(error instanceof ComponentError)) throw error
    const message = `ingest: allow expected an address or a network such as 10.0.0.0/8, got ${text}`
    throw new IngestError('bad-option', message, { option: 'allow', value: text }, error)
  }
}

function contains({ bytes, bits }: Prefix, address: Uint8Array): boolean {
  if (bytes.length !== address.length) return false
  const whole = bits >> 3
  for (let i = 0; i < whole; i++) if (bytes[i] !== address[i]) return false
  const rest = bits & 7
  return rest === 0 || ((bytes[whole]! ^ address[whole]!) & (0xff << (8 - rest)) & 0xff) === 0
}
