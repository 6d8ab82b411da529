/** How long a connection to an instance may take to be made, in milliseconds; nothing was sent then, and any request moves on. */
export const connectTimeoutMs = 3_000
