import { type Clock, type LoadProbeResult, ProbingBalancer, type ServiceInstance } from '@lb/core'
import { randomTree } from '@lb/testing/simulation'
import { defineComponent, h, ref, type VNode } from 'vue'
import { letteredInstances } from './lettered-instances.ts'
import { colourOf, picture, playerControls } from './picture.ts'
import { usePlayer } from './player.ts'

const instances = letteredInstances(Array.from({ length: 10 }, () => 1))
/** A bar of full height. */
const mostInFlight = 8
/** How long a request takes on an instance, for each that is in flight there. */
const serviceMs = 100
const betweenCallsMs = 2_000

/** One call, which asks three instances of a fleet that others use too. */
interface Call {
  readonly loads: readonly number[]
  readonly asked: readonly string[]
  readonly picked: string | undefined
}

/** Probing: each call asks three instances for their load. */
export const Probing = defineComponent(() => {
  let client = new ProbingClient()
  const call = ref(client.idle())
  const step = (): void => {
    const asking = client
    void asking.call().then((made) => {
      if (asking === client) call.value = made
    })
  }
  const reset = (): void => {
    client = new ProbingClient()
    call.value = client.idle()
  }
  const player = usePlayer(step, 900)
  return () =>
    picture({
      label: 'The load of ten instances, and which of them a call asks and picks',
      body: [
        h(
          'ol',
          { class: 'lb-bars' },
          instances.map((instance, index) => bar(instance, index, call.value)),
        ),
      ],
      caption: captionOf(call.value),
      controls: playerControls(player, { name: 'Next call', step }, reset),
    })
})

/** A client with a call now and then: its probes are all that it knows. */
class ProbingClient {
  readonly #random = randomTree(1)
  readonly #others = this.#random('others')
  readonly #loads = instances.map(() => Math.floor(this.#others() * mostInFlight))
  #nowMs = 0
  #asked: string[] = []
  // Probes are answered at once, so that no time limit comes into play.
  readonly #clock: Clock = { now: () => this.#nowMs, setTimeout: () => () => {} }
  readonly #balancer = new ProbingBalancer({
    probe: (instance) => Promise.resolve(this.#answer(instance)),
    costMs: 0,
    clock: this.#clock,
    random: this.#random('client'),
  })

  constructor() {
    this.#balancer.update(instances)
  }

  /** Before the first call. */
  idle(): Call {
    return { loads: [...this.#loads], asked: [], picked: undefined }
  }

  async call(): Promise<Call> {
    this.#nowMs += betweenCallsMs
    this.#asked = []
    this.#letOthersMove()
    const loads = [...this.#loads]
    await this.#balancer.prepare()
    const instance = this.#balancer.pick()
    if (instance !== undefined) {
      this.#balancer.started(instance)
      this.#balancer.finished(instance, { ok: true, latencyMs: this.#answer(instance).latencyMs ?? 0 })
    }
    return { loads, asked: this.#asked, picked: instance?.id }
  }

  #answer(instance: ServiceInstance): LoadProbeResult {
    const inFlight = this.#loads[instances.indexOf(instance)] ?? 0
    if (!this.#asked.includes(instance.id)) this.#asked.push(instance.id)
    return { inFlight, latencyMs: serviceMs * (inFlight + 1) }
  }

  /** The load of the instances changes by what others do. */
  #letOthersMove(): void {
    for (const index of this.#loads.keys()) {
      const moved = (this.#loads[index] ?? 0) + Math.floor(this.#others() * 5) - 2
      this.#loads[index] = Math.max(0, Math.min(mostInFlight, moved))
    }
  }
}

function bar({ id }: ServiceInstance, index: number, { loads, asked, picked }: Call): VNode {
  const load = loads[index] ?? 0
  const state = id === picked ? 'picked' : asked.includes(id) ? 'asked' : 'unknown'
  const title = `${id}: ${load} in flight, ${state}`
  return h('li', { class: ['lb-bar', colourOf(id), `lb-${state}`], title }, [
    h('span', { style: { height: `${(100 * load) / mostInFlight}%` } }),
    h('em', {}, state === 'picked' ? '✓' : state === 'asked' ? '?' : ''),
  ])
}

function captionOf({ loads, asked, picked }: Call): string {
  if (picked === undefined) return 'Others load the instances. A client with few calls does not see how much.'
  const told = asked.map((id) => `${id} ${loads[instances.findIndex((each) => each.id === id)]}`)
  return `Asked: ${told.join(', ')} in flight. Picked: ${picked}.`
}
