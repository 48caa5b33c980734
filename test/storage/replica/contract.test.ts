import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openStore } from '../../../src/storage/open.ts'
import { storeContract } from '../store-contract.ts'

storeContract(
  'replica of two folders',
  async () => {
    const folder = await mkdtemp(join(tmpdir(), 'flowreduce-replica-'))
    const url = `replica:factor=2,file:${folder}/a,file:${folder}/b`
    return { store: await openStore(url), reopen: () => openStore(url), close: () => rm(folder, { recursive: true }) }
  },
  { largeBytes: 3_000_000 },
)

storeContract(
  'replica of three memory stores',
  async () => {
    const url = 'replica:factor=2,memory:contract-a,memory:contract-b,memory:contract-c'
    return { store: await openStore(url), reopen: () => openStore(url), close: async () => undefined }
  },
  { largeBytes: 3_000_000 },
)

storeContract(
  'blocks in a replica of three memory stores',
  async () => {
    const url = 'replica:factor=2,memory:blocks-a,memory:blocks-b,memory:blocks-c'
    return { store: await openStore(url), reopen: () => openStore(url), close: async () => undefined }
  },
  { largeBytes: 3_000_000, prefix: 'data/' },
)
