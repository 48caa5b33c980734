import { homedir } from 'node:os'
import { resolve } from 'node:path'
import { StorageError } from './errors.ts'
import { openFileStore } from './file-store.ts'
import { openMemoryStore } from './memory-store.ts'
import { openReplicaStore } from './replica/replica-store.ts'
import { parseReplicaUrl } from './replica/url.ts'
import { openS3Store } from './s3/s3-store.ts'
import type { ObjectStore } from './store.ts'
import { realSystem, type System } from './system.ts'

export interface OpenStoreOptions {
  readonly system?: System
  /** S3 endpoint for URLs that name none (`--endpoint`); after it the AWS variables are asked. */
  readonly endpoint?: string | undefined
  /** Stores of other schemes, by scheme; they come from the configuration. */
  readonly schemes?: { readonly [scheme: string]: OpenScheme }
}

/** Opens a store of a scheme that a configuration adds. */
export type OpenScheme = (url: string, options: OpenStoreOptions) => Promise<ObjectStore>

const FORMS = 'file:DIR, memory:, s3://bucket/prefix or replica:URL,URL'

/** Opens the store a URL names. It fails with code `bad-url` for a URL that names none; whether a folder or bucket is there shows on first use. */
export async function openStore(url: string, options: OpenStoreOptions = {}): Promise<ObjectStore> {
  const { system = realSystem(), schemes = {}, endpoint } = options
  const scheme = /^([a-z][a-z0-9]*):/.exec(url)?.[1]
  const rest = url.slice((scheme ?? '').length + 1)
  if (scheme === undefined) throw badUrl(FORMS, url, url === '' ? '' : ` (a folder is written file:${url})`)
  const extension = Object.hasOwn(schemes, scheme) ? schemes[scheme] : undefined
  if (extension) return extension(url, options)
  switch (scheme) {
    case 'file':
      return openFileStore({ folder: folderOf(url, rest), system })
    case 'memory':
      if (!/^[A-Za-z0-9._-]*$/.test(rest)) throw badUrl('memory: or memory:NAME', url)
      return openMemoryStore({ name: rest, system })
    case 's3':
      return openS3Store({ url, endpoint, system })
    case 'replica':
      return openReplicaStore({ url, system, open: (volume) => openStore(volume, options) })
    default:
      throw badUrl(FORMS, url)
  }
}

/** True for a URL that another thread or process opens as this one does: no scheme of a configuration, nothing that lives in one thread. */
export function isShareable(url: string): boolean {
  if (url.startsWith('replica:')) return parseReplicaUrl(url).volumes.every(isShareable)
  return /^(file|s3):/.test(url)
}

/** The folder of `file:DIR` and `file:///DIR`; the shell leaves `~` as it is after a colon, so it is opened out here. */
function folderOf(url: string, rest: string): string {
  const path = rest.startsWith('///') ? rest.slice(2) : rest
  if (path === '' || path.startsWith('//') || path.includes('\0')) throw badUrl('file:DIR', url)
  return resolve(path.replace(/^~(?=\/|$)/, homedir()))
}

function badUrl(expected: string, url: string, hint = ''): StorageError {
  const shown = url.replace(/\/\/[^/]*@/, '//***@')
  return new StorageError('bad-url', `store: URL expected ${expected}, got ${JSON.stringify(shown)}${hint}`)
}
