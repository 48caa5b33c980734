import { once } from 'node:events'
import type { Output } from '../report/row-writer.ts'

/**
 * Standard output as an `Output`. A reader that goes away (`| head`) ends the process silently, as a well-behaved filter does;
 * whatever was to be stored has been stored before the first row is printed.
 */
export function standardOutput(): Output {
  return {
    async write(chunk) {
      if (chunk.length > 0 && !process.stdout.write(chunk)) await once(process.stdout, 'drain')
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

/** Whether the system has taken all that was printed. */
export const isWritten = (): boolean => process.stdout.writableLength === 0 && process.stderr.writableLength === 0

/** How lines on standard error are written (`--log-format`). */
export type LogFormat = 'text' | 'json'

let logFormat: LogFormat = 'text'

export function setLogFormat(format: LogFormat): void {
  logFormat = format
}

/** Prints a line on standard error: a note, a warning, an error. Never data. */
export function note(message: string, level: 'info' | 'warning' | 'error' = 'info'): void {
  if (logFormat === 'json') {
    process.stderr.write(`${JSON.stringify({ time: new Date().toISOString(), level, message })}\n`)
    return
  }
  const prefix = { info: '', warning: 'warning: ', error: 'flowreduce: ' }[level]
  process.stderr.write(`${prefix}${message}\n`)
}
