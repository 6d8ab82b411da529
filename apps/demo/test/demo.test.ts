import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { type PhaseResult, phaseNames } from '../src/phase.ts'

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url))

interface Run {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs the demo as a process of its own, on the built packages, as `npm start` does. */
function run(...args: string[]): Promise<Run> {
  return new Promise((resolve) => {
    execFile(process.execPath, [main, ...args], (error, stdout, stderr) => {
      resolve({ status: error === null ? 0 : Number(error.code), stdout, stderr })
    })
  })
}

describe('the demo', () => {
  it('prints one JSON document and nothing else with --json, and every promise holds', {
    timeout: 60_000,
  }, async () => {
    const { status, stdout } = await run('--json', '--requests', '100')
    const { ok, phases } = JSON.parse(stdout) as { ok: boolean; phases: PhaseResult[] }
    expect(phases.flatMap(({ promises }) => promises).filter(({ kept }) => !kept)).toEqual([])
    expect(phases.map(({ name }) => name)).toEqual(phaseNames)
    expect({ ok, status }).toEqual({ ok: true, status: 0 })
    for (const phase of phases) {
      expect(phase.requests).toBe(126)
      const answered = Object.values(phase.share).reduce((sum, count) => sum + count, 0)
      expect(answered + phase.failures).toBe(phase.requests)
    }
  })

  it('prints a table without colour on a pipe', { timeout: 60_000 }, async () => {
    const { status, stdout, stderr } = await run('--requests', '42')
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(stdout).toContain('Every promise held.')
    expect(stdout).toMatch(/Dashboard while it runs: http:\/\/127\.0\.0\.1:\d+\/\n/)
    expect(stdout).not.toContain('\u001b')
  })

  it.each([['--requests', '0'], ['--requests', 'many'], ['--jason']])(
    'refuses %s %s with the usage',
    async (...args) => {
      const { status, stdout, stderr } = await run(...args.filter((argument) => argument !== undefined))
      expect({ status, stdout }).toEqual({ status: 2, stdout: '' })
      expect(stderr).toContain('Usage: npm start')
    },
  )
})
