import type { Failure } from '../../../model/failure.js';
import type { HttpAnswer, HttpRequest } from './http-connection.js';

/** What an answer means for the events of its request. */
export type Verdict =
  /** All of them are there; `receipt` is the number under which the receiver will acknowledge them later. */
  | { type: 'taken'; receipt?: number }
  /** All but these, which can never be taken. */
  | { type: 'taken-but'; refused: ReadonlyArray<{ index: number; status: number; reason: string }> }
  /** None counts, because of this one, as it says: it is tried alone, and the others without it. */
  | { type: 'refused-one'; index: number; status: number; reason: string }
  /** None counts, and it does not say which is to blame. */
  | { type: 'refused'; status: number; reason: string }
  | { type: 'too-large'; status: number; reason: string }
  | { type: 'failed'; failure: Failure };

/** How one kind of receiver is spoken to: a pure pair of functions over Node's HTTP. */
export interface Intake {
  /** The request for some events, each of them wrapped as the receiver wants it. */
  request(events: readonly Uint8Array[]): HttpRequest;
  /** @param events how many the request had */
  judge(answer: HttpAnswer, events: number): Verdict;
}
