import { LoadBalancer, type ServiceInstance, type ServiceSnapshot, StaticDiscovery } from '@lb/core'
import { counted, originOf } from '@lb/core/authoring'
import { balancerOption } from '../balancer-option.ts'
import type { CommandFunction, Invocation } from '../command-definition.ts'
import { type Connected, connectAll } from '../connect-instance.ts'
import { type ExitCode, exitCodes } from '../exit-code.ts'
import { explain } from '../explain-error.ts'
import { instanceJson } from '../instance-rows.ts'
import { formatMs, numberText } from '../number-format.ts'
import { hasSource } from '../open-discovery.ts'
import { outputFormat } from '../output-format.ts'
import { printable, printableJson } from '../printable.ts'
import { serviceOfUrl } from '../service-of-url.ts'
import { firstList, listTimeoutMs, type ServiceSession, withService } from '../service-session.ts'
import { stylesFor } from '../text-style.ts'

/** The result of one check. */
interface Finding {
  readonly check: 'url' | 'registry' | 'pick' | 'connect'
  readonly ok: boolean
  readonly message: string
}

/** `lb doctor`: what lb makes of a URL or a service, one check after the other. */
export const doctor: CommandFunction = async (invocation) => {
  const { args, options, context } = invocation
  const [target = ''] = args
  const format = outputFormat(options)
  const findings: Finding[] = []
  let instances: readonly object[] = []
  const code = await examine(invocation, target, findings, (snapshot) => {
    instances = snapshot.instances.map(instanceJson)
  })
  if (format === 'json') context.out.write(`${printableJson({ target, findings, instances }, 2)}\n`)
  else context.out.write(findings.map((finding) => line(finding, invocation)).join(''))
  return code
}

function line({ ok, message }: Finding, { context }: Invocation): string {
  const { green, red } = stylesFor(context.out, context.env)
  return `${ok ? green('✓') : red('✗')} ${printable(message, 1_000)}\n`
}

async function examine(
  invocation: Invocation,
  target: string,
  findings: Finding[],
  seen: (snapshot: ServiceSnapshot) => void,
): Promise<ExitCode> {
  const named = await serviceNamedBy(target)
  if (target.includes('://') || target.startsWith('lb:')) {
    findings.push({ check: 'url', ok: named.service !== undefined, message: named.message })
  }
  const { service } = named
  if (service === undefined) return exitCodes.failed
  if (findings.length > 0 && !hasSource(invocation.options)) {
    invocation.context.err.write('lb: no registry is asked without a source, such as --consul\n')
    return exitCodes.ok
  }
  const lbOptions = { ...balancerOption(invocation.options), firstListTimeoutMs: listTimeoutMs(invocation) }
  return await withService(invocation, service, lbOptions, async (session) => {
    const snapshot = await firstList(session, invocation).catch((error: unknown) => {
      invocation.context.signal.throwIfAborted()
      findings.push({ check: 'registry', ok: false, message: explain(error).message })
      return undefined
    })
    if (snapshot === undefined) return exitCodes.failed
    seen(snapshot)
    findings.push(registryFinding(session, snapshot))
    if (snapshot.instances.length === 0) return exitCodes.nothingFound
    findings.push(pickFinding(session, snapshot))
    if (invocation.options.has('connect')) findings.push(...(await connectFindings(snapshot, invocation)))
    return findings.every(({ ok }) => ok) ? exitCodes.ok : exitCodes.failed
  })
}

async function serviceNamedBy(
  target: string,
): Promise<{ readonly service: string | undefined; readonly message: string }> {
  const lb = new LoadBalancer({ discovery: new StaticDiscovery() })
  try {
    return serviceOfUrl(target, lb)
  } finally {
    await lb.close()
  }
}

function registryFinding({ shownName, discovery }: ServiceSession, { instances }: ServiceSnapshot): Finding {
  const states = new Map<string, number>()
  for (const { state } of instances) states.set(state, (states.get(state) ?? 0) + 1)
  const counts = Array.from(states, ([state, count]) => `${count} ${state}`).join(', ')
  const message =
    instances.length === 0
      ? `${discovery} knows no instance of ${shownName}. Check its name, and the namespace, tag or filter`
      : `${discovery} knows ${counted(instances.length, 'instance')} of ${shownName}: ${counts}`
  return { check: 'registry', ok: instances.length > 0, message }
}

function pickFinding({ lb, service }: ServiceSession, snapshot: ServiceSnapshot): Finding {
  let picked: ServiceInstance
  try {
    picked = lb.pick(service)
  } catch (error) {
    return { check: 'pick', ok: false, message: explain(error).message }
  }
  const { instances, balancer, panic, zone } = snapshot
  const candidates = instances.filter(({ candidate }) => candidate)
  const weights = new Set(candidates.map(({ effectiveWeight }) => numberText(effectiveWeight)))
  const reasons = [
    `the first pick of ${balancer} among ${candidates.length} of ${instances.length}`,
    `priority ${picked.priority}`,
    weights.size > 1
      ? `weight ${numberText(picked.weight)} of ${[...weights].sort().join(', ')}`
      : 'all weights are equal',
    zone === undefined ? '' : zone.reason,
    panic === undefined ? '' : `health is ignored: ${panic}`,
    ...instances
      .filter(({ candidate }) => !candidate)
      .slice(0, 5)
      .map(({ instance, state, reason }) => `not ${printable(originOf(instance))}: ${state}, ${printable(reason)}`),
  ]
  const why = reasons.filter((reason) => reason !== '').join('; ')
  return { check: 'pick', ok: true, message: `a request would go to ${printable(originOf(picked))}: ${why}` }
}

async function connectFindings({ instances }: ServiceSnapshot, invocation: Invocation): Promise<readonly Finding[]> {
  const { signal } = invocation.context
  const results = await connectAll(
    instances.map(({ instance }) => instance),
    { timeoutMs: listTimeoutMs(invocation), signal },
  )
  return results.map(({ instance, durationMs, error }: Connected) => {
    const endpoint = printable(originOf(instance))
    const message =
      error === undefined
        ? `${endpoint} accepts connections, in ${formatMs(durationMs)}`
        : `${endpoint}: ${explain(error).message}`
    return { check: 'connect', ok: error === undefined, message }
  })
}
