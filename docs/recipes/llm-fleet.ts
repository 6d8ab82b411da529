import { StaticDiscovery } from '@lb/core'
import { startInstances } from './instances.ts'

const instances = await startInstances('first', 'second', 'third')
for (const instance of instances) {
  const message = { role: 'assistant', content: instance.id }
  const body = JSON.stringify({ choices: [{ index: 0, message, finish_reason: 'stop' }] })
  instance.script = { headers: { 'content-type': 'application/json' }, body }
}
const discovery = new StaticDiscovery({ llama: instances.map(({ address }) => address) })

// #region recipe
import { LoadBalancer, RingHashBalancer } from '@lb/core'
import { createFetch } from '@lb/undici'
import OpenAI from 'openai'

const lb = new LoadBalancer({
  discovery,
  services: { llama: { balancer: () => new RingHashBalancer({ loadFactor: 1.25 }) } },
})

/** How a conversation begins: its system prompt and its first question. The instance that has seen them has them in its cache. */
function prefixOf(body: unknown): string | undefined {
  if (typeof body !== 'string') return undefined
  const { model, messages } = JSON.parse(body) as { model: string; messages: unknown[] }
  return JSON.stringify([model, messages.slice(0, 2)])
}

const fetch = createFetch(lb, { hashKey: ({ body }) => prefixOf(body), idempotent: () => true })
const models = new OpenAI({ apiKey: 'none', baseURL: 'http://llama/v1', fetch, maxRetries: 0 })
// #endregion recipe

/** Asks five questions, and gives the instances that answered. */
async function conversation(topic: number): Promise<Set<string>> {
  const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'system', content: 'Be brief.' }]
  const answeredBy = new Set<string>()
  for (let question = 0; question < 5; question++) {
    messages.push({ role: 'user', content: `Question ${question} about ${topic}` })
    const { choices } = await models.chat.completions.create({ model: 'llama', messages })
    const content = choices[0]?.message.content ?? ''
    answeredBy.add(content)
    messages.push({ role: 'assistant', content })
  }
  return answeredBy
}

let stayed = 0
const used = new Set<string>()
for (let topic = 0; topic < 20; topic++) {
  const answeredBy = await conversation(topic)
  if (answeredBy.size === 1) stayed++
  for (const name of answeredBy) used.add(name)
}
console.log(`${stayed} of 20 conversations stayed at one instance; ${used.size} instances were used`)
await fetch.close()
await lb.close()
await Promise.all(instances.map((instance) => instance.stop()))
