import { openStore } from '../../src/storage/open.ts'
import { storeContract } from '../storage/store-contract.ts'
import { BUCKET, SERVERS, startServer } from './servers.ts'

for (const name of SERVERS) {
  storeContract(name, async () => {
    const server = await startServer(name)
    const url = `s3://${BUCKET}/some/prefix?endpoint=${server.endpoint}`
    return { store: await openStore(url), reopen: () => openStore(url), close: () => server.stop() }
  })
}
