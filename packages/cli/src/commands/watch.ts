import type { LoadBalancerEvent, ServiceInstance } from '@lb/core'
import { originOf } from '@lb/core/authoring'
import type { CommandContext } from '../command-context.ts'
import type { CommandFunction } from '../command-definition.ts'
import { explain } from '../explain-error.ts'
import { shownInstance } from '../instance-rows.ts'
import { numberText } from '../number-format.ts'
import { type OutputFormat, outputFormat } from '../output-format.ts'
import { printable, printableJson } from '../printable.ts'
import { listTimeoutMs, withService } from '../service-session.ts'
import { type Style, stylesFor } from '../text-style.ts'

const types = [
  'instances-changed',
  'instance-rejected',
  'discovery-failed',
  'discovery-recovered',
  'empty-list-held',
] as const

type Change = 'added' | 'updated' | 'removed'

const signs: Readonly<Record<Change, string>> = { added: '+', updated: '~', removed: '-' }

/** `lb watch`: the instances of a service, and every change, until the command is stopped. */
export const watch: CommandFunction = async (invocation) => {
  const { args, options, context } = invocation
  const { signal } = context
  const [service = ''] = args
  const format = outputFormat(options)
  context.watchReader?.()
  return await withService(invocation, service, { firstListTimeoutMs: listTimeoutMs(invocation) }, async (session) => {
    const writer = new ChangeWriter(context, format)
    const end = session.lb.subscribe((event) => writer.write(event), types)
    try {
      await session.lb.ready(session.service, { signal })
      if (session.lb.inspect(session.service).instances.length === 0)
        writer.note(`${session.shownName} has no instances`)
      signal.throwIfAborted()
      await new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true })
      })
    } finally {
      end()
    }
    throw signal.reason
  })
}

/** Writes changes to standard output, and what happens to the registry to standard error. */
class ChangeWriter {
  readonly #context: CommandContext
  readonly #format: OutputFormat
  readonly #styles: Readonly<Record<Change, Style>>
  #lastFailure = ''

  constructor(context: CommandContext, format: OutputFormat) {
    this.#context = context
    this.#format = format
    const { green, yellow, red } = stylesFor(context.out, context.env)
    this.#styles = { added: green, updated: yellow, removed: red }
  }

  write(event: LoadBalancerEvent): void {
    if (event.type === 'instances-changed') {
      this.#changes('removed', event.removed)
      this.#changes('added', event.added)
      this.#changes('updated', event.updated)
      if (event.total === 0) this.note('there are no instances any more')
    } else if (event.type === 'discovery-failed') {
      const { message } = explain(event.error)
      // A registry that is down fails again and again in the same way.
      if (message !== this.#lastFailure) this.note(`the registry fails; the list stays: ${printable(message, 1_000)}`)
      this.#lastFailure = message
    } else if (event.type === 'discovery-recovered') {
      this.#lastFailure = ''
      this.note('the registry answers again')
    } else if (event.type === 'instance-rejected') {
      this.note(`left out: ${printable(event.error.message)}`)
    } else if (event.type === 'empty-list-held') {
      this.note('the registry says that there are no instances; waiting until it confirms that')
    }
  }

  note(text: string): void {
    this.#context.err.write(`lb: ${text}\n`)
  }

  #changes(change: Change, instances: readonly ServiceInstance[]): void {
    const time = this.#context.timestamp()
    for (const instance of instances) {
      const line =
        this.#format === 'json'
          ? printableJson({ time, type: change, ...shownInstance(instance) })
          : `${time} ${this.#styles[change](`${signs[change]} ${described(instance)}`)}`
      this.#context.out.write(`${line}\n`)
    }
  }
}

function described(instance: ServiceInstance): string {
  const { weight, priority, zone, healthy } = instance
  const parts = [
    printable(originOf(instance)),
    `weight ${numberText(weight)}`,
    priority === 0 ? '' : `priority ${priority}`,
    zone === undefined ? '' : `zone ${printable(zone)}`,
    healthy === undefined ? '' : healthy ? 'healthy' : 'unhealthy',
  ]
  return parts.filter((part) => part !== '').join('  ')
}
