import { type ErrorJson, errorJson, plainFields } from './error-json.ts'
import { fieldsOf } from './fields.ts'

/** The kind of an error, as a stable string to switch on. Each code has a section in `docs/errors.md`. */
export type LoadBalancerErrorCode =
  | 'LB_NO_AVAILABLE_INSTANCE'
  | 'LB_DISCOVERY'
  | 'LB_INVALID_INSTANCE'
  | 'LB_INVALID_OPTION'
  | 'LB_DEADLINE_EXCEEDED'
  | 'LB_OVERLOADED'
  | 'LB_CLOSED'
  | 'LB_UNKNOWN_SERVICE'
  | 'LB_UNKNOWN_INSTANCE'

/** Every code, for tests and documentation. */
export const errorCodes: readonly LoadBalancerErrorCode[] = Object.freeze([
  'LB_NO_AVAILABLE_INSTANCE',
  'LB_DISCOVERY',
  'LB_INVALID_INSTANCE',
  'LB_INVALID_OPTION',
  'LB_DEADLINE_EXCEEDED',
  'LB_OVERLOADED',
  'LB_CLOSED',
  'LB_UNKNOWN_SERVICE',
  'LB_UNKNOWN_INSTANCE',
])

/** The name of each class, as it is in messages: that of the class itself is for a minifier to change. */
const errorNames: Readonly<Record<LoadBalancerErrorCode, string>> = {
  LB_NO_AVAILABLE_INSTANCE: 'NoAvailableInstanceError',
  LB_DISCOVERY: 'DiscoveryError',
  LB_INVALID_INSTANCE: 'InvalidInstanceError',
  LB_INVALID_OPTION: 'InvalidOptionError',
  LB_DEADLINE_EXCEEDED: 'DeadlineExceededError',
  LB_OVERLOADED: 'OverloadedError',
  LB_CLOSED: 'LoadBalancerClosedError',
  LB_UNKNOWN_SERVICE: 'UnknownServiceError',
  LB_UNKNOWN_INSTANCE: 'UnknownInstanceError',
}

/** Further fields of an error. */
export interface LoadBalancerErrorOptions {
  /** `error.name` of a class derived from one of lb's errors. @default the name of the class that has the code */
  readonly name?: string | undefined
  /** The service that the error is about. */
  readonly service?: string | undefined
  /** The underlying error. */
  readonly cause?: unknown
}

// The ESM and the CommonJS build of this package may both be loaded in one process. A registered symbol is
// the same in both, so `instanceof` holds across them.
const brand = Symbol.for('@lb/core.error-code')

function codeOf(value: unknown): unknown {
  return fieldsOf(value)[brand]
}

/** The base of every error that lb throws. `code` is stable; the message is for people and may change. */
export class LoadBalancerError extends Error {
  /** The code of the errors of a class; `undefined` for the base class. */
  static readonly code: LoadBalancerErrorCode | undefined = undefined
  /** The kind of this error. */
  readonly code: LoadBalancerErrorCode
  /** The service that the error is about, if any. */
  declare readonly service?: string

  constructor(code: LoadBalancerErrorCode, message: string, options: LoadBalancerErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    if (options.service !== undefined)
      Object.defineProperty(this, 'service', { value: options.service, enumerable: true })
    Object.defineProperty(this, brand, { value: code })
    Object.defineProperty(this, 'name', {
      value: options.name ?? errorNames[code],
      configurable: true,
      writable: true,
    })
  }

  /**
   * Name, message, code, the error's own texts and numbers, and the chain of causes, for `JSON.stringify` and loggers that use it.
   */
  toJSON(): ErrorJson {
    return { ...plainFields(this), ...errorJson(this) }
  }

  /** Works for errors of any copy of this package. A class that is derived outside of it is distinguished as usual. */
  static override [Symbol.hasInstance](value: unknown): boolean {
    return isInstanceOf(this, value)
  }
}

