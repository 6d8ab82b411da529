import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { Stopped } from '../src/command-error.ts'
import { exitCodes } from '../src/index.ts'
import { run } from './run-command.ts'

let folder: string
let controller: AbortController
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'lb-cli-'))
  controller = new AbortController()
})
afterEach(() => rmSync(folder, { recursive: true }))

function write(targets: readonly string[], labels: object = {}): void {
  writeFileSync(join(folder, 'new'), JSON.stringify([{ targets, labels }]))
  renameSync(join(folder, 'new'), join(folder, 'users.json'))
}

const stop = (): void => controller.abort(new Stopped('interrupted', exitCodes.interrupted))

describe('watch', () => {
  it('prints what is there, and each change as it comes, until it is stopped', async () => {
    write(['10.0.0.1:80', '10.0.0.2:80'], { zone: 'eu-1' })
    let step = 0
    const { code, out, err } = await run(['watch', 'users', '--file', folder], {
      signal: controller.signal,
      onOutput: (text) => {
        const lines = text.split('\n').length - 1
        if (step === 0 && lines === 2) write(['10.0.0.2:80'], { zone: 'eu-1', weight: '3' })
        else if (step === 1 && lines === 4) stop()
        else return
        step++
      },
    })
    expect(code).toBe(130)
    expect(out.replaceAll('2026-11-30T03:00:00.000Z ', '').trimEnd().split('\n')).toEqual([
      '+ http://10.0.0.1:80  weight 1  zone eu-1',
      '+ http://10.0.0.2:80  weight 1  zone eu-1',
      '- http://10.0.0.1:80  weight 1  zone eu-1',
      '~ http://10.0.0.2:80  weight 3  zone eu-1',
    ])
    expect(err).toBe('')
  })

  it('lets nothing in a name drive the terminal', async () => {
    write(['10.0.0.1:80'], { zone: '\u001b[2J\u202e', id: '\u001b[1m' })
    const { out } = await run(['watch', 'users', '--file', folder], { signal: controller.signal, onOutput: stop })
    expect(out).toContain('zone \\u{1b}[2J\\u{202e}')
    expect(out.trimEnd()).not.toMatch(/[\p{Cc}\p{Cf}]/u)
  })

  it('prints one JSON document for each line', async () => {
    write(['10.0.0.1:80'], { version: '\u001b[31m', apiKey: 'hush' })
    const { out, err } = await run(['watch', 'users', '--file', folder, '-o', 'json'], {
      signal: controller.signal,
      onOutput: stop,
    })
    expect(err).toBe('')
    expect(out).not.toContain('\u001b')
    expect(JSON.parse(out)).toMatchObject({
      time: '2026-11-30T03:00:00.000Z',
      type: 'added',
      endpoint: 'http://10.0.0.1:80',
      metadata: { version: '\u001b[31m', apiKey: '••••••' },
    })
  })

  it('says on standard error that the registry fails, and goes on', async () => {
    write(['10.0.0.1:80'])
    const { code, out, err } = await run(['watch', 'users', '--file', folder], {
      signal: controller.signal,
      onOutput: (text) => {
        if (text.includes('10.0.0.2')) stop()
        else writeFileSync(join(folder, 'users.json'), '{')
      },
      onError: (text) => {
        if (/the registry fails[^\n]*\n$/.test(text)) write(['10.0.0.2:80'])
      },
    })
    expect(code).toBe(130)
    expect(out).toContain('+ http://10.0.0.2:80')
    expect(err).toMatch(/^lb: the registry fails; the list stays: [^\n]+\nlb: the registry answers again\n$/)
  })
})
