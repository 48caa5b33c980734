import { basename } from 'node:path'
import { expect, it } from 'vitest'
import { openStore } from '../../src/storage/open.ts'
import { storeContract } from '../storage/store-contract.ts'
import { BUCKET, SERVERS, type ServerName, serverBinary, startServer } from './servers.ts'

const started: ServerName[] = []

for (const name of SERVERS) {
  storeContract(name, async () => {
    const server = await startServer(name)
    started.push(name)
    const url = `s3://${BUCKET}/some/prefix?endpoint=${server.endpoint}`
    return { store: await openStore(url), reopen: () => openStore(url), close: () => server.stop() }
  })
}

it('ran on every real server, each of which started', () => {
  expect(started).toEqual(SERVERS)
  const binaries = started.map((name) => basename(serverBinary(name)))
  console.log(`store contract: ran on ${binaries.join(', ')}; on file, memory, replica and the S3 stub in npm test`)
})
