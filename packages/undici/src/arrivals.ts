/** How many interim responses, parts and ends of bodies have arrived over the connections of a client. */
export class Arrivals {
  /** Only grows. */
  count = 0
}
