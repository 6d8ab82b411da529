/** The one method of the servers. */
export const path = '/bench.Echo/Say'
