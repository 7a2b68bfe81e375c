import { Agent, request } from 'node:http';
import { sampleEvent } from '../../../src/model/sample-events.js';
import { ADMIN_PASSWORD } from '../../support/service.js';

/** A steady producer whose events bear the time of their sending in their id. */

const agent = new Agent({ keepAlive: true, maxSockets: 32 });
const nowUs = () => Math.round((performance.timeOrigin + performance.now()) * 1000);

export function eventOf(id: string): object {
  const { receivedAt: _ours, message: _template, ...event } = sampleEvent('account.owner.changed');
  return { ...event, id, occurredAt: new Date().toISOString(), attributes: { ...event.attributes, note: 'x'.repeat(160) } };
}

/** Posts one event or several and gives the time of the answer. */
export function post(port: number, events: object): Promise<number> {
  const body = JSON.stringify(events);
  return new Promise((resolve, reject) => {
    const sent = request({ port, host: '127.0.0.1', path: '/api/v1/events', method: 'POST', agent, auth: `admin:${ADMIN_PASSWORD}`, headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) } }, (response) => {
      const at = nowUs();
      response.resume();
      response.once('end', () => (response.statusCode === 202 ? resolve(at) : reject(new Error(`the intake answered ${response.statusCode}`))));
    });
    sent.once('error', reject);
    sent.end(body);
  });
}

const BATCH = 500;

/** So many events in batches, by four producers that each send the next batch when the last one was answered. @param first the number of the first */
export async function rush(port: number, events: number, eventAt: (number: number) => object, first = 0): Promise<void> {
  const end = first + events;
  let next = first;
  const producer = async () => {
    for (let from = next; from < end; from = next) {
      next += BATCH;
      await post(port, Array.from({ length: Math.min(BATCH, end - from) }, (_, index) => eventAt(from + index)));
    }
  };
  await Promise.all([producer(), producer(), producer(), producer()]);
}

/** One event a request at a steady rate. By the time of sending, when the answer was there; microseconds since 1970. */
export async function steady(port: number, rate: number, seconds: number): Promise<Map<number, number>> {
  const accepted = new Map<number, number>();
  const begun = performance.now();
  const answers: Promise<void>[] = [];
  for (let sent = 0; sent < seconds * rate; sent++) {
    const waitMs = begun + (sent * 1000) / rate - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    const us = nowUs();
    answers.push(post(port, eventOf(`lat-${us}`)).then((at) => void accepted.set(us, at)));
  }
  await Promise.all(answers);
  return accepted;
}

export function producersEnd(): void {
  agent.destroy();
}
