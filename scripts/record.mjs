// Keeps the code that V8 compiles of a program, in a build that is being trained.
import { writeFileSync } from 'node:fs'
import { setFlagsFromString } from 'node:v8'
import { isMainThread, parentPort } from 'node:worker_threads'
import { cacheOf } from '../src/launch.ts'

// V8 would throw away what ran long ago.
setFlagsFromString('--no-flush-bytecode')

/** The same program, which writes its compiled code at the end of the process, after each attempt of a worker, or, where a worker exports none, whenever it is told to go on. */
export function record(program) {
  const write = () => {
    // The code is only taken under the flags that it was made with, which are those of every day.
    setFlagsFromString('--flush-bytecode')
    for (const { path, script } of program.pieces) writeFileSync(cacheOf(path), script.createCachedData())
    setFlagsFromString('--no-flush-bytecode')
  }
  if (isMainThread) {
    process.on('exit', () => {
      write()
      // What keeps the code of jobs comes after this.
      setFlagsFromString('--flush-bytecode')
    })
    return program
  }
  const { default: attempt } = program.exports
  if (!attempt) {
    parentPort?.on('message', write)
    return program
  }
  const recorded = async (request) => {
    const reply = await attempt(request)
    write()
    return reply
  }
  program.exports = { __esModule: true, default: recorded }
  return program
}
