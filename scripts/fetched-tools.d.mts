/** The fields of `process` that decide what is fetched. */
export interface Machine {
  readonly platform: string
  readonly arch: string
  readonly versions: { readonly node: string }
}
export function nodePackage(process: Machine): { readonly name: string; readonly version: string } | undefined
export function runsTheTools(version: string): boolean
export function wantedTools(process: Machine, options: { readonly hasFetchedNode: boolean }): string[] | undefined
