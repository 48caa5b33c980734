import { readFileSync } from 'node:fs'
import { SourceMap } from 'node:module'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { installation } from './installation.ts'

/** Where an error comes from in the user's own files. */
export interface SourcePlace {
  /** `my-job.ts:12:5`, relative to the folder of the job file. */
  readonly place: string
  /** The stack with the bundle's positions replaced by those of the files it was made from. */
  readonly stack: string
}

/** One frame of a stack: a place in a file or a bundle. */
const FRAME = /(file:\/\/[^\s()]+|bundle:[^\s():]+|\/[^\s():]+):(\d+):(\d+)/

/** What stacks call a bundle: V8 keeps the name with its code, so it must not depend on where a copy lies. */
export const nameOf = (bundle: string): string => `bundle:${basename(bundle)}`

/** Finds the places of a bundle's code in its sources. The map is read when the first error asks for it. */
export class Tracer {
  readonly #path: string
  #map: SourceMap | undefined

  constructor(bundle: string) {
    this.#path = bundle
  }

  /** The first frame of an error that lies in the user's files; undefined when it has none. */
  locate(error: unknown): SourcePlace | undefined {
    if (!(error instanceof Error) || !error.stack) return undefined
    let place: string | undefined
    const lines = error.stack.split('\n').map((line) => {
      const match = FRAME.exec(line)
      const found = match && this.#find(match[1]!, Number(match[2]), Number(match[3]))
      if (!found) return line
      if (!found.isLibrary) place ??= found.place
      return line.replace(match[0], found.place)
    })
    return place === undefined ? undefined : { place, stack: lines.join('\n') }
  }

  #find(file: string, line: number, column: number): { place: string; isLibrary: boolean } | undefined {
    if (file !== nameOf(this.#path)) return undefined
    this.#map ??= new SourceMap(JSON.parse(readFileSync(`${this.#path}.map`, 'utf8')))
    const entry = this.#map.findEntry(line - 1, column - 1)
    if (!('originalSource' in entry) || entry.originalSource === undefined) return undefined
    return placeIn(entry.originalSource, entry.originalLine + 1, entry.originalColumn + 1)
  }
}

function placeIn(source: string, line: number, column: number): { place: string; isLibrary: boolean } {
  const isLibrary = source.includes('node_modules/')
  return { place: `${source}:${line}:${column}`, isLibrary }
}

/** The path in a frame, which may be a URL with a query. */
function pathOf(file: string): string {
  return file.startsWith('file:') ? fileURLToPath(file.replace(/\?.*$/, '')) : file
}

/** As `Tracer.locate` for jobs that run from their files, as in tests: the first frame outside this installation's own code. */
export function locateInFiles(error: unknown): SourcePlace | undefined {
  if (!(error instanceof Error) || !error.stack) return undefined
  const { code } = installation()
  for (const line of error.stack.split('\n').slice(1)) {
    const match = FRAME.exec(line)
    if (!match || line.includes('eval at ')) continue
    const path = pathOf(match[1]!)
    if (!path.startsWith(`${code}/`) || path.startsWith(`${code}/jobs/`))
      return { place: `${path}:${match[2]}:${match[3]}`, stack: error.stack }
  }
  return undefined
}
