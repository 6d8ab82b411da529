import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import { readMarkdown, root } from '../markdown.ts'

export const folder: string = join(root, 'docs/recipes')

/** What the page of a recipe says that it prints, if it has a page of its own. */
export function saidBy(recipe: string): string | undefined {
  const page = `docs/recipes/${recipe}.md`
  if (!existsSync(join(root, page))) return undefined
  const [, said] = /^```text\n([\s\S]*?)^```/m.exec(readMarkdown(page)) ?? []
  return said
}

/** A program of docs/recipes, in a process of its own: it uses the packages as they were built. */
export class RecipeProcess implements AsyncDisposable {
  /** What it printed so far, on its standard output and error. */
  printed = ''
  readonly #child: ChildProcess
  readonly #closed: Promise<unknown>

  constructor(recipe: string, environment: Readonly<Record<string, string>> = {}) {
    const env = { ...process.env, NO_COLOR: '1', ...environment }
    const child = spawn(process.execPath, [join(folder, `${recipe}.ts`)], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    this.#child = child
    this.#closed = once(child, 'close')
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (this.printed += chunk))
  }

  /** Resolves once it has printed `text`. */
  async prints(text: string): Promise<void> {
    await vi.waitFor(() => expect(this.printed).toContain(text), { timeout: 30_000 })
  }

  /** Resolves with all that it printed, when it has ended. */
  async end(): Promise<string> {
    await this.#closed
    return this.printed
  }

  /** Asks it to end, and resolves with its exit code when it has. */
  async terminate(): Promise<number | null> {
    this.#child.kill('SIGTERM')
    await this.#closed
    return this.#child.exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#closed
  }
}
