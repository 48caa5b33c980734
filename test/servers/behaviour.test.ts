import { get } from 'node:http'
import { GetObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStore } from '../../src/storage/open.ts'
import { openS3Store } from '../../src/storage/s3/s3-store.ts'
import type { ObjectStore } from '../../src/storage/store.ts'
import { BUCKET, type RunningServer, SERVERS, startServer, useTestCredentials } from './servers.ts'

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text)

for (const name of SERVERS) {
  describe(`${name}, beyond the store contract`, () => {
    let server: RunningServer
    let store: ObjectStore
    const urlOf = (prefix: string): string => `s3://${BUCKET}/${prefix}?endpoint=${server.endpoint}`

    beforeAll(async () => {
      server = await startServer(name)
      store = await openStore(urlOf('p'))
    })
    afterAll(() => server?.stop())

    it('lets a removal through behind a reader that stalls', async () => {
      await store.write('stalled', new Uint8Array(64 * 1024 * 1024))
      const { Body } = await server.client.send(new GetObjectCommand({ Bucket: BUCKET, Key: 'p/stalled' }))
      try {
        await store.remove('stalled')
        expect(await store.stat('stalled')).toBeUndefined()
      } finally {
        if (Body && 'destroy' in Body) Body.destroy()
      }
    })

    it('is not held up by readers of this store, whose bodies are drained', async () => {
      await store.write('read', new Uint8Array(16 * 1024 * 1024))
      await Promise.all(
        Array.from({ length: 8 }, (_, i) => store.read('read', { offset: i * 1000, length: 5_000_000 })),
      )
      await store.write('read', new Uint8Array(1))
      expect((await store.read('read')).length).toBe(1)
    })

    it('keeps every acknowledged object through kill -9, and shows none in part', async () => {
      const acknowledged = new Set<string>()
      const body = new Uint8Array(2_000_000).fill(7)
      let stopping = false
      const write = async (writer: number): Promise<void> => {
        for (let i = 0; !stopping; i++) {
          const key = `killed/w${writer}-${String(i).padStart(4, '0')}`
          const stored = await openS3Store({ url: urlOf('p'), limits: { attempts: 1 } })
            .write(key, body, { ifAbsent: true })
            .then(
              () => true,
              () => false,
            )
          if (stored) acknowledged.add(key)
        }
      }
      const writers = [1, 2, 3, 4].map(write)
      while (acknowledged.size < 12) await new Promise((resolve) => setTimeout(resolve, 20))
      const restarted = server.restart()
      stopping = true
      await Promise.all([...writers, restarted])
      for await (const { key, sizeBytes } of store.list('killed/')) {
        expect(sizeBytes).toBe(body.length)
        expect(Buffer.compare(await store.read(key), body)).toBe(0)
        acknowledged.delete(key)
      }
      expect([...acknowledged]).toEqual([])
    })

    it('goes on with a store that is open while the server starts again', async () => {
      await store.write('restart/a', bytesOf('before'))
      const restarted = server.restart()
      const [read] = await Promise.all([store.read('restart/a'), restarted])
      expect(read).toEqual(bytesOf('before'))
    })

    it('keeps two stores of one bucket apart', async () => {
      const [one, two] = [await openStore(urlOf('apart')), await openStore(urlOf('apart-2'))]
      await one.write('a', bytesOf('one'))
      await two.write('a', bytesOf('two'))
      const keys: string[] = []
      for await (const { key } of one.list('')) keys.push(key)
      expect(keys).toEqual(['a'])
      expect(await two.read('a')).toEqual(bytesOf('two'))
    })

    it('refuses a wrong secret and an unknown key with code denied, without a secret in the message', async () => {
      for (const [variable, value] of [
        ['AWS_SECRET_ACCESS_KEY', 'wrong-secret-0123456789'],
        ['AWS_ACCESS_KEY_ID', 'unknown-key'],
      ] as const) {
        process.env[variable] = value
        try {
          const denied = await openStore(urlOf('p'))
          const error: unknown = await denied.read('x').then(
            () => expect.unreachable('a failure'),
            (reason: unknown) => reason,
          )
          // versitygw answers 404 XAdminUserNotFound to a key it does not know
          expect(error).toMatchObject({ name: 'StorageError', code: 'denied' })
          expect(String(error)).not.toContain(value)
        } finally {
          useTestCredentials()
        }
      }
    })

    it('keeps a key beside a part of it, or refuses it with code bad-key', async () => {
      await store.write('beside/a', bytesOf('x'))
      for (const ifAbsent of [false, true]) {
        const outcome = await store.write('beside/a/b', bytesOf('y'), { ifAbsent }).catch((error: unknown) => error)
        if (outcome !== undefined) expect(outcome).toMatchObject({ code: 'bad-key' })
        await store.remove('beside/a/b')
      }
      expect(await store.read('beside/a')).toEqual(bytesOf('x'))
    })

    it('names a bucket that is not there', async () => {
      const none = await openStore(`s3://no-such-bucket/p?endpoint=${server.endpoint}`)
      await expect(none.write('a', bytesOf('x'))).rejects.toThrow('bucket expected at s3://no-such-bucket/p')
      await expect(none.read('a')).rejects.toThrow('bucket expected at s3://no-such-bucket/p')
    })

    it('shows nobody an object without credentials', async () => {
      await store.write('private', bytesOf('x'))
      const status = await new Promise<number>((resolve, reject) => {
        get(`${server.endpoint}/${BUCKET}/p/private`, (response) => {
          response.resume()
          resolve(response.statusCode ?? 0)
        }).on('error', reject)
      })
      expect(status).toBe(403)
    })
  })
}
