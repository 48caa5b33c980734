import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openStore } from '../../src/storage/open.ts'
import { flowreduce, flowreduceJson, temporaryFolder } from '../e2e/command.ts'
import { BUCKET, type RunningServer, SECRET_KEY, SERVERS, startServer } from './servers.ts'

for (const name of SERVERS) {
  describe(`the demo over ${name}`, () => {
    let server: RunningServer
    let store: string

    beforeAll(async () => {
      server = await startServer(name)
      store = `s3://${BUCKET}/demo?endpoint=${server.endpoint}`
    })
    afterAll(() => server?.stop())

    it('finds every flow again, before and after compaction, and leaves a store that fsck finds sound', async () => {
      const cwd = await temporaryFolder()
      const { code, stdout, stderr } = await flowreduce(
        ['demo', '--flows', '20000', '--rate', '20000', '--store', store],
        { cwd },
      )
      expect({ code, stderr: stderr.split('\n').filter((line) => line.startsWith('flowreduce: ')) }).toEqual({
        code: 0,
        stderr: [],
      })
      expect(stdout).toContain('sent 20,000 flows, received 20,000, lost 0\nevery flow sent is in the totals')
      const rows = async (): Promise<unknown> =>
        (await flowreduceJson<{ rows: unknown }>(['run', 'port-breakdown', '--store', store], { cwd })).rows
      const before = await rows()
      await flowreduceJson(['compact', '--all', '--store', store], { cwd })
      expect(await rows()).toEqual(before)
      expect(await flowreduceJson(['fsck', '--deep', '--store', store], { cwd })).toMatchObject({
        exitStatus: 0,
        counts: { missing: 0, corrupt: 0, statistics: 0 },
      })
      await expectNoSecret(store, `${stdout}${stderr}`)
      const again = await flowreduce(['demo', '--store', store], { cwd })
      expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining('--store expected to be empty') })
    })
  })
}

/** The secret is nowhere: not in what was printed, and in no object but blocks (commits, run records, leases). */
async function expectNoSecret(url: string, printed: string): Promise<void> {
  expect(printed).not.toContain(SECRET_KEY)
  const store = await openStore(url)
  const kinds = new Set<string>()
  for await (const { key } of store.list('')) {
    if (key.startsWith('data/')) continue
    kinds.add(key.split('/')[0]!)
    expect(new TextDecoder().decode(await store.read(key)), key).not.toContain(SECRET_KEY)
  }
  expect([...kinds]).toEqual(expect.arrayContaining(['leases', 'manifest', 'runs']))
}
