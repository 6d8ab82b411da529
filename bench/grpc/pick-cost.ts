import { type experimental, Metadata } from '@grpc/grpc-js'
import { spreadOf } from '../spread.ts'
import type { Contender } from './contenders.ts'
import { call } from './load.ts'

/** Calls in one turn of the event loop. */
const inTurn = 50

/**
 * Nanoseconds of all that the policy does for a call: its configuration, its pick, its filters and its end, without the call. grpc-js
 * shows none of it, so it is taken from within the channel.
 */
export async function pickNanoseconds(contender: Contender, picks: number): Promise<number> {
  // Until it is connected.
  for (let each = 0; each < 50; each++) await call(contender)
  const channel: object = Reflect.get(contender.client.getChannel(), 'internalChannel')
  const picker: experimental.Picker = Reflect.get(channel, 'currentPicker')
  const selector: experimental.ConfigSelector = Reflect.get(channel, 'configSelector')
  const metadata = new Metadata()
  const status = { code: 0, details: '', metadata }
  const message = Promise.resolve(Buffer.alloc(0))
  const one = (): void => {
    const { pickInformation, dynamicFilterFactories } = selector.invoke('/bench.Echo/Say', metadata, 0)
    const [filter] = dynamicFilterFactories.map((factory) => factory.createFilter())
    const picked = picker.pick({ metadata, extraPickInfo: pickInformation })
    if (picked.subchannel === null) throw new Error('no pick')
    picked.onCallStarted?.()
    void filter?.receiveMessage(message)
    picked.onCallEnded?.(0, '', metadata)
    filter?.receiveTrailers(status)
  }
  const measured: number[] = []
  for (let turn = 0; turn < picks / inTurn; turn++) {
    const start = process.hrtime.bigint()
    for (let each = 0; each < inTurn; each++) one()
    measured.push(Number(process.hrtime.bigint() - start) / inTurn)
    await new Promise((resolve) => setImmediate(resolve))
  }
  // The first half is for the compiler.
  return spreadOf(measured.slice(measured.length / 2)).median
}
