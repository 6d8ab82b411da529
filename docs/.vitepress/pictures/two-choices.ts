import { type Balancer, LeastRequestBalancer, RandomBalancer } from '@lb/core'
import { randomTree } from '@lb/testing/simulation'
import { defineComponent, h, ref, type VNode } from 'vue'
import { letteredInstances } from './lettered-instances.ts'
import { colourOf, picture, playerControls } from './picture.ts'
import { usePlayer } from './player.ts'

const instances = letteredInstances(Array.from({ length: 10 }, () => 1))
/** Requests that come in a step, while each instance ends one. */
const arrivals = 9
/** A bar of full height. */
const mostShown = 8

interface Side {
  readonly name: string
  readonly balancer: Balancer
  readonly inFlight: Map<string, number>
}

/** The same requests, spread at random and by the power of two choices. */
export const TwoChoices = defineComponent(() => {
  let sides = newSides()
  const shown = ref(sides.map(snapshot))
  const steps = ref(0)
  const step = (): void => {
    for (const side of sides) pass(side)
    shown.value = sides.map(snapshot)
    steps.value++
  }
  const reset = (): void => {
    sides = newSides()
    shown.value = sides.map(snapshot)
    steps.value = 0
  }
  const player = usePlayer(step, 400)
  return () =>
    picture({
      label: 'Requests in flight on ten instances, by two balancers',
      body: sides.map(({ name }, index) => bars(name, shown.value[index] ?? [])),
      caption: captionOf(shown.value, steps.value),
      controls: playerControls(player, { name: 'Next step', step }, reset),
    })
})

function newSides(): Side[] {
  const random = randomTree(1)
  const balancers: Readonly<Record<string, Balancer>> = {
    Random: new RandomBalancer({ random: random('random') }),
    'The better of two': new LeastRequestBalancer({ random: random('two choices') }),
  }
  return Object.entries(balancers).map(([name, balancer]) => {
    balancer.update(instances)
    return { name, balancer, inFlight: new Map() }
  })
}

/** Requests come, and then each instance ends the one that it works on. */
function pass({ balancer, inFlight }: Side): void {
  for (let arrived = 0; arrived < arrivals; arrived++) {
    const instance = balancer.pick()
    if (instance === undefined) return
    balancer.started?.(instance)
    inFlight.set(instance.id, (inFlight.get(instance.id) ?? 0) + 1)
  }
  for (const instance of instances) {
    const count = inFlight.get(instance.id) ?? 0
    if (count === 0) continue
    balancer.finished?.(instance, { ok: true, latencyMs: 100 * count })
    inFlight.set(instance.id, count - 1)
  }
}

function snapshot({ inFlight }: Side): number[] {
  return instances.map(({ id }) => inFlight.get(id) ?? 0)
}

function bars(name: string, counts: readonly number[]): VNode {
  const columns = counts.map((count, index) => {
    const id = instances[index]?.id ?? ''
    const height = `${(100 * Math.min(count, mostShown)) / mostShown}%`
    return h('li', { class: ['lb-bar', colourOf(id)], title: `${id}: ${count} in flight` }, [
      h('span', { style: { height } }, count > mostShown ? String(count) : ''),
    ])
  })
  return h('div', {}, [h('p', { class: 'lb-picture-title' }, name), h('ol', { class: 'lb-bars' }, columns)])
}

function captionOf([random = [], two = []]: readonly (readonly number[])[], steps: number): string {
  if (steps === 0) return `Each step brings ${arrivals} requests, and each of the 10 instances ends one.`
  const [atRandom, byTwo] = [Math.max(...random), Math.max(...two)]
  return `After ${steps} steps, the fullest instance has ${atRandom} requests at random, and ${byTwo} by the better of two.`
}
