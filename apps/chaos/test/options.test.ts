import { describe, expect, it } from 'vitest'
import { faults } from '../src/faults.ts'
import { parseOptions, usage } from '../src/options.ts'

describe('parseOptions', () => {
  it('inflicts every fault in its short form unless told otherwise', () => {
    const names = faults.map(({ name }) => name)
    expect(parseOptions([])).toEqual({
      transport: 'http',
      long: false,
      faults: names,
      json: false,
      write: false,
    })
  })

  it('takes several faults and puts them into their order', () => {
    const options = parseOptions(['--long', '--json', '--fault', 'slow', '--fault', 'sigkill'])
    expect(options).toEqual({ transport: 'http', long: true, faults: ['sigkill', 'slow'], json: true, write: false })
  })

  it('gives the usage for --help, which names every fault', () => {
    expect(parseOptions(['--help'])).toBe('help')
    for (const { name } of faults) expect(usage).toContain(name)
    expect(usage).not.toMatch(/ $/m)
  })

  it('refuses a fault that does not exist, and names those that do', () => {
    expect(() => parseOptions(['--fault', 'sigkil'])).toThrow(/one of sigkill, .* got sigkil/)
  })

  it('refuses to write results of a part of the suite', () => {
    expect(() => parseOptions(['--write', '--fault', 'slow'])).toThrow('--write needs every fault')
  })

  it('refuses an option that does not exist', () => {
    expect(() => parseOptions(['--quick'])).toThrow('--quick')
  })
})
