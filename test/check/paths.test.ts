import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
/** A file of the project, named from its root, as comments and pages do. */
const PATH = /(?<![\w./-])(?:src|assembly|bench|docs|scripts)\/[\w./-]+\.(?:ts|mjs|md|sh|py|c)\b/g

const filesBelow = (folder: string): string[] =>
  readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.(?:ts|mjs|md|sh)$/.test(name))
    .map((name) => join(folder, name))

it('comments and pages name files that are there', () => {
  const files = ['src', 'assembly', 'bench', 'docs', 'scripts'].flatMap(filesBelow)
  const named = files.flatMap((file) =>
    (readFileSync(join(ROOT, file), 'utf8').match(PATH) ?? []).map((path) => ({ file, path })),
  )
  expect(named.length).toBeGreaterThan(50)
  expect(named.filter(({ path }) => !existsSync(join(ROOT, path)))).toEqual([])
})
