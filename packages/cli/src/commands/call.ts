import { systemClock } from '@lb/core/authoring'
import { createFetch, type LoadBalancedFetch } from '@lb/undici'
import { balancerOption } from '../balancer-option.ts'
import { type CallOptions, callOptions } from '../call-options.ts'
import { callReport, callReportJson } from '../call-report.ts'
import { CallTally } from '../call-tally.ts'
import type { CommandFunction, Invocation } from '../command-definition.ts'
import { exitCodes } from '../exit-code.ts'
import { outputFormat } from '../output-format.ts'
import { printableJson } from '../printable.ts'
import { ProgressLine } from '../progress-line.ts'
import { firstList, noInstances, type ServiceSession, withService } from '../service-session.ts'

/** `lb call`: calls of a service, and how they are spread. */
export const call: CommandFunction = async (invocation) => {
  const { args, options, context } = invocation
  const [service = '', path] = args
  const format = outputFormat(options)
  const calls = callOptions(options, path)
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
    await callAll(session, calls, tally, invocation)
    const seconds = (systemClock.now() - startedMs) / 1_000
    const json = { service: session.shownName, ...callReportJson(tally, seconds) }
    context.out.write(format === 'json' ? `${printableJson(json, 2)}\n` : callReport(tally, seconds, context))
    context.signal.throwIfAborted()
    return tally.failures > calls.maxFailures ? exitCodes.failed : exitCodes.ok
  })
}

async function callAll(
  session: ServiceSession,
  calls: CallOptions,
  tally: CallTally,
  { context }: Invocation,
): Promise<void> {
  const { requests, concurrency } = calls
  const progress = new ProgressLine(context)
  const end = session.lb.subscribe((event) => tally.observe(event), ['request-finished', 'retry'])
  const fetch = createFetch(session.lb)
  let begun = 0
  let ended = 0
  const worker = async (): Promise<void> => {
    while (begun < requests && !context.signal.aborted) {
      begun++
      await callOnce(fetch, `lb://${session.service}${calls.path}`, calls, tally, context.signal)
      ended++
      progress.show(ended / requests, `${ended} of ${requests} calls, ${tally.failures} failed`)
    }
  }
  try {
    await Promise.all(Array.from({ length: concurrency }, worker))
  } finally {
    end()
    progress.end()
    // Whatever still runs is cut off with the load balancer.
    await Promise.race([fetch.close(), session.lb.close()])
  }
}

async function callOnce(
  fetch: LoadBalancedFetch,
  url: string,
  { method, headers, body, timeoutMs }: CallOptions,
  tally: CallTally,
  stop: AbortSignal,
): Promise<void> {
  const startedMs = systemClock.now()
  // The time limit of the load balancer ends with the head of a response.
  const limit = AbortSignal.timeout(timeoutMs)
  try {
    const signal = AbortSignal.any([stop, limit])
    const response = await fetch(url, {
      method,
      headers: headers.map(([name, value]) => [name, value]),
      signal,
      redirect: 'manual',
      ...(body === undefined ? undefined : { body }),
    })
    if (response.body !== null) for await (const _ of response.body);
    tally.responded(response.status, systemClock.now() - startedMs)
  } catch (error) {
    // What Ctrl-C cut off is no failure.
    if (!stop.aborted) tally.failed(limit.aborted ? 'LB_DEADLINE_EXCEEDED' : reasonOf(error))
  }
}

/** The code of the innermost cause that has one. */
function reasonOf(error: unknown): string {
  let reason = error instanceof Error ? error.name : 'unknown error'
  for (let each = error, depth = 0; each instanceof Error && depth < 8; each = each.cause, depth++) {
    if ('code' in each && typeof each.code === 'string') reason = each.code
  }
  return reason
}
