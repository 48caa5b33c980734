import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Folder below which every worker of the tests has a folder for temporary files of its own (`own-temporary.ts`); gone when all tests are done. */
export function setup(): () => void {
  const root = mkdtempSync(join(tmpdir(), 'flowreduce-tests-'))
  process.env.FLOWREDUCE_TEST_ROOT = root
  return () => rmSync(root, { recursive: true, force: true, maxRetries: 3 })
}
