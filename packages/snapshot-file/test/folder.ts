import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseInstance, type ServiceInstance } from '@lb/core'
import { afterEach, beforeEach } from 'vitest'

/** A folder of its own for each test. */
export interface Folder {
  readonly path: string
  files(): string[]
}

export function useFolder(): Folder {
  let path = ''
  beforeEach(() => {
    path = mkdtempSync(join(tmpdir(), 'lb-snapshot-file-'))
  })
  afterEach(() => rmSync(path, { recursive: true }))
  return {
    get path() {
      return path
    },
    files: () => readdirSync(path),
  }
}

export function list(...addresses: string[]): ServiceInstance[] {
  return addresses.map(parseInstance)
}
