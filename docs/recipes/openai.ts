// #region recipe
import { createFetch } from '@lb/undici'
import OpenAI from 'openai'
import { lb, twelveCalls } from './service.ts'

// A completion is a POST: to repeat one costs tokens, and hurts nothing else.
const fetch = createFetch(lb, { idempotent: () => true })
const models = new OpenAI({ apiKey: 'none', baseURL: 'http://user-service/v1', fetch, maxRetries: 0 })

const complete = () =>
  models.chat.completions.create({ model: 'llama', messages: [{ role: 'user', content: 'Hello' }] })
// #endregion recipe
await twelveCalls(complete)
await fetch.close()
