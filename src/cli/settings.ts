import type { Budgets, DecoderOptions, ElementDefinition as Element, ElementType } from '../ingest/decode/options.ts'
import { DEFAULT_BUDGETS } from '../ingest/decode/options.ts'
import type { LoadedConfig } from '../runtime/config.ts'
import type { ElementDefinition } from '../vocabulary/config.ts'
import { UsageError } from './errors.ts'

/** The configuration of a command, loaded at most once and only when something asks for it: loading runs a bundler. */

const loading = new Map<string | undefined, Promise<LoadedConfig>>()

/** The configuration that `--config` names, or the one found upward from the working folder. */
export function configOf({ config }: { readonly config: string | undefined }): Promise<LoadedConfig> {
  let promise = loading.get(config)
  if (promise === undefined) {
    promise = import('../runtime/config.ts').then(({ loadConfig }) => loadConfig(config))
    loading.set(config, promise)
  }
  return promise
}

/** How the configuration wants datagrams decoded: further elements as columns, sampling rates that exporters do not tell, limits. */
export function decoderOptionsOf({ config }: LoadedConfig): DecoderOptions {
  const { elements = [], sampling = {}, ingest: { dropDuplicates = false, budgets = {} } = {} } = config
  const definitions = elements.filter((element) => typeof element !== 'string').map(elementOf)
  return {
    elements: elements.map((element) => (typeof element === 'string' ? element : element.name)),
    definitions,
    sampling: Object.entries(sampling).map(([exporter, samplePopulation]) => ({ exporter, samplePopulation })),
    dropDuplicates,
    budgets: checkBudgets(budgets),
  }
}

function checkBudgets(budgets: { readonly [budget: string]: number }): Partial<Budgets> {
  const known = Object.keys(DEFAULT_BUDGETS)
  const unknown = Object.keys(budgets).find((name) => !known.includes(name))
  if (unknown === undefined) return budgets
  throw new UsageError(`ingest.budgets: expected ${known.join(', ')}, got ${unknown}`)
}

/** The abstract data type (RFC 7012) that fills a column of each type. */
const ELEMENT_TYPES: { readonly [T in ElementDefinition['type']]?: ElementType } = {
  u8: 'unsigned8',
  u16: 'unsigned16',
  u32: 'unsigned32',
  i53: 'signed64',
  i64: 'signed64',
  instant: 'dateTimeMilliseconds',
  boolean: 'boolean',
  address: 'ipv4Address',
  text: 'string',
  bytes: 'octetArray',
}

function elementOf({ name, id, enterprise = 0, type }: ElementDefinition): Element {
  return { name, id, pen: enterprise, type: ELEMENT_TYPES[type] ?? 'unsigned64' }
}
