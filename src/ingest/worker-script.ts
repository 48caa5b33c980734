import { existsSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** The built script `<name>.js` of a worker thread, or undefined when this runs from the sources. */
export function workerScript(name: string): URL | undefined {
  const places = [`./${name}.js`, `../${name}.js`].map((path) => new URL(path, import.meta.url))
  return places.find((url) => url.protocol === 'file:' && existsSync(fileURLToPath(url)))
}
