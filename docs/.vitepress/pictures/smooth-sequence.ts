import { type ServiceInstance, SmoothWeightedRoundRobinBalancer } from '@lb/core'
import { computed, defineComponent, h, ref, type VNode } from 'vue'
import { letteredInstances } from './lettered-instances.ts'
import { button, colourOf, picture, playerControls } from './picture.ts'
import { usePlayer } from './player.ts'

const names = ['a', 'b', 'c']
const mostWeight = 9

/** The sequence of smooth weighted round robin, pick by pick, for weights that can be changed. */
export const SmoothSequence = defineComponent(() => {
  const weights = ref([5, 1, 1])
  const at = ref(0)
  const turn = computed(() => turnOf(letteredInstances(weights.value)))
  const step = (): void => {
    at.value = (at.value % turn.value.length) + 1
  }
  const player = usePlayer(step)
  const reset = (): void => {
    at.value = 0
  }
  const weigh = (index: number, by: number): void => {
    weights.value = weights.value.map((weight, each) => (each === index ? weight + by : weight))
    reset()
  }
  return () =>
    picture({
      label: 'One turn of smooth weighted round robin',
      body: [
        h(
          'ol',
          { class: 'lb-cells' },
          turn.value.map((id, index) => cell(id, index, at.value)),
        ),
      ],
      caption: captionOf(turn.value.slice(0, at.value), turn.value.length),
      controls: [
        ...playerControls(player, { name: 'Next pick', step }, reset),
        ...weights.value.map((weight, index) => weightControl(index, weight, weigh)),
      ],
    })
})

/** What the balancer picks until it begins anew. */
function turnOf(instances: readonly ServiceInstance[]): string[] {
  const balancer = new SmoothWeightedRoundRobinBalancer({ start: 0 })
  balancer.update(instances)
  const length = instances.reduce((sum, { weight }) => sum + weight, 0)
  return Array.from({ length }, () => balancer.pick()?.id ?? '')
}

function cell(id: string, index: number, at: number): VNode {
  const state = index + 1 === at ? 'now' : index < at ? 'past' : 'coming'
  return h('li', { class: ['lb-cell', colourOf(id), `lb-${state}`] }, id)
}

function captionOf(picked: readonly string[], length: number): string {
  if (picked.length === 0) return `A turn is ${length} picks, as many as the weights together.`
  const counts = names.map((name) => `${name} ${picked.filter((id) => id === name).length}`)
  return `Pick ${picked.length} of ${length} is ${picked.at(-1)}. So far: ${counts.join(', ')}.`
}

function weightControl(index: number, weight: number, weigh: (index: number, by: number) => void): VNode {
  const name = names[index] ?? ''
  return h('span', { class: ['lb-weight', colourOf(name)] }, [
    button('−', () => weigh(index, -1), { 'aria-label': `Less weight for ${name}`, disabled: weight === 1 }),
    `${name}: ${weight}`,
    button('+', () => weigh(index, 1), { 'aria-label': `More weight for ${name}`, disabled: weight === mostWeight }),
  ])
}
