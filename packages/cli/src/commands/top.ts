import { pause, systemClock } from '@lb/core/authoring'
import type { CommandContext } from '../command-context.ts'
import type { CommandFunction, Invocation } from '../command-definition.ts'
import { DashboardClient } from '../dashboard-client.ts'
import { exitCodes } from '../exit-code.ts'
import { explain } from '../explain-error.ts'
import { outputFormat } from '../output-format.ts'
import { printable, printableJson } from '../printable.ts'
import { Screen } from '../screen.ts'
import { instancesFrame, readService, readServices, servicesFrame } from '../traffic-frames.ts'

/** `lb top`: the services of a gateway, or the instances of one, again and again. */
export const top: CommandFunction = async (invocation) => {
  const { options, context } = invocation
  const { out, signal } = context
  const format = outputFormat(options)
  const intervalMs = options.durationMs('interval', 100) ?? 2_000
  const look = lookerOf(invocation)
  const isLive = !options.has('once') && (out.isTerminal || format === 'json')
  if (isLive) context.watchReader?.()
  if (!isLive || format === 'json') {
    for (;;) {
      const seen = await look()
      out.write(format === 'json' ? `${printableJson(seen.json)}\n` : seen.frame)
      if (!isLive) return exitCodes.ok
      await pause(systemClock, intervalMs, signal, {})
    }
  }
  // A gateway that is not there at the start is an error; one that goes away later may come back.
  let frame = (await look()).frame
  const screen = new Screen(out)
  try {
    for (;;) {
      screen.show(frame)
      await pause(systemClock, intervalMs, signal, {})
      frame = await look().then(
        (seen) => seen.frame,
        (error: unknown) => withError(frame, error, context),
      )
    }
  } finally {
    screen.leave()
  }
}

interface Seen {
  readonly json: object
  readonly frame: string
}

function lookerOf(invocation: Invocation): () => Promise<Seen> {
  const { args, context } = invocation
  const [service] = args
  const client = new DashboardClient(invocation)
  return async () => {
    const time = context.timestamp()
    if (service === undefined) {
      const services = await readServices(client)
      return { json: { time, services }, frame: servicesFrame(services, time, context) }
    }
    const read = await readService(client, service)
    return { json: { time, ...read }, frame: instancesFrame(read, time, context) }
  }
}

function withError(frame: string, error: unknown, { signal }: CommandContext): string {
  signal.throwIfAborted()
  const [, ...rest] = frame.split('\n')
  return [`! ${printable(explain(error).message)}`, ...rest].join('\n')
}