function isInstanceOf(type: typeof LoadBalancerError, value: unknown): boolean {
  try {
    if (!Object.hasOwn(type, 'code')) return Function.prototype[Symbol.hasInstance].call(type, value)
    const code = codeOf(value)
    return code !== undefined && (type.code === undefined || type.code === code)
  } catch {
    // Whatever can be thrown may itself throw when it is looked at.
    return false
  }
}

/** No instance of the service can take a request now. The message counts the known instances by state. */
export class NoAvailableInstanceError extends LoadBalancerError {
  static override readonly code = 'LB_NO_AVAILABLE_INSTANCE' as const
  constructor(message: string, options?: LoadBalancerErrorOptions) {
    super(NoAvailableInstanceError.code, message, options)
  }
}

/** The discovery failed, or gave something that is not a list of instances. `cause` is what it threw. */
export class DiscoveryError extends LoadBalancerError {
  static override readonly code = 'LB_DISCOVERY' as const
  constructor(message: string, options?: LoadBalancerErrorOptions) {
    super(DiscoveryError.code, message, options)
  }
}

/** A description of an instance cannot be used. The message names the field, the value and the remedy. */
export class InvalidInstanceError extends LoadBalancerError {
  static override readonly code = 'LB_INVALID_INSTANCE' as const
  /** The field at fault, such as `port`. */
  readonly field: string
  constructor(field: string, message: string, options?: LoadBalancerErrorOptions) {
    super(InvalidInstanceError.code, message, options)
    this.field = field
  }
}

/** An option or argument cannot be used. The message names the option, what is legal and what was given. */
export class InvalidOptionError extends LoadBalancerError {
  static override readonly code = 'LB_INVALID_OPTION' as const
  /** The path of the option at fault, such as `services.user-service.refreshIntervalMs`. */
  readonly option: string
  constructor(option: string, message: string, options?: LoadBalancerErrorOptions) {
    super(InvalidOptionError.code, message, options)
    this.option = option
  }
}

/** A call, or one attempt of it, did not end within its time limit. */
export class DeadlineExceededError extends LoadBalancerError {
  static override readonly code = 'LB_DEADLINE_EXCEEDED' as const
  constructor(message: string, options?: LoadBalancerErrorOptions) {
    super(DeadlineExceededError.code, message, options)
  }
}

/** The call was refused before it was sent: limits of requests in flight are reached, or most requests are refused. */
export class OverloadedError extends LoadBalancerError {
  static override readonly code = 'LB_OVERLOADED' as const
  constructor(message: string, options?: LoadBalancerErrorOptions) {
    super(OverloadedError.code, message, options)
  }
}

/** A load balancer, discovery or registrar was used after its `close()`, or closed while the caller was waiting. */
export class LoadBalancerClosedError extends LoadBalancerError {
  static override readonly code = 'LB_CLOSED' as const
  constructor(message: string, options?: LoadBalancerErrorOptions) {
    super(LoadBalancerClosedError.code, message, options)
  }
}

/** Control was asked for a service that is neither configured nor in use. Nothing is looked up for it. */
export class UnknownServiceError extends LoadBalancerError {
  static override readonly code = 'LB_UNKNOWN_SERVICE' as const
  /** Names of services that are there: at most ten. */
  readonly known: readonly string[]
  constructor(message: string, { known = [], ...options }: UnknownNameErrorOptions = {}) {
    super(UnknownServiceError.code, message, options)
    this.known = known
  }
}

/** Control was asked for an instance that the service does not have. */
export class UnknownInstanceError extends LoadBalancerError {
  static override readonly code = 'LB_UNKNOWN_INSTANCE' as const
  /** Ids of instances that are there: at most ten. */
  readonly known: readonly string[]
  constructor(message: string, { known = [], ...options }: UnknownNameErrorOptions = {}) {
    super(UnknownInstanceError.code, message, options)
    this.known = known
  }
}

/** Further fields of an error about a name that is not known. */
export interface UnknownNameErrorOptions extends LoadBalancerErrorOptions {
  /** Names that are known. @default [] */
  readonly known?: readonly string[] | undefined
}
