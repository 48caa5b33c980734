import type { Lookup } from './field-rules.ts'
import type { Source } from './plan.ts'
import type { Template } from './template.ts'
import { VARIABLE } from './template.ts'

/** Finds elements in a template: the first instance of each that has a value. */
export class FieldIndex {
  readonly #sources = new Map<number, Source>()
  /** Fields that were found when asked for. */
  readonly used = new Set<number>()

  /** `absent` fields have length 0 in the record at hand. Scopes of v9 are no elements. */
  constructor({ fields, version }: Template, absent: ReadonlySet<number> = new Set()) {
    let offset = 0
    for (const [field, { id, pen, length, scope }] of fields.entries()) {
      const key = keyOf(id, pen)
      const element = version === 10 || !scope
      if (element && length > 0 && !absent.has(field) && !this.#sources.has(key)) {
        this.#sources.set(key, { field, offset, length })
      }
      offset += length
    }
  }

  find(id: number, pen = 0): Source | undefined {
    const source = this.#sources.get(keyOf(id, pen))
    if (source) this.used.add(source.field)
    return source
  }

  /** As `find`, for values that have one length only: addresses and NTP times have no reduced size. */
  exact(id: number, length: number, pen = 0): Source | undefined {
    const source = this.#sources.get(keyOf(id, pen))
    return source?.length === length || source?.length === VARIABLE ? this.find(id, pen) : undefined
  }

  /** The first of the elements that is there, and which one it is. */
  first(lookups: readonly Lookup[]): { readonly id: number; readonly source: Source } | undefined {
    for (const { pen, ids } of lookups) {
      for (const id of ids) {
        const source = this.find(id, pen)
        if (source) return { id, source }
      }
    }
    return undefined
  }
}

const keyOf = (id: number, pen: number): number => pen * 65536 + id
