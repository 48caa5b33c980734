import { randomUUID } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { replaceFile } from './lock.ts'
import { LOG_START, type LogPosition, trimLog } from './log.ts'
import type { ExpectedExporter } from './silence.ts'
import type { RollUnit, WaitingBlock } from './unit.ts'

/** What must be known to go on after a roll: where the log had been read to, and what the decoder knew there. */
export interface Checkpoint {
  readonly position: LogPosition
  readonly state: unknown
  /** What had been told by then of exporters that should be heard. */
  readonly silence?: readonly ExpectedExporter[]
}

/**
 * The folder in which a daemon keeps what is not committed yet, so that a killed process loses next to nothing:
 *
 *     id                        names this spool in the manifest, so that two daemons never share transaction numbers
 *     lock                      the daemon that uses the folder
 *     log-<number>              datagrams as they came
 *     state-<sequence>.json     checkpoint at the end of a roll, written before the roll is sent
 *     unit-<sequence>.json      a roll that waits for the store: its ledger, and its blocks in unit-<sequence>-<n>.block
 *
 * A roll is safe once it is committed or set aside as a unit. A new daemon goes on from the checkpoint of the last safe roll: what came
 * after it is decoded again from the log.
 */
export class Spool {
  readonly folder: string
  readonly id: string

  constructor(folder: string) {
    this.folder = folder
    const path = this.#path('id')
    if (!existsSync(path)) replaceFile(path, `${randomUUID()}\n`)
    this.id = readFileSync(path, 'utf8').trim()
  }

  /** An earlier daemon has got as far as its first roll. */
  get used(): boolean {
    return this.#numbers(/^(?:state|unit)-(\d+)\.json$/).length > 0
  }

  /** Numbers of the rolls set aside, ascending. */
  units(): number[] {
    return this.#numbers(/^unit-(\d+)\.json$/)
  }

  readUnit(sequence: number): RollUnit {
    const unit = JSON.parse(readFileSync(this.#path(`unit-${digits(sequence)}.json`), 'utf8')) as RollUnit
    // Units of the first version do not say when their datagrams came.
    return { ...unit, arrivals: unit.arrivals ?? [] }
  }

  /** The checkpoint at the end of the last roll that is safe, given the last that is committed; the start of the log when there is none. */
  recover(committed: number): { readonly sequence: number; readonly checkpoint: Checkpoint } {
    const safe = Math.max(committed, this.units().at(-1) ?? -1)
    const path = this.#path(`state-${digits(safe)}.json`)
    const checkpoint = existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Checkpoint) : undefined
    return { sequence: safe, checkpoint: checkpoint ?? { position: LOG_START, state: undefined } }
  }

  /** Notes the end of a roll, before it is sent. */
  checkpoint(sequence: number, checkpoint: Checkpoint): void {
    replaceFile(this.#path(`state-${digits(sequence)}.json`), JSON.stringify(checkpoint))
  }

  /** Sets a roll aside: its blocks go into files. Returns the roll with its blocks in files. */
  setAside(unit: RollUnit): RollUnit {
    const blocks = unit.blocks.map((block, index) => this.#setBlockAside(unit.sequence, index, block))
    const aside = { ...unit, blocks }
    replaceFile(this.#path(`unit-${digits(unit.sequence)}.json`), JSON.stringify(aside))
    this.#safe(unit.sequence)
    return aside
  }

  /** Forgets a roll: it is committed. */
  committed(sequence: number): void {
    if (this.units().includes(sequence)) {
      const { blocks } = this.readUnit(sequence)
      this.#remove(`unit-${digits(sequence)}.json`)
      for (const { body } of blocks) if ('path' in body) rmSync(body.path, { force: true })
    }
    this.#safe(sequence)
  }

  /** Everything before the checkpoint of this roll is no longer needed. */
  #safe(sequence: number): void {
    const checkpoints = this.#numbers(/^state-(\d+)\.json$/)
    if (!checkpoints.includes(sequence)) return
    for (const older of checkpoints) if (older < sequence) this.#remove(`state-${digits(older)}.json`)
    const { position } = JSON.parse(readFileSync(this.#path(`state-${digits(sequence)}.json`), 'utf8')) as Checkpoint
    trimLog(this.folder, position)
  }

  #setBlockAside(sequence: number, index: number, block: WaitingBlock): WaitingBlock {
    if ('path' in block.body) return block
    const path = this.#path(`unit-${digits(sequence)}-${index}.block`)
    replaceFile(path, block.body)
    return { ...block, body: { path } }
  }

  #numbers(pattern: RegExp): number[] {
    const found = readdirSync(this.folder).flatMap((name) => pattern.exec(name)?.[1] ?? [])
    return found.map(Number).sort((a, b) => a - b)
  }

  #path(name: string): string {
    return join(this.folder, name)
  }

  #remove(name: string): void {
    rmSync(this.#path(name), { force: true })
  }
}

const digits = (sequence: number): string => String(sequence).padStart(12, '0')
