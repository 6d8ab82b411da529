/** A request that is not passed on, and the status that says why. */
export class RequestRefusal extends Error {
  readonly statusCode: number

  constructor(statusCode: number, message: string) {
    super(message)
    this.name = 'RequestRefusal'
    this.statusCode = statusCode
  }
}
