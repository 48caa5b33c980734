// Tells whether dist/ is what the build would make again, so that a build of nothing new ends at once.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** What dist/ is made from; the installed packages stand in their lockfiles. */
const INPUTS = [
  'assembly',
  'scripts',
  'src',
  'node_modules/.package-lock.json',
  'package-lock.json',
  'package.json',
  'tsconfig.json',
  'tsconfig.types.json',
]
/** Scripts that were bundled to be run, by `run-ts.mjs`; they come and go. */
const PASSING = 'dist/scripts'
const NOTE = 'dist/.fingerprint'

/** Files at or below a path, sorted; none when there is nothing. */
function filesOf(root, path) {
  if (path === PASSING || path === NOTE) return []
  const found = join(root, path)
  if (!existsSync(found)) return []
  if (!statSync(found).isDirectory()) return [path]
  return readdirSync(found)
    .sort()
    .flatMap((name) => filesOf(root, `${path}/${name}`))
}

/** A hash of the content of everything that a build reads, of the compiler that it runs, and of V8, whose code it keeps. */
export function inputsOf(root) {
  const hash = createHash('sha256').update(`${process.version} ${process.versions.v8} ${process.arch}\n`)
  for (const path of INPUTS.flatMap((input) => filesOf(root, input))) {
    const content = readFileSync(join(root, path))
    hash.update(`${path} ${content.length}\n`).update(content)
  }
  return hash.digest('hex')
}

/** A hash of names, sizes and times of what a build left. */
function outputsOf(root) {
  const hash = createHash('sha256')
  for (const path of filesOf(root, 'dist')) {
    const { size, mtimeMs } = statSync(join(root, path))
    hash.update(`${path} ${size} ${mtimeMs}\n`)
  }
  return hash.digest('hex')
}

/** Notes that dist/ was made from inputs with this hash. */
export function noteBuilt(root, inputs) {
  writeFileSync(join(root, NOTE), `${inputs} ${outputsOf(root)}\n`)
}

/** Whether dist/ was made from inputs with this hash, and is as it was then. */
export function isBuilt(root, inputs) {
  const note = join(root, NOTE)
  return existsSync(note) && readFileSync(note, 'utf8') === `${inputs} ${outputsOf(root)}\n`
}
