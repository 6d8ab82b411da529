/** The two versions of the HTTP API of which every server has one: 1.x and 2.x `v1`, 3.2 and later `v3`, 3.0 and 3.1 both. */
export type ApiVersion = 'v3' | 'v1'

/**
 * A server that does not have an API says so by one of these: 404 (v3 on 1.x, v1 on 3.2), 405, 501 ("no such api", 2.x) or 410 (switched
 * off, 3.x). Every other status is the word of the API itself: neither a refusal nor a failure is a reason to try another one.
 */
const absentStatuses: ReadonlySet<number> = new Set([404, 405, 410, 501])

/** Codes of the API about what was asked for, such as "instance not found": a server that gives them has the API. */
const resourceCode = /"code"\s*:\s*2\d{4}\b/

/** Whether an answer says that the server does not have the version of the API that was asked for. */
export function lacksApi({ status, text }: { readonly status: number; readonly text: string }): boolean {
  return absentStatuses.has(status) && !(status === 404 && resourceCode.test(text.slice(0, 1_000)))
}

export function otherApi(version: ApiVersion): ApiVersion {
  return version === 'v3' ? 'v1' : 'v3'
}
