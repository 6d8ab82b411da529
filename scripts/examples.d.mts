/** One example program. */
export interface Example {
  readonly description: string | undefined
  /** The file that its `start` runs, from the root of the repository. */
  readonly entry: string
}
export function examples(root: string): Map<string, Example>
export function exampleList(root: string): string
