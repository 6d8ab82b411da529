import { InvalidOptionError } from '@lb/core'
import * as undici from 'undici'
import { Dispatcher, errors } from 'undici'

type Handler = Dispatcher.DispatchHandler

/** @throws InvalidOptionError when the undici that is installed cannot compose dispatchers, as the one built into Bun */
export function checkUndici(): void {
  if (typeof Dispatcher?.prototype?.compose !== 'function') throw new InvalidOptionError('undici', isOtherUndici)
}

const isOtherUndici =
  'undici must be the package undici, 7.30 or later. Here it has no Dispatcher.compose: a runtime that has an undici built in, ' +
  'such as Bun, gives that one to whatever imports the package. There, use lb.execute with the fetch of the runtime'

const olderForm =
  ': the handler has the form of undici 6 and 7, as that of the fetch built into Node has. ' +
  'Use createFetch of @lb/undici or fetch of the package undici, or give the built-in one a Dispatcher1Wrapper around the dispatcher'

/** undici 7 takes handlers in every form, and its `compose` gives all of them the form of undici 8, which takes no other. */
const isUndici8 = 'Dispatcher1Wrapper' in undici
const ofResponses = ['onResponseError', 'onResponseStart', 'onResponseData', 'onResponseEnd'] as const
const ofUpgrades = ['onResponseError', 'onRequestUpgrade'] as const

/** Throws undici's InvalidArgumentError when undici would not take `handler` either. */
export function checkHandler(handler: Handler, { upgrade, method }: Dispatcher.DispatchOptions): void {
  if (typeof handler !== 'object' || handler === null) {
    throw new errors.InvalidArgumentError('handler must be an object')
  }
  if (typeof handler.onRequestStart !== 'function') {
    const isOlder = 'onConnect' in handler && typeof handler.onConnect === 'function'
    throw new errors.InvalidArgumentError(`invalid onRequestStart method${isOlder ? olderForm : ''}`)
  }
  if (!isUndici8) return
  const isUpgrade = Boolean(upgrade) || method === 'CONNECT'
  for (const name of isUpgrade ? ofUpgrades : ofResponses) {
    if (typeof handler[name] !== 'function') throw new errors.InvalidArgumentError(`invalid ${name} method`)
  }
}

/** Emits what is wrong with a request to its `handler`, as undici does; throws when that does not listen. */
export function refuse(handler: Handler, error: unknown): false {
  const given: unknown = handler
  if (typeof given !== 'object' || given === null || !('onResponseError' in given)) throw error
  if (typeof given.onResponseError !== 'function') throw error
  Reflect.apply(given.onResponseError, given, [null, error])
  return false
}
