import type { AddressColumn } from '../../flow/column.ts'
import type { LookupTable } from './table.ts'
import { parseLookup } from './table.ts'

/** A table in canonical form that is read when a job first looks at it: most jobs use none of those of a configuration. */
export class LateLookup implements LookupTable {
  readonly name: string
  readonly text: string
  readonly hash: string
  #parsed: LookupTable | undefined

  constructor({ name, text, hash }: Pick<LookupTable, 'name' | 'text' | 'hash'>) {
    this.name = name
    this.text = text
    this.hash = hash
  }

  get attributes(): readonly string[] {
    return this.#table.attributes
  }

  get size(): number {
    return this.#table.size
  }

  find(column: AddressColumn, row: number): number {
    return this.#table.find(column, row)
  }

  attribute(name: string): readonly Uint8Array[] {
    return this.#table.attribute(name)
  }

  get #table(): LookupTable {
    this.#parsed ??= parseLookup(this.name, this.text)
    return this.#parsed
  }
}
