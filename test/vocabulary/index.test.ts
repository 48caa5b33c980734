import { readFileSync } from 'node:fs'
import { dirname, relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import * as vocabulary from '../../src/index.ts'

const SOURCE = fileURLToPath(new URL('../../src', import.meta.url))

/** Every file that a file reaches by imports of values, and every package or builtin that they import. */
function reach(
  file: string,
  files = new Set<string>(),
  packages = new Set<string>(),
): { files: Set<string>; packages: Set<string> } {
  if (files.has(file)) return { files, packages }
  files.add(file)
  const text = readFileSync(file, 'utf8').replace(/(?:import|export)\s+type\s[^'"]*from\s*['"][^'"]+['"]/g, '')
  for (const [, specifier] of text.matchAll(/(?:from|import|require)\s*\(?\s*['"]([^'"]+)['"]/g)) {
    if (specifier!.startsWith('.')) reach(resolve(dirname(file), specifier!), files, packages)
    else packages.add(specifier!)
  }
  return { files, packages }
}

describe('the vocabulary', () => {
  const { files, packages } = reach(`${SOURCE}/index.ts`)

  it('reaches no builtin of Node and no package but zod', () => {
    expect(files.size).toBeGreaterThan(10)
    expect([...packages]).toEqual(['zod'])
  })

  it('uses nothing that does I/O or exists in Node alone', () => {
    for (const file of files) {
      const text = readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
      expect([
        relative(SOURCE, file),
        /\b(?:Buffer|process|require|fetch|Worker|setTimeout|WebAssembly)\b/.exec(text)?.[0],
      ]).toEqual([relative(SOURCE, file), undefined])
    }
  })

  it('exports what job and configuration files are written with', () => {
    expect(Object.keys(vocabulary).sort()).toMatchInlineSnapshot(`
      [
        "FLOW_FLAGS",
        "JobError",
        "NO_ADDRESS",
        "address",
        "boolean",
        "compareAddress",
        "count",
        "defineAggregate",
        "defineConfig",
        "defineJob",
        "distinct",
        "duration",
        "durationMs",
        "estimate",
        "floorTime",
        "formatAddress",
        "formatInstant",
        "i53",
        "i64",
        "instant",
        "isIPv6",
        "lookup",
        "max",
        "min",
        "prefix",
        "prorate",
        "quantile",
        "sharesOf",
        "sum",
        "text",
        "timeBin",
        "top",
        "u16",
        "u32",
        "u53",
        "u64",
        "u8",
      ]
    `)
  })
})
