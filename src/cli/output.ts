import { once } from 'node:events'
import type { Output } from '../report/row-writer.ts'

/**
 * Standard output as an `Output`. A reader that goes away (`| head`) ends the process silently, as a well-behaved filter does;
 * whatever was to be stored has been stored before the first row is printed.
 */
export function standardOutput(): Output {
  return {
    async write(text) {
      if (text !== '' && !process.stdout.write(text)) await once(process.stdout, 'drain')
    },
  }
}

/** Ends the process silently once the reader of standard output is gone; a reader of standard error that is gone is ignored. */
export function tolerateClosedPipes(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(0)
  })
  process.stderr.on('error', () => {})
}

/** Prints a line on standard error: logs, warnings, progress. Never data. */
export function note(line: string): void {
  process.stderr.write(`${line}\n`)
}
