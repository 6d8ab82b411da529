import { type experimental, Metadata } from '@grpc/grpc-js'
import type { Contender } from './contenders.ts'
import { call } from './load.ts'

/** Nanoseconds of a pick and the end of its call, without the call. grpc-js shows neither, so they are taken from within the channel. */
export async function pickNanoseconds(contender: Contender, picks: number): Promise<number> {
  // Until it is connected.
  for (let each = 0; each < 50; each++) await call(contender)
  const channel: object = Reflect.get(contender.client.getChannel(), 'internalChannel')
  const picker: experimental.Picker = Reflect.get(channel, 'currentPicker')
  const selector: experimental.ConfigSelector = Reflect.get(channel, 'configSelector')
  const metadata = new Metadata()
  const one = (): void => {
    const { pickInformation } = selector.invoke('/bench.Echo/Say', metadata, 0)
    const picked = picker.pick({ metadata, extraPickInfo: pickInformation })
    if (picked.subchannel === null) throw new Error('no pick')
    picked.onCallStarted?.()
    picked.onCallEnded?.(0, '', metadata)
  }
  for (let each = 0; each < picks; each++) one()
  const start = process.hrtime.bigint()
  for (let each = 0; each < picks; each++) one()
  return Number(process.hrtime.bigint() - start) / picks
}
