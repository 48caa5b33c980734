import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { makeFolder } from '../../src/storage/make-folder.ts'

const root = mkdtempSync(join(tmpdir(), 'make-folder-'))
afterAll(() => rmSync(root, { recursive: true }))

it('makes a folder with those above it, and takes one that is there', () => {
  const folder = join(root, 'a', 'b', 'c')
  makeFolder(folder)
  makeFolder(folder)
  expect(statSync(folder).isDirectory()).toBe(true)
})

it('throws where a folder cannot be, instead of trying for ever', () => {
  writeFileSync(join(root, 'file'), '')
  expect(() => makeFolder(join(root, 'file'))).toThrowError(/EEXIST/)
  expect(() => makeFolder(join(root, 'file', 'below'))).toThrowError(/EEXIST/)
  expect(() => makeFolder('/proc/none/such')).toThrowError(/ENOENT/)
})
