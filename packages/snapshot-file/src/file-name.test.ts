import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fileNameOf, isUnfinishedName, unfinishedName } from './file-name.ts'

describe('the name of a file', () => {
  it('begins with what is readable of the service', () => {
    expect(fileNameOf('user-service')).toMatch(/^user-service-[0-9a-f]{32}\.json$/)
    expect(fileNameOf('DEFAULT_GROUP@@users')).toMatch(/^default_group-users-[0-9a-f]{32}\.json$/)
  })

  it('is one name within the folder, of at most 102 plain characters, for any service', () => {
    const hostile = ['', '.', '..', '../../etc/passwd', 'a/b', 'a\\b', 'C:\\x', 'NUL', 'a\0b', ' ', 'ü'.repeat(300)]
    fc.assert(
      fc.property(fc.oneof(fc.constantFrom(...hostile), fc.string({ unit: 'binary', maxLength: 300 })), (service) => {
        expect(fileNameOf(service)).toMatch(/^[a-z0-9_-]{0,64}-[0-9a-f]{32}\.json$/)
        expect(isUnfinishedName(fileNameOf(service))).toBe(false)
        expect(isUnfinishedName(unfinishedName(fileNameOf(service), crypto.randomUUID()))).toBe(true)
      }),
      { seed: 20_240_607, numRuns: 1_000 },
    )
  })

  it('differs for services that differ, also where capitals do not count', () => {
    const services = ['users', 'Users', 'USERS', 'us-ers', 'us/ers', 'us.ers', 'users ', '', '-', '\ud800', '\ud801']
    expect(new Set(services.map((service) => fileNameOf(service).toLowerCase())).size).toBe(services.length)
  })
})
