import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { inputsOf, isBuilt, noteBuilt } from '../../scripts/fingerprint.mjs'

let root: string
const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
}
const isFresh = (): boolean => isBuilt(root, inputsOf(root))

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'flowreduce-fingerprint-'))
  for (const path of ['src/a.ts', 'src/b/c.ts', 'assembly/k.ts', 'package-lock.json', 'dist/cli.js', 'dist/jobs/j.mjs'])
    write(path, path)
  noteBuilt(root, inputsOf(root))
})
afterEach(() => rmSync(root, { recursive: true }))

it('finds a build of the same inputs, whatever script was run since', () => {
  expect(isFresh()).toBe(true)
  write('dist/scripts/docs.mjs', 'bundled')
  write('docs/cli.md', 'no input')
  expect(isFresh()).toBe(true)
})

it.each(['src/b/c.ts', 'assembly/k.ts', 'package-lock.json', 'package.json', 'src/new.ts', 'scripts/build.mjs'])(
  'builds again when %s changed or is new',
  (path) => {
    write(path, 'changed')
    expect(isFresh()).toBe(false)
  },
)

it('builds again when an input is gone or moved, or an output is gone, changed or new', () => {
  rmSync(join(root, 'src/a.ts'))
  expect(isFresh()).toBe(false)
  write('src/b/a.ts', 'src/a.ts')
  expect(isFresh()).toBe(false)
  rmSync(join(root, 'src/b/a.ts'))
  write('src/a.ts', 'src/a.ts')
  expect(isFresh()).toBe(true)
  rmSync(join(root, 'dist/jobs'), { recursive: true })
  expect(isFresh()).toBe(false)
  write('dist/jobs/j.mjs', 'another')
  expect(isFresh()).toBe(false)
})

it('does not take a build that was cut short for a whole one', () => {
  rmSync(join(root, 'dist'), { recursive: true })
  write('dist/cli.js', 'dist/cli.js')
  expect(isFresh()).toBe(false)
})
