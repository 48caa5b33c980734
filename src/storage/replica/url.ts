import { StorageError } from '../errors.ts'

/** What a `replica:` URL says: the volumes in their order, and how many copies of a block there are to be. */
export interface ReplicaLocation {
  /** URLs of the stores, one per slot. */
  readonly volumes: readonly string[]
  /** Copies of each block. */
  readonly factor: number
  /** Volumes that must have an object before it counts as written; when absent, a majority. */
  readonly quorum: number | undefined
  /** A volume whose heartbeat is missing for so long is given up, and its blocks are copied elsewhere. */
  readonly missedMs: number
}

const DEFAULT_FACTOR = 2
const DEFAULT_MISSED_S = 600
const FORM = 'replica:[factor=N,][quorum=N,][missed=SECONDS,]URL,URL,...'

/** Parses `replica:factor=2,missed=600,file:/disk1,file:/disk2,s3://bucket/prefix`: settings first, in any order, then two or more store URLs. */
export function parseReplicaUrl(url: string): ReplicaLocation {
  const items = url.slice('replica:'.length).split(',')
  const settings = new Map<string, number>()
  const volumes: string[] = []
  for (const item of items) {
    const setting = /^(factor|quorum|missed)=(\d{1,9})$/.exec(item)
    if (setting?.[1] && volumes.length === 0) settings.set(setting[1], Number(setting[2]))
    else if (/^(?!replica:|memory:$)[a-z][a-z0-9]*:/.test(item)) volumes.push(item)
    else throw bad(FORM, JSON.stringify(item.replace(/\/\/[^/]*@/, '//***@')))
  }
  const location = {
    volumes,
    factor: settings.get('factor') ?? DEFAULT_FACTOR,
    quorum: settings.get('quorum'),
    missedMs: (settings.get('missed') ?? DEFAULT_MISSED_S) * 1000,
  }
  checkLocation(location)
  return location
}

function checkLocation({ volumes, factor, quorum }: ReplicaLocation): void {
  if (volumes.length < 2) throw bad('two or more volumes', String(volumes.length))
  if (new Set(volumes).size < volumes.length) throw bad('volumes that differ', 'one twice')
  if (factor < 1 || factor > volumes.length) throw bad(`factor from 1 to ${volumes.length} volumes`, String(factor))
  if (quorum !== undefined && (quorum < 1 || quorum > factor))
    throw bad(`quorum from 1 to factor ${factor}`, String(quorum))
}

/** The URL that opens this location again. */
export function formatReplicaUrl({ volumes, factor, quorum, missedMs }: ReplicaLocation): string {
  const items = [`factor=${factor}`]
  if (quorum !== undefined) items.push(`quorum=${quorum}`)
  if (missedMs !== DEFAULT_MISSED_S * 1000) items.push(`missed=${missedMs / 1000}`)
  return `replica:${[...items, ...volumes].join(',')}`
}

function bad(expected: string, got: string): StorageError {
  return new StorageError('bad-url', `store: replica URL expected ${expected}, got ${got}`)
}
