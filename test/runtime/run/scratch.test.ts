import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { claimScratch, SCRATCH_AGE_MS, sweepScratch } from '../../../src/runtime/run/scratch.ts'
import type { RunKit } from '../../kit/run-kit.ts'
import { createRunKit } from '../../kit/run-kit.ts'

let kit: RunKit
let root: string
beforeAll(async () => {
  kit = await createRunKit([])
  root = mkdtempSync(join(tmpdir(), 'scratch-'))
})
afterAll(() => {
  rmSync(root, { recursive: true })
  kit.remove()
})

/** A scratch folder whose process is no more. */
function abandoned(name: string, { store = kit.store.url, ageMs = 0, resumable = true } = {}): void {
  const folder = claimScratch({ scratch: root, name, run: name, store, resumable })
  const file = join(folder, 'owner.json')
  const owner = JSON.parse(readFileSync(file, 'utf8'))
  writeFileSync(file, JSON.stringify({ ...owner, holder: { ...owner.holder, started: 'long ago' } }))
  const at = new Date(Date.now() - ageMs)
  utimesSync(file, at, at)
}

it('sweeps the folders of runs that nobody needs, and no other', async () => {
  await kit.store.write('runs/resumable/plan.json', new Uint8Array(1))
  await kit.store.write('runs/old/plan.json', new Uint8Array(1))
  abandoned('resumable')
  abandoned('old', { ageMs: SCRATCH_AGE_MS + 60_000 })
  abandoned('removed')
  abandoned('look', { resumable: false })
  abandoned('elsewhere', { store: 's3://bucket/prefix' })
  abandoned('store-gone', { store: `file:${root}/no-such-store` })
  claimScratch({ scratch: root, name: 'live', run: 'live', store: kit.store.url, resumable: false })
  writeFileSync(join(root, 'a file of the user'), '')
  await sweepScratch(root, { store: kit.store, manifest: kit.manifest, now: Date.now() })
  expect(readdirSync(root).sort()).toEqual(['a file of the user', 'elsewhere', 'live', 'resumable'])
})

it('has nothing to sweep where there is no folder yet', async () => {
  await sweepScratch(join(root, 'none'), { store: kit.store, manifest: kit.manifest, now: Date.now() })
  expect(existsSync(join(root, 'none'))).toBe(false)
})

// Node 20 never comes back from `mkdir` with `recursive` where the system says ENOENT, as /proc does.
it.each(['/proc/none/such', '/etc/passwd/below'])('says which folder cannot be made: %s', (scratch) => {
  expect(() => claimScratch({ scratch, name: 'run', run: 'run', store: kit.store.url, resumable: false })).toThrowError(
    `scratch: expected a folder that can be written, got ${scratch}`,
  )
})
