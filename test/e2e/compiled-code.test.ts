import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Script } from 'node:vm'
import { expect, it } from 'vitest'
import { cacheOf } from '../../src/launch.ts'
import { CLI } from './command.ts'

const DIST = dirname(CLI)
const PIECES = ['actions', 'cli', 'compact-worker', 's3', 'sdk', 'worker']

it('programs have compiled code that this Node takes, and start without flags that would make it refuse', () => {
  const caches = readdirSync(DIST).filter((name) => name.endsWith('.cache'))
  expect(caches.sort().map((name) => name.replace(/\.cache$/, ''))).toEqual(PIECES)
  for (const name of caches) {
    const filename = join(DIST, name.replace(/cache$/, 'cjs'))
    const cachedData = readFileSync(cacheOf(filename))
    const script = new Script(readFileSync(filename, 'latin1'), { filename, cachedData })
    expect(script.cachedDataRejected).toBe(false)
  }
  for (const name of ['cli.js', 'compact-worker.js', 'worker.js'])
    expect(readFileSync(join(DIST, name), 'utf8')).not.toContain('setFlags')
})
