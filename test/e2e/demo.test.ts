import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { flowreduce, temporaryFolder } from './command.ts'

const demo = (cwd: string) => flowreduce(['demo', '--flows', '20000', '--rate', '40000'], { cwd })

describe('flowreduce demo', () => {
  it('sends flows to a daemon, runs jobs over them, finds every flow again, and can be run again', async () => {
    const cwd = await temporaryFolder()
    for (let round = 1; round <= 2; round++) {
      const { code, stdout, stderr } = await demo(cwd)
      expect(stderr).not.toContain('flowreduce: ')
      expect(code).toBe(0)
      expect(stdout).toContain('sent 20,000 flows, received 20,000, lost 0\nevery flow sent is in the totals')
      for (const job of ['port-breakdown', 'subnet-bytes', 'bytes-per-second']) {
        expect(stdout).toContain(`$ flowreduce run ${job} --store file:./.flowreduce-demo/store`)
      }
      expect(stdout.match(/^coverage: 20,000 flows/gm)).toHaveLength(3)
      expect(stdout).toContain('What to try next:')
    }
  }, 120_000)

  it('leaves a folder alone that no demo made', async () => {
    const cwd = await temporaryFolder()
    await mkdir(join(cwd, '.flowreduce-demo'))
    await writeFile(join(cwd, '.flowreduce-demo', 'precious'), 'mine')
    const { code, stdout, stderr } = await demo(cwd)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(
      /^flowreduce: demo: [^\n]*\.flowreduce-demo expected to be the folder of an earlier demo[^\n]*\n$/,
    )
    expect(await readdir(join(cwd, '.flowreduce-demo'))).toEqual(['precious'])
  })
})
