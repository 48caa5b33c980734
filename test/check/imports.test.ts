import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const SOURCE = fileURLToPath(new URL('../../src', import.meta.url))

/** What each part may import beside itself (docs/decisions.md). `index` and `testing` are the package entries. */
const ALLOWED: { readonly [part: string]: readonly string[] } = {
  launch: [],
  kernels: [],
  flow: ['kernels'],
  vocabulary: ['flow'],
  index: ['vocabulary', 'flow'],
  storage: ['flow', 'kernels'],
  ingest: ['storage', 'flow', 'kernels'],
  runtime: ['launch', 'index', 'vocabulary', 'storage', 'flow', 'kernels'],
  testing: ['index', 'runtime', 'storage', 'flow'],
  report: ['runtime', 'index', 'vocabulary', 'storage', 'flow', 'kernels'],
  jobs: ['index'],
  cli: ['jobs', 'report', 'runtime', 'ingest', 'index', 'vocabulary', 'storage', 'flow', 'kernels'],
}

const files = readdirSync(SOURCE, { recursive: true, encoding: 'utf8' }).filter((path) => path.endsWith('.ts'))

const partOf = (path: string): string =>
  path.includes('/') ? path.slice(0, path.indexOf('/')) : path.replace(/\.ts$/, '')

/** Relative imports of a source file, as paths below src/. */
function importsOf(path: string): string[] {
  const text = readFileSync(join(SOURCE, path), 'utf8')
  const specifiers = [...text.matchAll(/(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g)].map((match) => match[1] ?? '')
  return specifiers.map((specifier) => relative(SOURCE, resolve(SOURCE, dirname(path), specifier)))
}

describe('imports', () => {
  it('go one way between the parts of src/', () => {
    const wrong: string[] = []
    for (const path of files) {
      const part = partOf(path)
      const allowed = ALLOWED[part]
      if (!allowed) wrong.push(`${path}: a part without a rule`)
      for (const target of importsOf(path)) {
        const other = partOf(target)
        if (other !== part && !allowed?.includes(other)) wrong.push(`${path} imports ${target}`)
      }
    }
    expect(files.length).toBeGreaterThan(5)
    expect(wrong).toEqual([])
  })

  it('form no cycle between files, types apart', () => {
    const graph = new Map(files.map((path) => [path, valueImportsOf(path)]))
    const cycles: string[] = []
    const state = new Map<string, 'open' | 'done'>()
    const visit = (path: string, trail: readonly string[]): void => {
      if (state.get(path) === 'done') return
      if (state.get(path) === 'open') {
        cycles.push([...trail.slice(trail.indexOf(path)), path].join(' -> '))
        return
      }
      state.set(path, 'open')
      for (const target of graph.get(path) ?? []) visit(target, [...trail, path])
      state.set(path, 'done')
    }
    for (const path of files) visit(path, [])
    expect(cycles).toEqual([])
  })
})

/** As `importsOf`, without `import type`. */
function valueImportsOf(path: string): string[] {
  const text = readFileSync(join(SOURCE, path), 'utf8').replace(
    /(?:import|export)\s+type\s[^'"]*from\s*['"][^'"]+['"]/g,
    '',
  )
  return [...text.matchAll(/from\s*['"](\.[^'"]+)['"]/g)].map((match) =>
    relative(SOURCE, resolve(SOURCE, dirname(path), match[1] ?? '')),
  )
}
