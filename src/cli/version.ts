import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The folder of the installed package: the nearest one above this module that holds the package.json of flowreduce. */
export function packageFolder(): string {
  for (let folder = new URL('.', import.meta.url); ; folder = new URL('..', folder)) {
    if (existsSync(new URL('package.json', folder)) || folder.pathname === '/') return fileURLToPath(folder)
  }
}

/** The version of the installed package. */
export function packageVersion(): string {
  const { version }: { version?: unknown } = JSON.parse(readFileSync(`${packageFolder()}package.json`, 'utf8'))
  return String(version)
}
