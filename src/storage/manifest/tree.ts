/**
 * A large sorted map kept as immutable pages in the store and a small map of changes in memory: the form of everything in a
 * manifest that grows without bound (blocks, ledger, transactions). Pages hold neighbouring keys, never of two groups
 * (a group is a day, or what stands for one), and do not overlap. Keys are compared as strings.
 */

/** A page of a tree. Kinds add statistics that let a reader skip it. */
export interface PageRef {
  /** Object that holds the page. */
  readonly key: string
  /** First and last key in it, both inclusive. */
  readonly first: string
  readonly last: string
  readonly entries: number
}

/** What a kind of tree holds: entries `E`, changes `C` to them, pages described by `R`. */
export interface TreeKind<E, C, R extends PageRef> {
  /** At most this many entries in a page. */
  readonly pageEntries: number
  keyOf(entry: E): string
  groupOf(key: string): string
  /** The entry after a change; undefined removes it. */
  merge(entry: E | undefined, change: C): E | undefined
  describe(page: PageRef, entries: readonly E[]): R
}

export type LoadPage<E, R> = (ref: R) => Promise<readonly E[]>
/** Stores the entries of a new page and returns its object key. */
export type StorePage<E> = (entries: readonly E[]) => Promise<string>

export interface Tree<C, R> {
  /** In order of key. */
  readonly refs: readonly R[]
  readonly changes: ReadonlyMap<string, C>
}

/** How many pages a scan reads ahead. */
const AHEAD = 4

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)

/** The entries of a tree in order of key, less those on pages that are not `wanted`; changes are all looked at. */
export async function* scanTree<E, C, R extends PageRef>(
  kind: TreeKind<E, C, R>,
  tree: Tree<C, R>,
  load: LoadPage<E, R>,
  wanted: (ref: R) => boolean = () => true,
): AsyncGenerator<E, void, undefined> {
  for await (const entries of scanPages(kind, tree, load, wanted)) yield* entries
}

/** The same by page: one step for thousands of entries. */
export async function* scanPages<E, C, R extends PageRef>(
  kind: TreeKind<E, C, R>,
  { refs, changes }: Tree<C, R>,
  load: LoadPage<E, R>,
  wanted: (ref: R) => boolean,
): AsyncGenerator<readonly E[], void, undefined> {
  const changed = [...changes.keys()].sort(compare)
  let next = 0
  const apply = (entry: E | undefined, into: E[]): void => {
    const merged = kind.merge(entry, changes.get(changed[next++]!) as C)
    if (merged !== undefined) into.push(merged)
  }
  for await (const { ref, entries } of readAhead(refs, load, wanted)) {
    const merged: E[] = []
    // Changes before this page, or on a skipped page, have nothing to merge with that a reader could want.
    while (next < changed.length && changed[next]! < ref.first) apply(undefined, merged)
    if (next === changed.length || changed[next]! > ref.last) {
      if (merged.length > 0) yield merged
      yield entries
      continue
    }
    for (const entry of entries) {
      const key = kind.keyOf(entry)
      while (next < changed.length && changed[next]! < key) apply(undefined, merged)
      if (changed[next] === key) apply(entry, merged)
      else merged.push(entry)
    }
    yield merged
  }
  const rest: E[] = []
  while (next < changed.length) apply(undefined, rest)
  yield rest
}

/** Loads the wanted pages in order, a few ahead of the reader. */
async function* readAhead<E, R>(
  refs: readonly R[],
  load: LoadPage<E, R>,
  wanted: (ref: R) => boolean,
): AsyncGenerator<{ ref: R; entries: readonly E[] }> {
  const ahead: { ref: R; page: Promise<readonly E[]> }[] = []
  try {
    for (const ref of refs) {
      if (!wanted(ref)) continue
      const page = load(ref)
      page.catch(() => undefined)
      ahead.push({ ref, page })
      if (ahead.length > AHEAD) yield await settled(ahead)
    }
    while (ahead.length > 0) yield await settled(ahead)
  } finally {
    await Promise.allSettled(ahead.map(({ page }) => page))
  }
}

