/** Which method stands for which of HTTP: the first may be repeated, the second may not. */
export const grpcMethods = { GET: '/chaos.v1.Users/GetUser', POST: '/chaos.v1.Users/AddUser' } as const
