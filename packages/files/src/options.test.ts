import { InvalidOptionError } from '@lb/core'
import { describe, expect, it } from 'vitest'
import { FileDiscovery, type FileDiscoveryOptions } from './index.ts'

describe('options', () => {
  it.each<[string, object, string]>([
    ['directory', {}, 'Give directory or file'],
    ['directory', { directory: '' }, 'a path'],
    ['directory', { directory: 'a\0b' }, 'a path'],
    ['file', { file: 7 }, 'a path'],
    ['file', { file: 'targets.toml' }, 'ends in .json, .yaml or .yml'],
    ['file', { directory: 'a', file: 'a.json' }, 'Leave one of them out'],
    ['serviceLabel', { file: 'a.json', serviceLabel: '' }, 'the name of a label'],
    ['serviceLabel', { directory: 'a', serviceLabel: 'job' }, 'absent without file'],
    ['pollIntervalMs', { directory: 'a', pollIntervalMs: 9 }, 'milliseconds'],
    ['maxBytes', { directory: 'a', maxBytes: 1 }, 'an integer'],
    ['random', { directory: 'a', random: 1 }, 'a function'],
    ['clock', { directory: 'a', clock: {} }, ''],
  ])('refuse a %s that makes no sense: %j', (name, options, message) => {
    const build = (): unknown => new FileDiscovery(options as FileDiscoveryOptions)
    expect(build).toThrow(InvalidOptionError)
    expect(build).toThrow(`FileDiscovery.${name}`)
    expect(build).toThrow(message)
  })

  it.each(['..', '.hidden', 'a/b', '../../etc/passwd', 'a\\b', 'a\0', '', 'x'.repeat(201)])(
    'lead to no file for the service %j',
    async (service) => {
      const discovery = new FileDiscovery({ directory: '/' })
      await expect(discovery.getInstances(service)).rejects.toThrow('cannot be the name of a file')
      await discovery.close()
    },
  )
})
