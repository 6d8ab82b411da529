import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { LoopbackBackend } from '@lb/testing'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { LbProcess } from './lb-process.ts'

const program = fileURLToPath(new URL('../src/lb.ts', import.meta.url))
/** Runs a shell script to its end. */
async function shell(script: string): Promise<{ code: number | null; out: string; err: string }> {
  // A group of its own, so that nothing of it outlives a test that fails.
  const child = spawn('bash', ['-c', script], { stdio: ['ignore', 'pipe', 'pipe'], detached: true })
  onTestFinished(() => {
    if (child.exitCode === null && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  })
  const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code, out, err }
}

const watching = ['watch', 'users', '--static', '10.0.0.1:80,10.0.0.2:80']

describe('the process', { timeout: 60_000 }, () => {
  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends with its own exit code on %s', async (signal, code) => {
    const lb = new LbProcess(watching)
    await vi.waitFor(() => expect(lb.out).toContain('10.0.0.2'), { timeout: 20_000 })
    lb.child.kill(signal)
    expect(await lb.exitCode).toBe(code)
    expect(lb.err).toBe('')
  })

  it('prints what it has of calls on SIGINT', async () => {
    await using backend = await LoopbackBackend.start({ id: 'a' })
    let arrived = (): void => {}
    const request = new Promise<void>((resolve) => {
      arrived = resolve
    })
    backend.script = (_, number) => {
      if (number < 3) return {}
      arrived()
      return { fault: 'black-hole' }
    }
    const lb = new LbProcess(['call', 'users', '-n', '9', '--static', backend.address, '-o', 'json'])
    await request
    lb.child.kill('SIGINT')
    expect(await lb.exitCode).toBe(130)
    expect(JSON.parse(lb.out)).toMatchObject({ calls: 2, failed: 0 })
  })

  it.runIf(process.platform === 'linux')(
    'ends quietly when its output is not read any more, even if it has nothing to write',
    async () => {
      const one = ['watch', 'users', '--static', '10.0.0.1:80']
      const command = [process.execPath, program, ...one].map((word) => `'${word}'`).join(' ')
      const { code, out, err } = await shell(`set -o pipefail; ${command} | head -1`)
      expect({ code, err }).toEqual({ code: 0, err: '' })
      expect(out).toMatch(/^\S+ \+ http:\/\/10\.0\.0\.1:80 [^\n]*\n$/)
    },
  )

  it.runIf(process.platform === 'linux')('fails if its output cannot be written', async () => {
    const command = `'${process.execPath}' '${program}' resolve users --static 10.0.0.1:80 > /dev/full`
    const { code, err } = await shell(command)
    expect(code).toBe(1)
    expect(err).toMatch(/^lb: the output cannot be written: ENOSPC[^\n]*\n$/)
  })

  it('writes data to standard output and all else to standard error', async () => {
    const lb = new LbProcess(['simulate', 'grey-failure', '--clients', '2', '--duration', '1s', '-o', 'json'])
    expect(await lb.exitCode).toBe(0)
    expect(JSON.parse(lb.out)).toMatchObject({ scenario: 'grey-failure', seed: 1 })
    expect(lb.err).toContain('100 %')
  })
})

describe('the start', () => {
  /** The modules that are loaded before a command runs. */
  function loaded(file: string, seen: Set<string> = new Set()): Set<string> {
    const source = readFileSync(new URL(file, new URL('../src/', import.meta.url)), 'utf8')
    for (const [, isType, specifier = ''] of source.matchAll(/^(?:import|export)( type)? [^'"]*?from '([^']+)'/gms)) {
      if (isType !== undefined || seen.has(specifier)) continue
      seen.add(specifier)
      if (specifier.startsWith('./') && specifier.endsWith('.ts')) loaded(specifier, seen)
    }
    return seen
  }

  it('loads nothing but the parser: no load balancer, no registry, no command', () => {
    const outside = [...loaded('./lb.ts')].filter((specifier) => !specifier.startsWith('.'))
    expect(outside.sort()).toEqual(['commander', 'node:child_process', 'node:fs'])
    expect([...loaded('./lb.ts')].filter((specifier) => specifier.includes('/commands/'))).toEqual([])
  })
})
