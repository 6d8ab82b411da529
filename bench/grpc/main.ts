/**
 * gRPC over lb beside grpc-js alone: `pnpm bench:grpc`. It runs the built packages, as users get them, so `pnpm build` comes first.
 * `--seconds` and `--rounds` take longer or shorter, `--quick` is short; `--write` writes `bench/results/grpc.md`. Ends with 1 when a
 * target is missed.
 */
import { parseArgs } from 'node:util'
import { writeResult } from '../result-file.ts'
import { judge } from '../target.ts'
import { ContenderProcess } from './contender-process.ts'
import { grpcContender, lbContender, withoutSlow } from './contenders.ts'
import { type LoadResult, load, slowMs, usualMs } from './load.ts'
import { pickNanoseconds } from './pick-cost.ts'
import { type GrpcFigures, report, targets } from './report.ts'
import { ServerProcess } from './server-process.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string' },
    rounds: { type: 'string' },
    quick: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const seconds = Number(values.seconds ?? 0.5)
const rounds = Number(values.rounds ?? (values.quick ? 3 : 21))
const callers = 48
const slowCallers = 10
/** A turn is so many times longer where one is slow: the 99th percentile of a hundred calls would be one of them. */
const slowTurns = 3
const slowIndex = 3

/** Interleaved, beginning with another one each round, so that what disturbs the machine disturbs all of them. */
async function compare(
  contenders: readonly ContenderProcess[],
  atOnce: number,
  turnSeconds = seconds,
): Promise<Map<string, LoadResult[]>> {
  const found = new Map<string, LoadResult[]>(contenders.map(({ name }) => [name, []]))
  for (const each of contenders) await each.load({ callers: atOnce, seconds: values.quick ? 0.5 : 3 })
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      const contender = contenders[(round + turn) % contenders.length]
      if (contender === undefined) continue
      // While the others ran, the engine threw away part of what it had compiled.
      await contender.load({ callers: atOnce, seconds: turnSeconds / 2 })
      found.get(contender.name)?.push(await contender.load({ callers: atOnce, seconds: turnSeconds }))
    }
  }
  await Promise.all(contenders.map((each) => each.close()))
  return found
}

async function throughput(count: number): Promise<Map<string, LoadResult[]>> {
  console.error(`${count} servers`)
  const servers = await ServerProcess.start(count)
  const { addresses } = servers
  const found = await compare(
    await Promise.all([
      ContenderProcess.start({ policy: 'lb' }, addresses),
      ContenderProcess.start({ policy: 'round_robin' }, addresses),
      ContenderProcess.start({ policy: 'pick_first' }, addresses),
    ]),
    callers,
  )
  servers.stop()
  return found
}

/**
 * One of ten servers takes ten times as long. Each is a process of its own, as instances are: what holds up one process, such as a garbage
 * collection, would else be the latency of all ten.
 */
async function slow(): Promise<Map<string, LoadResult[]>> {
  console.error('one of ten is slow')
  const servers = await Promise.all(Array.from({ length: 10 }, () => ServerProcess.start(1)))
  await Promise.all(
    servers.map((server, index) => server.tell({ latenciesMs: [index === slowIndex ? slowMs : usualMs] })),
  )
  const addresses = servers.flatMap((server) => server.addresses)
  const others = addresses.filter((_, index) => index !== slowIndex)
  const found = await compare(
    await Promise.all([
      ContenderProcess.start({ policy: 'lb', balancer: 'peak-ewma' }, addresses),
      ContenderProcess.start({ policy: 'lb', balancer: 'peak-ewma', note: withoutSlow }, others),
      ContenderProcess.start({ policy: 'lb', balancer: 'least-request' }, addresses),
      ContenderProcess.start({ policy: 'round_robin' }, addresses),
    ]),
    slowCallers,
    slowTurns * seconds,
  )
  for (const server of servers) server.stop()
  return found
}

/** One of three servers is killed in the middle of the load. */
async function killed(): Promise<Map<string, LoadResult[]>> {
  console.error('one of three is killed')
  const found = new Map<string, LoadResult[]>()
  for (const make of [
    (addresses: readonly string[]) => lbContender(addresses, { idempotent: true }),
    (addresses: readonly string[]) => grpcContender(addresses, 'round_robin'),
  ]) {
    const servers = await ServerProcess.start(3)
    const contender = make(servers.addresses)
    const onHalf = (): Promise<void> => servers.tell({ kill: 0 })
    found.set(contender.name, [await load(contender, { callers, seconds: values.quick ? 1 : 3 }, onHalf)])
    await contender.close()
    servers.stop()
  }
  return found
}

async function picks(): Promise<Map<string, number>> {
  console.error('picks')
  const servers = await ServerProcess.start(3)
  const found = new Map<string, number>()
  for (const make of [
    () => lbContender(servers.addresses),
    () => grpcContender(servers.addresses, 'round_robin'),
    () => grpcContender(servers.addresses, 'pick_first'),
  ]) {
    const contender = make()
    found.set(contender.name, await pickNanoseconds(contender, values.quick ? 20_000 : 200_000))
    await contender.close()
  }
  servers.stop()
  return found
}

const figures: GrpcFigures = {
  one: await throughput(1),
  three: await throughput(3),
  slow: await slow(),
  killed: await killed(),
  picks: await picks(),
  seconds,
  rounds,
  callers,
  slowCallers,
}
const text = report(figures)
console.log(text)
if (values.write) await writeResult('grpc', text)
judge(targets(figures))
