import type { Clock, Random } from '@lb/core'
import { checkClock, checkDurationMs, checkFunction, checkInteger, checkKeys, rejectOption } from '@lb/core/authoring'
import { formatOf } from './target-groups.ts'

/** Options of `FileDiscovery`: `directory` or `file`, and when they are read. */
export interface FileDiscoveryOptions {
  /** A folder with a file for each service: `user-service.json`, `user-service.yaml` or `user-service.yml`. */
  readonly directory?: string | undefined
  /** One file for every service, `.json`, `.yaml` or `.yml`: a group is of the service that its label `serviceLabel` names. */
  readonly file?: string | undefined
  /** The label of a group in `file` that names the service. @default 'service' */
  readonly serviceLabel?: string | undefined
  /**
   * How often a watch checks its file for changes, in milliseconds, ≥ 10. After failures, up to five times less often.
   * @default 1_000
   */
  readonly pollIntervalMs?: number | undefined
  /** Larger files are not read: bytes in [1 024, 1 073 741 824], default 16 MiB. */
  readonly maxBytes?: number | undefined
  /** Source of time. @default systemClock */
  readonly clock?: Clock | undefined
  /** Source of random numbers in [0, 1). @default Math.random */
  readonly random?: Random | undefined
}

const optionKeys: readonly (keyof FileDiscoveryOptions)[] = [
  'directory',
  'file',
  'serviceLabel',
  'pollIntervalMs',
  'maxBytes',
  'clock',
  'random',
]

const path = 'FileDiscovery'

/** @throws InvalidOptionError */
export function checkOptions(options: FileDiscoveryOptions): void {
  checkKeys(path, options, optionKeys)
  const { directory, file, serviceLabel } = options
  checkPath(`${path}.directory`, directory)
  checkPath(`${path}.file`, file)
  if (file !== undefined && formatOf(file) === undefined) {
    rejectOption(`${path}.file`, 'the path of a file that ends in .json, .yaml or .yml', file)
  }
  if (directory === undefined && file === undefined) {
    rejectOption(`${path}.directory`, 'given when there is no file', directory, 'Give directory or file')
  }
  if (directory !== undefined && file !== undefined) {
    rejectOption(`${path}.file`, 'absent when there is a directory', file, 'Leave one of them out')
  }
  if (serviceLabel !== undefined) {
    if (typeof serviceLabel !== 'string' || serviceLabel === '') {
      rejectOption(`${path}.serviceLabel`, 'the name of a label', serviceLabel)
    }
    if (file === undefined) {
      rejectOption(
        `${path}.serviceLabel`,
        'absent without file',
        serviceLabel,
        'In a directory, the name of the file counts',
      )
    }
  }
  checkDurationMs(`${path}.pollIntervalMs`, options.pollIntervalMs, { min: 10 })
  checkInteger(`${path}.maxBytes`, options.maxBytes, 1_024, 1_073_741_824)
  checkFunction(`${path}.random`, options.random)
  checkClock(`${path}.clock`, options.clock)
}

function checkPath(path: string, value: unknown): void {
  if (value === undefined || (typeof value === 'string' && value !== '' && !value.includes('\0'))) return
  rejectOption(path, 'a path', value)
}
