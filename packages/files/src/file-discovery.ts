import { basename, join, resolve } from 'node:path'
import { DiscoveryError } from '@lb/core'
import { DefinedDiscovery, type InstanceList, type RegistryService } from '@lb/core/authoring'
import { instancesOf } from './instances.ts'
import { checkOptions, type FileDiscoveryOptions } from './options.ts'
import { TargetFile } from './target-file.ts'
import { endings, type TargetGroups } from './target-groups.ts'

const defaults = Object.freeze({ serviceLabel: 'service', pollIntervalMs: 1_000, maxBytes: 16 * 1_024 * 1_024 })

/** After failures a watch polls at most so many times less often. */
const slowestRetry = 5

/**
 * Instances from files in the form of Prometheus' `file_sd_config`, JSON or YAML:
 *
 *     new FileDiscovery({ directory: '/etc/my-app/services' })          // user-service.yaml, orders.json …
 *     new FileDiscovery({ file: '/etc/prometheus/targets.yaml', serviceLabel: 'job' })
 *
 *     - targets: ['10.0.1.12:8080', '10.0.1.13:8080']                   // labels weight, priority, zone and secure are read,
 *       labels: { weight: 5, version: v2 }                              // the others are metadata
 *
 * A file is read again when it changes, also when a link on its path does, as in a ConfigMap of Kubernetes. A watch checks that every
 * `pollIntervalMs`.
 */
export class FileDiscovery extends DefinedDiscovery {
  /** @throws InvalidOptionError */
  constructor(options: FileDiscoveryOptions) {
    checkOptions(options)
    const { pollIntervalMs = defaults.pollIntervalMs, clock, random } = options
    super({
      service: serviceFinder(options),
      poll: { intervalMs: pollIntervalMs, retryMinMs: pollIntervalMs, retryMaxMs: slowestRetry * pollIntervalMs },
      clock,
      random,
    })
  }

  get [Symbol.toStringTag](): string {
    return 'FileDiscovery'
  }
}

function serviceFinder(options: FileDiscoveryOptions): (service: string) => RegistryService {
  const { serviceLabel = defaults.serviceLabel, maxBytes = defaults.maxBytes } = options
  // A later change of the working directory is not to move the files.
  if (options.file !== undefined) {
    const shared = new TargetFile(resolve(options.file), maxBytes)
    return (service) => new FileService([shared], (labels) => labels.get(serviceLabel) === service)
  }
  const directory = resolve(options.directory ?? '.')
  return (service) => {
    checkFileName(service)
    const files = endings.map((ending) => new TargetFile(join(directory, `${service}${ending}`), maxBytes))
    return new FileService(files, () => true)
  }
}

/** One service, in the first of `files` that there is. */
class FileService implements RegistryService {
  readonly #files: readonly TargetFile[]
  readonly #isOfService: (labels: ReadonlyMap<string, string>) => boolean
  #known: { readonly groups: TargetGroups; readonly list: InstanceList } | undefined

  constructor(files: readonly TargetFile[], isOfService: (labels: ReadonlyMap<string, string>) => boolean) {
    this.#files = files
    this.#isOfService = isOfService
  }

  async ask(): Promise<InstanceList> {
    for (const file of this.#files) {
      const groups = await file.read()
      if (groups === undefined) continue
      if (this.#known?.groups !== groups) {
        this.#known = { groups, list: instancesOf(basename(file.path), groups, this.#isOfService) }
      }
      return this.#known.list
    }
    const [first = '', ...others] = this.#files.map(({ path }) => path)
    const alternatives = others.map((path) => `, ${basename(path)}`).join('')
    // It may be in the middle of being replaced.
    throw new DiscoveryError(`there is no ${first}${alternatives}. A service without instances has a file with []`)
  }
}

/** No name leads out of the folder. @throws DiscoveryError */
function checkFileName(service: string): void {
  if (/^[^./\\\0][^/\\\0]{0,199}$/.test(service)) return
  throw new DiscoveryError(
    `${JSON.stringify(service.slice(0, 200))} cannot be the name of a file. Give a name without "/" that does not start with a dot`,
  )
}
