import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'

const source = (path: string): string => fileURLToPath(new URL(path, import.meta.url))
const alias = { 'flowreduce/testing': source('./src/testing.ts'), flowreduce: source('./src/index.ts') }

/** The projects by what they need: `check` and `unit` need Node alone and are `npm test`; the others need what `.ci/run` installs. */
const project = (name: string, include: string[], testTimeout = 30_000, exclude: string[] = []) => ({
  resolve: { alias },
  test: {
    name,
    include,
    exclude,
    testTimeout,
    // Files share the modules of their worker; loading all of them anew for each took a fifth of the time.
    isolate: false,
    setupFiles: [source('./test/kit/own-temporary.ts')],
    hookTimeout: 60_000,
  },
})

const special = [
  'test/check/**',
  'test/captures/**',
  'test/servers/**',
  'test/peers/**',
  'test/soak/**',
  'test/fixtures/**',
]

export default defineConfig({
  test: {
    globalSetup: [source('./test/kit/temporary-root.ts')],
    // Most tests wait for processes, servers or timers some of the time.
    maxWorkers: Math.ceil(availableParallelism() * 1.5),
    projects: [
      project('check', ['test/check/**/*.test.ts']),
      project('unit', ['test/**/*.test.ts'], 60_000, special),
      project('captures', ['test/captures/**/*.test.ts'], 120_000),
      project('servers', ['test/servers/**/*.test.ts'], 300_000),
      project('peers', ['test/peers/**/*.test.ts'], 300_000),
      project('soak', ['test/soak/**/*.test.ts'], 3_600_000),
    ],
  },
})
