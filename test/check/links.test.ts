import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const pages = ['README.md', ...readdirSync(join(ROOT, 'docs')).map((name) => join('docs', name))].filter((path) =>
  path.endsWith('.md'),
)

describe('pages', () => {
  it('link only to files that are there', () => {
    const broken: string[] = []
    for (const page of pages) {
      const text = readFileSync(join(ROOT, page), 'utf8')
      for (const [, target = ''] of text.matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
        if (/^[a-z]+:/.test(target)) continue
        if (!existsSync(join(ROOT, dirname(page), target))) broken.push(`${page}: ${target}`)
      }
    }
    expect(pages.length).toBeGreaterThan(3)
    expect(broken).toEqual([])
  })
})
