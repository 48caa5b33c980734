import type { System } from '../../storage/system.ts'
import { createDecoder } from '../decode/decoder.ts'
import { IngestError } from '../error.ts'
import { allowList } from './allow.ts'
import { collectorSettings, type IngestOptions, type IngestSettings } from './ingest-options.ts'
import { Silence } from './silence.ts'

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]*$/

/** Throws IngestError `bad-option` for what is fixed as long as a daemon runs: a name that no block and no commit may bear, no delay. */
export function checkFixed({ collector, spoolMs = 1 }: Pick<IngestOptions, 'collector' | 'spoolMs'>): void {
  atLeastOne('spool-delay', spoolMs, 'ms')
  if (NAME.test(collector)) return
  const message = `ingest: name expected letters, digits, dots, dashes and underscores, got ${collector}`
  throw new IngestError('bad-option', message, { option: 'name' })
}

/** Throws IngestError `bad-option` (or what the decoder throws) for settings that cannot be used. */
export function checkSettings(settings: IngestSettings, system: System): void {
  const { rollMs, blockSizeBytes, expect, decoder } = collectorSettings(settings)
  atLeastOne('roll', rollMs, 'ms')
  atLeastOne('block-size', blockSizeBytes, 'bytes')
  allowList(settings.allow ?? [])
  new Silence(expect, system.now())
  createDecoder(decoder)
}

function atLeastOne(option: string, value: number, unit: string): void {
  if (value >= 1) return
  throw new IngestError('bad-option', `ingest: ${option} expected more than 0 ${unit}, got ${value}`, { option })
}