async function settled<E, R>(
  ahead: { ref: R; page: Promise<readonly E[]> }[],
): Promise<{ ref: R; entries: readonly E[] }> {
  const { ref, page } = ahead.shift()!
  return { ref, entries: await page }
}

/** The entry with this key, at the cost of at most one page. */
export async function findInTree<E, C, R extends PageRef>(
  kind: TreeKind<E, C, R>,
  { refs, changes }: Tree<C, R>,
  load: LoadPage<E, R>,
  key: string,
): Promise<E | undefined> {
  const ref = refs[lastAtOrBefore(refs, key)]
  const page = ref !== undefined && key <= ref.last ? await load(ref) : []
  const entry = page.find((candidate) => kind.keyOf(candidate) === key)
  const change = changes.get(key)
  return change === undefined ? entry : kind.merge(entry, change)
}

/** Index of the last page whose first key is at or before `key`, or -1. */
function lastAtOrBefore(refs: readonly PageRef[], key: string): number {
  let low = 0
  let high = refs.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (refs[middle]!.first <= key) low = middle + 1
    else high = middle
  }
  return low - 1
}

/** The pages of the tree with its changes merged in. Pages that no change touches are kept as they are. */
export async function rewriteTree<E, C, R extends PageRef>(
  kind: TreeKind<E, C, R>,
  { refs, changes }: Tree<C, R>,
  load: LoadPage<E, R>,
  store: StorePage<E>,
): Promise<readonly R[]> {
  if (changes.size === 0) return refs
  const targets = targetPages(kind, refs, [...changes.keys()].sort(compare))
  const result: R[] = []
  let at = 0
  for (const { from, to, keys } of targets) {
    result.push(...refs.slice(at, from))
    const old: Tree<C, R> = {
      refs: refs.slice(from, to),
      changes: new Map(keys.map((key) => [key, changes.get(key) as C])),
    }
    const entries: E[] = []
    for await (const entry of scanTree(kind, old, load)) entries.push(entry)
    result.push(...(await storePages(kind, entries, store)))
    at = to
  }
  result.push(...refs.slice(at))
  return result
}

/** A run of neighbouring pages [from, to) of one group, to be written anew with `keys`; empty when the group has no page yet. */
interface Target {
  readonly from: number
  to: number
  readonly keys: string[]
}

function targetPages<E, C, R extends PageRef>(
  kind: TreeKind<E, C, R>,
  refs: readonly R[],
  keys: readonly string[],
): Target[] {
  const targets: Target[] = []
  let lastGroup: string | undefined
  for (const key of keys) {
    const group = kind.groupOf(key)
    const before = lastAtOrBefore(refs, key)
    const inGroup = (index: number): boolean => refs[index] !== undefined && kind.groupOf(refs[index]!.first) === group
    const page = inGroup(before) ? before : inGroup(before + 1) ? before + 1 : undefined
    const last = targets.at(-1)
    const from = page ?? before + 1
    const to = page === undefined ? from : page + 1
    if (last !== undefined && lastGroup === group && from <= last.to) {
      last.to = Math.max(last.to, to)
      last.keys.push(key)
    } else {
      targets.push({ from, to, keys: [key] })
    }
    lastGroup = group
  }
  return targets
}

/** Cuts the entries of one group into as few pages as may be, of equal size. */
async function storePages<E, C, R extends PageRef>(
  kind: TreeKind<E, C, R>,
  entries: readonly E[],
  store: StorePage<E>,
): Promise<R[]> {
  const pages = Math.ceil(entries.length / kind.pageEntries)
  const result: R[] = []
  for (let i = 0; i < pages; i++) {
    const part = entries.slice(Math.floor((entries.length * i) / pages), Math.floor((entries.length * (i + 1)) / pages))
    const page = { first: kind.keyOf(part[0]!), last: kind.keyOf(part.at(-1)!), entries: part.length }
    result.push(kind.describe({ key: await store(part), ...page }, part))
  }
  return result
}
