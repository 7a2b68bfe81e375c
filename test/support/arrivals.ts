import { LoopbackReceiver } from '../../src/demo/loopback-receiver.js';
import { freePort } from './free-port.js';

/** What one receiver got of the events with a prefix in their ids, made by `producerEvents`: counted, not kept. */
export class Arrivals {
  private readonly counts = new Map<string, number>();
  private readonly lastOfSubject = new Map<string, number>();
  /** First arrivals that came after a later event of their subject. */
  disordered = 0;
  repeated = 0;
  /** Messages that are not one whole event. */
  torn = 0;
  /** performance.now() of the last first arrival. */
  lastAt = 0;

  private constructor(readonly receiver: LoopbackReceiver, private readonly prefix: string) {
    receiver.onMessage(({ text }) => this.take(text));
  }

  static async start(prefix: string, port?: number): Promise<Arrivals> {
    return new Arrivals(await LoopbackReceiver.start({ protocol: 'tcp', keep: 0, port: port ?? (await freePort()) }), prefix);
  }

  /** Different events that came. */
  get distinct(): number {
    return this.counts.size;
  }

  has(id: string): boolean {
    return this.counts.has(id);
  }

  private take(text: string): void {
    const event = read(text);
    if (!event) {
      this.torn++;
      return;
    }
    const { id, subject, attributes } = event;
    if (!id.startsWith(this.prefix)) return;
    const count = this.counts.get(id) ?? 0;
    this.counts.set(id, count + 1);
    if (count > 0) {
      this.repeated++;
      return;
    }
    this.lastAt = performance.now();
    const number = attributes.number ?? -1;
    if (number < (this.lastOfSubject.get(subject.id) ?? -1)) this.disordered++;
    else this.lastOfSubject.set(subject.id, number);
  }
}

interface Arrived {
  id: string;
  subject: { id: string };
  attributes: { number?: number };
}

/** The JSON event behind a syslog header. */
function read(text: string): Arrived | undefined {
  try {
    return JSON.parse(text.slice(text.indexOf('{'))) as Arrived;
  } catch {
    return undefined;
  }
}
