import { type Balancer, MaglevBalancer, RingHashBalancer } from '@lb/core'
import { computed, defineComponent, h, ref, type VNode } from 'vue'
import { letteredInstances } from './lettered-instances.ts'
import { button, colourOf, picture } from './picture.ts'

const instances = letteredInstances([1, 1, 1, 1, 1])
const keys = Array.from({ length: 60 }, (_, number) => `user ${number}`)
const algorithms: Readonly<Record<string, () => Balancer>> = {
  'Ring hash': () => new RingHashBalancer(),
  Maglev: () => new MaglevBalancer(),
}

/** Sixty keys and their instances, by ring hash and by Maglev, when instances leave and return. */
export const HashOwners = defineComponent(() => {
  const absent = ref<readonly string[]>([])
  const owners = computed(() => Object.values(algorithms).map((create) => ownersOf(create(), absent.value)))
  const toggle = (id: string): void => {
    absent.value = absent.value.includes(id) ? absent.value.filter((each) => each !== id) : [...absent.value, id]
  }
  return () =>
    picture({
      label: 'Which instance each of sixty keys has',
      body: Object.keys(algorithms).map((name, index) => grid(name, originals[index] ?? [], owners.value[index] ?? [])),
      caption: captionOf(owners.value, absent.value),
      controls: instances.map(({ id }) => instanceControl(id, absent.value, toggle)),
    })
})

function ownersOf(balancer: Balancer, absent: readonly string[]): string[] {
  balancer.update(instances.filter(({ id }) => !absent.includes(id)))
  return keys.map((hashKey) => balancer.pick({ hashKey })?.id ?? '')
}

/** While every instance is there. */
const originals = Object.values(algorithms).map((create) => ownersOf(create(), []))

function grid(name: string, before: readonly string[], now: readonly string[]): VNode {
  const cells = now.map((id, index) => {
    const moved = id !== before[index]
    const title = moved ? `${keys[index]}: ${before[index]} → ${id}` : `${keys[index]}: ${id}`
    return h('li', { class: ['lb-cell', 'lb-small', colourOf(id), moved && 'lb-now'], title }, id)
  })
  return h('div', {}, [h('p', { class: 'lb-picture-title' }, name), h('ol', { class: 'lb-cells' }, cells)])
}

function captionOf(owners: readonly (readonly string[])[], absent: readonly string[]): string {
  const counts = Object.keys(algorithms).map((name, index) => {
    const before = originals[index] ?? []
    const moved = before.filter((id, key) => id !== owners[index]?.[key])
    const had = moved.filter((id) => absent.includes(id))
    return `${name}: ${moved.length} of ${keys.length} keys moved, ${had.length} had to.`
  })
  return counts.join(' ')
}

function instanceControl(id: string, absent: readonly string[], toggle: (id: string) => void): VNode {
  const isAbsent = absent.includes(id)
  const disabled = !isAbsent && absent.length === instances.length - 1
  return button(`${id} ${isAbsent ? 'returns' : 'leaves'}`, () => toggle(id), { class: colourOf(id), disabled })
}
