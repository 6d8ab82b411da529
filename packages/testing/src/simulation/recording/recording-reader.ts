import { parseInstance, type ServiceInstance } from '@lb/core'
import { rejectOption } from '@lb/core/authoring'
import { LineFields } from './line-fields.ts'
import { failureReply, noReply } from './recorded-reply.ts'
import { RecordedService } from './recorded-service.ts'
import type { ReadRecording, RecordedFailure } from './recording.ts'
import type { RecordingLine } from './recording-lines.ts'

const maxServices = 100_000
const maxInstances = 10_000_000
const maxAttempts = 1_000
const maxErrors = 1_000

/** A time limit of the caller's passed: the attempt had no reply. */
const timeLimits: ReadonlySet<string> = new Set(['LB_DEADLINE_EXCEEDED', 'TimeoutError'])

/** Takes the lines after the header, in their order. */
export class RecordingReader {
  readonly #services: RecordedService[] = []
  readonly #instances: { readonly instance: ServiceInstance; readonly service: RecordedService }[] = []
  readonly #failures: RecordedFailure[] = []
  readonly #failureNumbers = new Map<string, number>()
  #lost = 0
  #endMs = 0

  read(line: RecordingLine): void {
    const fields = new LineFields(line)
    if (fields.has('call')) this.#call(line, fields)
    else if (fields.has('instance')) this.#instance(line, fields)
    else if (fields.has('name')) this.#service(fields)
    else if (fields.has('at')) this.#happened(fields)
    else fields.reject('call', 'given, or name, instance or at')
  }

  /** The recording of one service: the only one that has calls, if no name is given. */
  recordingOf(name: string | undefined): ReadRecording {
    const called = this.#services.filter(({ hasCalls }) => hasCalls)
    const found = called.filter((each) => name === undefined || each.name === name)
    const [service] = found
    if (service !== undefined && found.length === 1) {
      return service.recording({ durationMs: this.#endMs, lost: this.#lost, failures: this.#failures })
    }
    const names = called.slice(0, 20).map((each) => JSON.stringify(each.name.slice(0, 80)))
    const known = names.length === 0 ? 'the recording holds no call' : `calls were recorded of ${names.join(', ')}`
    return rejectOption('readRecording.service', 'the name of a service that has calls in the recording', name, known)
  }

  #service(fields: LineFields): void {
    const number = this.#services.length
    if (fields.count('service', Math.min(number, maxServices)) !== number) {
      fields.reject('service', `${number}, the next number`)
    }
    this.#services.push(new RecordedService(fields.text('name') ?? ''))
  }

  #instance(line: RecordingLine, fields: LineFields): void {
    const number = this.#instances.length
    if (fields.count('instance', Math.min(number, maxInstances)) !== number) {
      fields.reject('instance', `${number}, the next number`)
    }
    const service = this.#serviceOf(fields)
    const { service: _service, instance: _instance, ...init } = line.fields
    try {
      // It checks every field.
      this.#instances.push({ service, instance: parseInstance(init as Parameters<typeof parseInstance>[0]) })
    } catch (error) {
      fields.reject('instance', `one that can be used (${error instanceof Error ? error.message : String(error)})`)
    }
  }

  #happened(fields: LineFields): void {
    const atMs = fields.ms('at')
    this.#endMs = Math.max(this.#endMs, atMs)
    if (fields.has('lost')) this.#lost += fields.count('lost', Number.MAX_SAFE_INTEGER)
    if (!fields.has('service')) return
    const service = this.#serviceOf(fields)
    const added = fields.list('added').map((number) => this.#instanceOf(fields, 'added', number, service))
    const removed = fields.list('removed').map((id) => {
      return typeof id === 'string' ? id : fields.reject('removed', 'an array of ids')
    })
    service.lists.push({ atMs, added, removed })
  }

  #call(line: RecordingLine, fields: LineFields): void {
    const atMs = fields.ms('call')
    const ms = fields.ms('ms')
    this.#endMs = Math.max(this.#endMs, atMs + ms)
    const service = this.#serviceOf(fields)
    const attempts = fields.list('attempts')
    if (attempts.length > maxAttempts) fields.reject('attempts', `at most ${maxAttempts} attempts`)
    for (const [index, attempt] of attempts.entries()) {
      if (typeof attempt !== 'object' || attempt === null) fields.reject('attempts', 'an array of objects')
      const inner = new LineFields({ number: line.number, fields: { ...attempt } }, `: attempts[${index}]`)
      this.#attempt(service, atMs, inner)
    }
    const result = fields.text('result') ?? 'ok'
    const idempotent = fields.flag('idempotent') ?? true
    service.addCall({ atMs, idempotent }, { ms, result, error: fields.text('error'), attempts: attempts.length })
  }

  #attempt(service: RecordedService, callAtMs: number, fields: LineFields): void {
    const on = fields.count('on', this.#instances.length - 1)
    const { id } = this.#instanceOf(fields, 'on', on, service)
    const ms = fields.ms('ms')
    const inFlightMs = Math.max(ms, fields.ms('inFlightMs', ms))
    const timed = { atMs: callAtMs + fields.ms('at', 0), ms, inFlightMs }
    const error = fields.text('error')
    if (error === 'cancelled') service.addCancelled(id, timed)
    else service.addResponse(id, { ...timed, reply: this.#replyOf(fields, error) })
  }

  #replyOf(fields: LineFields, error: string | undefined): number {
    const ok = fields.flag('ok')
    if (fields.has('status')) {
      const status = fields.count('status', 599)
      if (status < 100) fields.reject('status', 'a status of HTTP')
      // The application judged it otherwise: what counts is the verdict.
      if (ok !== undefined && ok !== status < 500) return ok ? 200 : 500
      return status
    }
    if (error === undefined) return ok === false ? 500 : 200
    if (timeLimits.has(error)) return noReply
    return failureReply(this.#failureNumber(fields, error))
  }

  #failureNumber(fields: LineFields, code: string): number {
    const blamed = fields.text('blame') !== 'none'
    const key = `${blamed} ${code}`
    const known = this.#failureNumbers.get(key)
    if (known !== undefined) return known
    const number = this.#failures.length
    if (number >= maxErrors) fields.reject('error', `one of ${maxErrors} different ones at most`)
    this.#failureNumbers.set(key, number)
    // Made once: a stack trace costs more than a call.
    this.#failures.push({ error: Object.assign(new Error(`recorded: ${code}`), { code }), blamed })
    return number
  }

  #serviceOf(fields: LineFields): RecordedService {
    const service = this.#services[fields.count('service', this.#services.length - 1)]
    return service ?? fields.reject('service', 'the number of an earlier line')
  }

  #instanceOf(fields: LineFields, name: string, number: unknown, service: RecordedService): ServiceInstance {
    const found = typeof number === 'number' ? this.#instances[number] : undefined
    if (found?.service !== service) fields.reject(name, 'of numbers of instances of this service, from earlier lines')
    return found.instance
  }
}
