import type { S3Limits } from '../../src/storage/s3/caller.ts'
import { openS3Store } from '../../src/storage/s3/s3-store.ts'
import type { ObjectStore } from '../../src/storage/store.ts'
import { seededSystem } from '../../src/storage/system.ts'
import type { S3Stub } from './s3-stub.ts'

export const ACCESS_KEY = 'testkey01'
export const SECRET_KEY = 'testsecret0123456'

/** Sets the credentials of the tests, and nothing else of the machine's AWS settings counts. */
export function stubCredentials(): void {
  for (const name of Object.keys(process.env)) if (name.startsWith('AWS_')) delete process.env[name]
  process.env.AWS_ACCESS_KEY_ID = ACCESS_KEY
  process.env.AWS_SECRET_ACCESS_KEY = SECRET_KEY
  process.env.AWS_CONFIG_FILE = '/dev/null'
  process.env.AWS_SHARED_CREDENTIALS_FILE = '/dev/null'
}

/** A store on the stub that waits between tries by a virtual clock. */
export function stubStore(stub: S3Stub, limits: Partial<S3Limits> = {}, parameters = ''): ObjectStore {
  stubCredentials()
  const url = `s3://bucket/p?endpoint=${stub.endpoint}${parameters}`
  return openS3Store({ url, system: seededSystem(1), limits })
}
