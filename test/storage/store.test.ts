import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from '../../src/storage/open.ts'
import { stubCredentials } from './s3-settings.ts'
import { startS3Stub } from './s3-stub.ts'
import { storeContract } from './store-contract.ts'

storeContract('file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'flowreduce-file-'))
  const url = `file:${folder}/deep/store`
  return {
    store: await openStore(url),
    reopen: () => openStore(url),
    close: () => rm(folder, { recursive: true }),
  }
})

storeContract('memory', async () => {
  const store = await openStore('memory:')
  return { store, reopen: () => openStore(store.url), close: async () => undefined }
})

storeContract('s3 stub', async () => {
  const stub = await startS3Stub()
  stubCredentials()
  const url = `s3://bucket/some/prefix?endpoint=${stub.endpoint}`
  return { store: await openStore(url), reopen: () => openStore(url), close: () => stub.close() }
})
