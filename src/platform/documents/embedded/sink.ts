import type { Doc } from './values.js';

/** Takes documents one by one and hands on what becomes of them. `push` answers false when it wants no more. */
export interface Sink {
  push(document: Doc): boolean;
  end(): void;
}
