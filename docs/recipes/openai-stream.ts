import { EventEmitter, once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import { StaticDiscovery } from '@lb/core'
import { startInstances } from './instances.ts'

// A server that sends each token only after the reader has the one before.
const reader = new EventEmitter()
let dies = false
async function answerSlowly(response: ServerResponse): Promise<void> {
  response.setHeader('content-type', 'text/event-stream')
  for (const content of ['One', 'by', 'one']) {
    const read = once(reader, 'read')
    console.log(`sent ${content}`)
    response.write(`data: ${JSON.stringify({ choices: [{ index: 0, delta: { content } }] })}\n\n`)
    await read
    if (dies) return void response.destroy()
  }
  response.end('data: [DONE]\n\n')
}
const server = createServer((_, response) => void answerSlowly(response)).listen(0, '127.0.0.1')
await once(server, 'listening')
const address = server.address()
const alive = `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`

const [dead] = await startInstances('dead')
await dead?.stop()
const discovery = new StaticDiscovery({ llama: [dead?.address ?? '', alive] })

// #region recipe
import { LoadBalancer } from '@lb/core'
import { createFetch } from '@lb/undici'
import OpenAI from 'openai'

const lb = new LoadBalancer({ discovery })
const fetch = createFetch(lb, { idempotent: () => true })
const models = new OpenAI({ apiKey: 'none', baseURL: 'http://llama/v1', fetch, maxRetries: 0 })

async function answer(question: string): Promise<void> {
  const stream = await models.chat.completions.create({
    model: 'llama',
    messages: [{ role: 'user', content: question }],
    stream: true,
  })
  for await (const { choices } of stream) {
    console.log(`received ${choices[0]?.delta.content}`)
    reader.emit('read')
  }
}
// #endregion recipe
// One of the two calls begins at the instance that is dead.
await answer('How do you answer?')
await answer('How do you answer?')
console.log('the instance dies in the middle:')
dies = true
await answer('How do you answer?').catch((error: Error) =>
  console.log(`the stream ends with an error: ${error.message}`),
)
await fetch.close()
await lb.close()
server.close()
