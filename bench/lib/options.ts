/** The value after `--name` on the command line of a benchmark. */
export function textOption(name: string, fallback: string): string {
  const at = process.argv.indexOf(`--${name}`)
  return at < 0 ? fallback : (process.argv[at + 1] ?? fallback)
}

export const numberOption = (name: string, fallback: number): number => Number(textOption(name, String(fallback)))

/** Datagrams a second, rising, after `--rates`. */
export const ratesOption = (fallback: string): number[] => textOption('rates', fallback).split(',').map(Number)
