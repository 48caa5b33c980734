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
  // Node 20 says that the path leads through a file, later ones that the folder above is a file.
  expect(() => makeFolder(join(root, 'file', 'below'))).toThrowError(/ENOTDIR.*below|EEXIST.*file/)
  expect(() => makeFolder('/proc/none/such')).toThrowError(/ENOENT/)
})
