import { parseTimeOption } from '../flow/time.ts'
import { type Manifest, openManifest, type StoreSnapshot } from '../storage/manifest/manifest.ts'
import { type OpenScheme, openStore } from '../storage/open.ts'
import { ReplicaStore } from '../storage/replica/replica-store.ts'
import type { ObjectStore } from '../storage/store.ts'
import { realSystem } from '../storage/system.ts'
import type { Config } from '../vocabulary/config.ts'
import { UsageError } from './errors.ts'
import { readOption } from './read-option.ts'
import { configOf } from './settings.ts'

/** Opening what `storeOptions` and `snapshotOptions` name. */

export interface StoreArguments {
  readonly store: string | undefined
  readonly endpoint: string | undefined
  readonly config: string | undefined
}

/** The store's URL by option, variable or configuration file, in this order. */
export async function storeUrl(args: StoreArguments): Promise<string> {
  if (args.store !== undefined) return args.store
  const { store } = (await configOf(args)).config
  if (store !== undefined) return store
  throw new UsageError(
    '--store: expected file:DIR or s3://bucket/prefix, got none (FLOWREDUCE_STORE, or store in jobs.config.ts, may name one)',
  )
}

/** Opens the store; whether there is anything in it shows later. */
export async function openStoreOf(args: StoreArguments): Promise<ObjectStore> {
  const url = await storeUrl(args)
  const schemes = OWN_SCHEMES.test(url) ? {} : ((await configOf(args)).config.stores ?? {})
  return openStore(url, { endpoint: args.endpoint, schemes: customSchemes(schemes) })
}

/** Schemes that need no configuration. */
const OWN_SCHEMES = /^(file|memory|s3|replica):/

function customSchemes(stores: NonNullable<Config['stores']>): { readonly [scheme: string]: OpenScheme } {
  return Object.fromEntries(Object.entries(stores).map(([scheme, open]) => [scheme, async (url: string) => open(url)]))
}

/** Opens the store, which must be a replica set. */
export async function openReplicaOf(args: StoreArguments): Promise<ReplicaStore> {
  const store = await openStoreOf(args)
  if (store instanceof ReplicaStore) return store
  throw new UsageError(`--store: expected replica:URL,URL, got ${store.url}`)
}

/** Opens the store and its manifest; a store without one is an error unless `create` makes it (`late`: with its first commit). */
export async function openManifestOf(
  args: StoreArguments,
  { create = false }: { readonly create?: boolean | 'late' } = {},
): Promise<{ store: ObjectStore; manifest: Manifest }> {
  const store = await openStoreOf(args)
  return { store, manifest: await openManifest(store, { system: realSystem(), create }) }
}

/** The snapshot that `--at` names, or the newest. */
export async function snapshotAt(manifest: Manifest, at: string | undefined): Promise<StoreSnapshot> {
  if (at === undefined) return manifest.snapshot()
  if (/^\d+$/.test(at)) return manifest.snapshot({ version: Number(at) })
  return manifest.snapshot({ time: readOption('at', at, (text) => parseTimeOption(text, Date.now())) })
}

/** The period that `--from` and `--to` name, made absolute. */
export function periodOf({ from, to }: { from: string | undefined; to: string | undefined }): {
  from?: number
  to?: number
} {
  const now = Date.now()
  const read = (name: 'from' | 'to', text: string): number =>
    readOption(name, text, (value) => parseTimeOption(value, now))
  const period = {
    ...(from === undefined ? {} : { from: read('from', from) }),
    ...(to === undefined ? {} : { to: read('to', to) }),
  }
  if (period.from !== undefined && period.to !== undefined && period.from >= period.to) {
    throw new UsageError(`--to: expected a time after --from, got ${to}`)
  }
  return period
}
