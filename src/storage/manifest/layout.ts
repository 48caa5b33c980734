/** Where the manifest keeps its objects. Numbers are padded to 20 digits, so that a listing is in order of version. */

/** A checkpoint is due at every multiple of this many commits. */
export const CHECKPOINT_EVERY = 64
/** The format this code writes and the only one it reads. */
export const FORMAT_VERSION = 1
/** The features this code knows; a commit that requires another one is refused. */
export const KNOWN_FEATURES: readonly string[] = []

export const COMMIT_PREFIX = 'manifest/'
export const CHECKPOINT_PREFIX = 'checkpoint/'
export const PAGE_PREFIX = 'page/'
/** Names the newest checkpoint, best effort. */
export const HINT_KEY = 'hint/newest.json'

const padded = (version: number): string => String(version).padStart(20, '0')

export const commitKey = (version: number): string => `${COMMIT_PREFIX}${padded(version)}.json`

export const checkpointKey = (version: number): string => `${CHECKPOINT_PREFIX}${padded(version)}.json`

/** Keys of the pages written for the checkpoint of `version`; `writer` is random, so that no key is ever used twice. */
export const pageKey = (version: number, writer: string, number: number): string =>
  `${pagePrefix(version)}${writer}-${String(number).padStart(6, '0')}.json.gz`

export const pagePrefix = (version: number): string => `${PAGE_PREFIX}${padded(version)}/`

/** The version that the key of a commit or a checkpoint names, or undefined when it is neither. */
export function versionOfKey(key: string): number | undefined {
  const digits = /^(?:manifest|checkpoint)\/(\d{20})\.json$/.exec(key)?.[1]
  return digits === undefined ? undefined : Number(digits)
}
