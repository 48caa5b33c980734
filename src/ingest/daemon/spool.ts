import { randomUUID } from 'node:crypto'
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { join } from 'node:path'
import { IngestError } from '../error.ts'
import { frameHeader } from './frames.ts'
import type { RollUnit, WaitingBlock } from './unit.ts'

/**
 * The folder in which a daemon keeps what is not committed yet, so that a killed process loses next to nothing:
 *
 *     id                     names this spool in the manifest, so that two daemons never share transaction numbers
 *     lock                   process id of the daemon that uses the folder
 *     segment-<sequence>     the datagrams of one roll as they came, behind the state of the decoder when it began
 *     unit-<sequence>.json   a roll that waits for the store: its ledger, and its blocks in unit-<sequence>-<n>.block
 *
 * A roll with a unit file needs its segment no more; both go when the roll is committed. Only the death of the process is survived,
 * not that of the machine: nothing is synced.
 */
export class Spool {
  readonly id: string
  readonly #folder: string
  #segment: number | undefined
  #segmentBytes = 0

  private constructor(folder: string, id: string) {
    this.#folder = folder
    this.id = id
  }

  /** Opens or makes the folder. Throws IngestError `spool` when it cannot, or when another daemon uses it. */
  static open(folder: string): Spool {
    try {
      mkdirSync(folder, { recursive: true })
      lock(folder)
      const path = join(folder, 'id')
      if (!existsSync(path)) replaceFile(path, `${randomUUID()}\n`)
      return new Spool(folder, readFileSync(path, 'utf8').trim())
    } catch (error) {
      if (error instanceof IngestError) throw error
      throw new IngestError(
        'spool',
        `ingest: spool expected a folder that can be written, got ${folder}`,
        { folder },
        error,
      )
    }
  }

  /** Transaction numbers of segments and units that are here, ascending. */
  segments(): number[] {
    return this.#numbers(/^segment-(\d+)$/)
  }

  units(): number[] {
    return this.#numbers(/^unit-(\d+)\.json$/)
  }

  /** All bytes of a segment. */
  readSegment(sequence: number): Uint8Array {
    return readFileSync(this.#path(`segment-${number(sequence)}`))
  }

  /** A unit set aside earlier, its blocks in files. */
  readUnit(sequence: number): RollUnit {
    return JSON.parse(readFileSync(this.#path(`unit-${number(sequence)}.json`), 'utf8')) as RollUnit
  }

  /** Begins the segment of a roll (replacing one of that number) with the state of the decoder; the one before is closed. */
  begin(sequence: number, state: unknown): void {
    this.close()
    const path = this.#path(`segment-${number(sequence)}`)
    const body = Buffer.from(JSON.stringify(state))
    replaceFile(path, Buffer.concat([frameHeader('state', body), body]))
    this.#segment = openSync(path, 'a')
    this.#segmentBytes = body.length
  }

  /** Appends datagrams to the segment. */
  append(chunk: Uint8Array): void {
    if (this.#segment === undefined) throw new IngestError('spool', 'ingest: spool expected an open segment, got none')
    writeAll(this.#segment, frameHeader('chunk', chunk))
    writeAll(this.#segment, chunk)
    this.#segmentBytes += chunk.length
  }

  get segmentBytes(): number {
    return this.#segmentBytes
  }

  /** Sets a unit aside: its blocks go into files, and its segment is no longer needed. Returns the unit with its blocks in files. */
  setAside(unit: RollUnit): RollUnit {
    const blocks = unit.blocks.map((block, index) => this.#setBlockAside(unit.sequence, index, block))
    const aside = { ...unit, blocks }
    replaceFile(this.#path(`unit-${number(unit.sequence)}.json`), JSON.stringify(aside))
    this.#remove(`segment-${number(unit.sequence)}`)
    return aside
  }

  /** Forgets a roll: it is committed. */
  forget(sequence: number): void {
    const unit = this.#path(`unit-${number(sequence)}.json`)
    if (existsSync(unit)) {
      const { blocks } = this.readUnit(sequence)
      rmSync(unit)
      for (const { body } of blocks) if ('path' in body) rmSync(body.path, { force: true })
    }
    this.#remove(`segment-${number(sequence)}`)
  }

  close(): void {
    if (this.#segment !== undefined) closeSync(this.#segment)
    this.#segment = undefined
  }

  /** Closes the folder for the next daemon. */
  release(): void {
    this.close()
    this.#remove('lock')
  }

  #setBlockAside(sequence: number, index: number, block: WaitingBlock): WaitingBlock {
    if ('path' in block.body) return block
    const path = this.#path(`unit-${number(sequence)}-${index}.block`)
    replaceFile(path, block.body)
    return { ...block, body: { path } }
  }

  #numbers(pattern: RegExp): number[] {
    const found = readdirSync(this.#folder).flatMap((name) => pattern.exec(name)?.[1] ?? [])
    return found.map(Number).sort((a, b) => a - b)
  }

  #path(name: string): string {
    return join(this.#folder, name)
  }

  #remove(name: string): void {
    rmSync(this.#path(name), { force: true })
  }
}

const number = (sequence: number): string => String(sequence).padStart(12, '0')

/** Writes a file whole or not at all. */
function replaceFile(path: string, body: string | Uint8Array): void {
  const temporary = `${path}.tmp`
  writeFileSync(temporary, body)
  renameSync(temporary, path)
}

function writeAll(file: number, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at)
}

/** A lock left by a process that is gone is taken over, also when its number belongs to another process by now. */
function lock(folder: string): void {
  const path = join(folder, 'lock')
  const [holder = 0, begun = 0] = existsSync(path) ? readFileSync(path, 'utf8').split(' ').map(Number) : []
  if (holder > 0 && holder !== process.pid && isRunning(holder) && begun === startedAt(holder)) {
    const message = `ingest: spool ${folder} expected to be free, got in use by process ${holder}`
    throw new IngestError('spool', message, { folder })
  }
  replaceFile(path, `${process.pid} ${startedAt(process.pid)}`)
}

/** When a process began, in clock ticks since boot (Linux: field 22 of /proc/<pid>/stat); 0 where that is not told. */
function startedAt(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19])
  } catch {
    return 0
  }
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}
