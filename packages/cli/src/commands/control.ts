import type { CommandFunction, Invocation } from '../command-definition.ts'
import { CommandError, usageError } from '../command-error.ts'
import { DashboardClient } from '../dashboard-client.ts'
import { type ExitCode, exitCodes } from '../exit-code.ts'
import { type JsonObject, numberIn, objectIn, textIn } from '../json-fields.ts'
import { numberText } from '../number-format.ts'
import { outputFormat } from '../output-format.ts'
import { printable, printableJson } from '../printable.ts'

/** `lb drain`: no new requests for an instance. */
export const drain: CommandFunction = (invocation) => onInstance(invocation, 'drain')

/** `lb restore`: drain and weight are taken back. */
export const restore: CommandFunction = (invocation) => onInstance(invocation, 'restore')

/** `lb end-ejection`: the instance is used again. */
export const endEjection: CommandFunction = (invocation) => onInstance(invocation, 'end-ejection')

/** `lb weight`: another weight than the registry says. */
export const weight: CommandFunction = (invocation) => {
  const [, , given = ''] = invocation.args
  const value = /^(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i.test(given) ? Number(given) : Number.NaN
  if (!Number.isFinite(value)) {
    throw usageError('<weight>', 'a finite number ≥ 0', given, 'Use 0 or "lb drain" to take the instance out')
  }
  return onInstance(invocation, 'weight', { weight: value })
}

/** `lb shares`: of each group of a grouped balancer. */
export const shares: CommandFunction = async (invocation) => {
  const [service = '', ...pairs] = invocation.args
  const isCleared = invocation.options.has('clear')
  if (isCleared === pairs.length > 0) {
    const message = 'shares must be given, such as canary=5 stable=95, or --clear, not both'
    throw new CommandError(message, exitCodes.usage)
  }
  const given = Object.fromEntries(pairs.map(share))
  if (Object.keys(given).length < pairs.length)
    throw new CommandError('each group must have one share', exitCodes.usage)
  return await act(invocation, service, 'shares', { shares: isCleared ? null : given }, () =>
    isCleared
      ? 'the shares of the configuration apply'
      : `shares are ${pairs.map((pair) => printable(pair)).join(' ')}`,
  )
}

function share(pair: string): readonly [group: string, share: number] {
  const [, group = '', digits = ''] = /^(.+)=(\d+(?:\.\d+)?)$/.exec(pair) ?? []
  if (group === '') throw usageError('a share', 'a group and a number ≥ 0, such as canary=5', pair)
  return [group, Number(digits)]
}

function onInstance(invocation: Invocation, verb: string, more: JsonObject = {}): Promise<ExitCode> {
  const [service = '', instance = ''] = invocation.args
  return act(invocation, service, verb, { instance, ...more }, (response) => {
    const row = objectIn(response, 'instance')
    const effective = numberIn(row, 'effectiveWeight')
    const state = printable(textIn(row, 'state'), 40)
    return `${printable(instance)} is ${state || 'changed'}${effective === undefined ? '' : `, weight ${numberText(effective)}`}`
  })
}

async function act(
  invocation: Invocation,
  service: string,
  verb: string,
  body: JsonObject,
  described: (response: JsonObject) => string,
): Promise<ExitCode> {
  const format = outputFormat(invocation.options)
  const client = new DashboardClient(invocation)
  const response = await client.post(`services/${encodeURIComponent(service)}/${verb}`, body)
  const { out } = invocation.context
  out.write(format === 'json' ? `${printableJson(response, 2)}\n` : `${printable(service)}: ${described(response)}\n`)
  return exitCodes.ok
}
