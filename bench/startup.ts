/**
 * What starting costs: `node -e 0`, `flowreduce --help` and a run over an empty store in turn, without a configuration and with the example of this repository, as CPU and wall time and as
 * ratios to the first.
 *
 *   npm run build && node scripts/run-ts.mjs bench/startup.ts [rounds]
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openManifest } from '../src/storage/manifest/manifest.ts'
import { openStore } from '../src/storage/open.ts'
import { realSystem } from '../src/storage/system.ts'
import { interleave } from './lib/measure.ts'

const rounds = Number(process.argv[2] ?? 9)
const root = fileURLToPath(new URL('../..', import.meta.url))
const cli = join(root, 'dist', 'cli.js')
const folder = mkdtempSync(join(tmpdir(), 'flowreduce-startup-'))
const url = `file:${join(folder, 'store')}`
await openManifest(await openStore(url), { system: realSystem(), create: true })

const run = ['run', 'port-breakdown', '--store', url, '--format', 'json', '--quiet']
const measured = interleave(
  [
    { name: 'node -e 0', command: [process.execPath, '-e', '0'] },
    { name: 'flowreduce --help', command: [process.execPath, cli, '--help'] },
    { name: 'run over an empty store', command: [process.execPath, cli, ...run], folder },
    { name: 'with a configuration', command: [process.execPath, cli, ...run], folder: root },
  ],
  rounds,
  folder,
)
rmSync(folder, { recursive: true })

const [bare] = measured
for (const { name, cpu, wall } of measured) {
  const ratios = [cpu / bare!.cpu, wall / bare!.wall].map((ratio) => `${ratio.toFixed(2)} x`)
  console.log(`${name.padEnd(26)} cpu ${cpu.toFixed(3)} s (${ratios[0]})  wall ${wall.toFixed(3)} s (${ratios[1]})`)
}
