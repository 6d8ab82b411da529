import { systemClock } from '@lb/core/authoring'
import { balancerOption } from '../balancer-option.ts'
import { callOptions } from '../call-options.ts'
import { callReport, callReportJson } from '../call-report.ts'
import { callAll } from '../call-runner.ts'
import { CallTally } from '../call-tally.ts'
import type { CommandFunction } from '../command-definition.ts'
import { exitCodes } from '../exit-code.ts'
import { outputFormat } from '../output-format.ts'
import { printableJson } from '../printable.ts'
import { firstList, noInstances, withService } from '../service-session.ts'

/** `lb call`: calls of a service, and how they are spread. */
export const call: CommandFunction = async (invocation) => {
  const { args, options, context } = invocation
  const [service = '', path] = args
  const format = outputFormat(options)
  const calls = callOptions(invocation, path)
  const lbOptions = {
    ...balancerOption(options),
    ...(options.has('no-retry') ? { retry: false as const } : undefined),
    timeoutMs: calls.timeoutMs,
    firstListTimeoutMs: Math.min(calls.timeoutMs, 5_000),
  }
  return await withService(invocation, service, lbOptions, async (session) => {
    const snapshot = await firstList(session, invocation)
    if (snapshot.instances.length === 0) throw noInstances(session)
    const tally = new CallTally()
    tally.begin(snapshot)
    const startedMs = systemClock.now()
    await callAll({ session, calls, tally, context })
    const seconds = (systemClock.now() - startedMs) / 1_000
    const json = { service: session.shownName, ...callReportJson(tally, seconds) }
    context.out.write(format === 'json' ? `${printableJson(json, 2)}\n` : callReport(tally, seconds, context))
    context.signal.throwIfAborted()
    return tally.failures > calls.maxFailures ? exitCodes.failed : exitCodes.ok
  })
}
