const WINDOW_MS = 1000;
/** Destinations that rest are forgotten when there are more than these. */
const DESTINATIONS_KEPT = 1000;

interface Destination {
  /** When the last ones were let through (performance.now()), at most as many as a window holds. */
  readonly began: number[];
  /** In the order in which they came. */
  readonly waiting: Array<(go: boolean) => void>;
  timer: NodeJS.Timeout | undefined;
}

/** Lets so many connections a second begin to one destination, whoever wants them; the others wait their turn, each destination by itself. */
export class DialRate {
  private readonly destinations = new Map<string, Destination>();

  /** @param perSecond 0 sets no limit */
  constructor(private readonly perSecond: number) {}

  /** Ends with true when a connection may begin, with false when the signal came first: then it cost the destination nothing. */
  async turn(destination: string, signal?: AbortSignal): Promise<boolean> {
    if (signal?.aborted) return false;
    if (this.perSecond === 0) return true;
    const at = this.of(destination);
    return new Promise((resolve) => {
      const settle = (go: boolean): void => {
        signal?.removeEventListener('abort', leave);
        resolve(go);
      };
      const leave = (): void => {
        const index = at.waiting.indexOf(settle);
        if (index >= 0) at.waiting.splice(index, 1);
        settle(false);
      };
      at.waiting.push(settle);
      signal?.addEventListener('abort', leave, { once: true });
      this.letGo(at);
    });
  }

  private letGo(at: Destination): void {
    clearTimeout(at.timer);
    const now = performance.now();
    while (at.waiting.length > 0) {
      const [oldest = -Infinity] = at.began.length < this.perSecond ? [] : at.began;
      const waitMs = oldest + WINDOW_MS - now;
      if (waitMs > 0) {
        at.timer = setTimeout(() => this.letGo(at), Math.ceil(waitMs));
        return;
      }
      if (at.began.length >= this.perSecond) at.began.shift();
      at.began.push(now);
      at.waiting.shift()?.(true);
    }
  }

  private of(name: string): Destination {
    const known = this.destinations.get(name);
    if (known) return known;
    if (this.destinations.size >= DESTINATIONS_KEPT) this.forgetResting();
    const made: Destination = { began: [], waiting: [], timer: undefined };
    this.destinations.set(name, made);
    return made;
  }

  private forgetResting(): void {
    const now = performance.now();
    for (const [name, { began, waiting }] of this.destinations) {
      if (waiting.length === 0 && now - (began.at(-1) ?? -Infinity) >= WINDOW_MS) this.destinations.delete(name);
    }
  }
}
