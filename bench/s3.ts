/**
 * npm run bench:s3 -- [--flows 4000000] [--rounds 3]: the same jobs over files and over a MinIO on loopback, whose folder lies on the same disk, and how fast that
 * server hands out what a run reads to a client that drops it.
 */
import { knowOptions, numberOption } from './lib/options.ts'
import { overMinio, READERS } from './lib/s3.ts'
import { prepareSetting } from './lib/setting.ts'

knowOptions('flows', 'rounds')
const GOAL = 0.7

const setting = prepareSetting({ flows: numberOption('flows', 4_000_000), rounds: numberOption('rounds', 3) })
for (const { form, file, minio, serverCpu, limit, bound } of await overMinio(setting)) {
  const figures = [file, minio].map(
    ({ name, wall, cpu }) => `${name} ${wall.toFixed(2)} s (${cpu.toFixed(2)} s of CPU)`,
  )
  console.log(`${form}: ${figures.join(', ')}: ${(file.wall / minio.wall).toFixed(2)} x, goal ${GOAL}`)
  const { reads, requests, bytes, seconds, clientCpu } = limit
  const [megabytes, cpu] = [bytes / 1e6, `${limit.serverCpu.toFixed(2)} s of its CPU, ${clientCpu.toFixed(2)} of ours`]
  const rate = `${(megabytes / seconds).toFixed(0)} MB/s, ${READERS} at a time`
  console.log(`${form}: a run sends ${requests} requests, ${reads} of them reads of blocks or results`)
  console.log(
    `${form}: the server alone hands out their ${megabytes.toFixed(0)} MB in ${seconds.toFixed(2)} s: ${rate}, ${cpu}`,
  )
  console.log(
    `${form}: the server took ${serverCpu.toFixed(2)} s of CPU for a run; with a client that drops all bytes: ${bound.toFixed(2)} x at most`,
  )
}
