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

/** Ends the process silently once the reader of standard output is gone. */
export function tolerateClosedPipe(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error
    process.exit(0)
  })
}

let errors: NodeJS.WriteStream | undefined

/** Standard error, where a reader that is gone is ignored. Opened by who first has something to say: opening it takes a tenth of what starting Node does. */
export function standardError(): NodeJS.WriteStream {
  errors ??= process.stderr.on('error', () => {})
  return errors
}

/** Whether the system has taken all that was printed. */
export const isWritten = (): boolean => process.stdout.writableLength === 0 && !errors?.writableLength

/** How lines on standard error are written (`--log-format`). */
export type LogFormat = 'text' | 'json'

let logFormat: LogFormat = 'text'

export function setLogFormat(format: LogFormat): void {
  logFormat = format
}

/** Prints a line on standard error: a note, a warning, an error. Never data. */
export function note(message: string, level: 'info' | 'warning' | 'error' = 'info'): void {
  if (logFormat === 'json') {
    standardError().write(`${JSON.stringify({ time: new Date().toISOString(), level, message })}\n`)
    return
  }
  const prefix = { info: '', warning: 'warning: ', error: 'flowreduce: ' }[level]
  standardError().write(`${prefix}${message}\n`)
}
