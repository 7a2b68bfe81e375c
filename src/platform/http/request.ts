import type { Request } from 'express';
import type { Principal } from '../access/rights.js';

/** A request as handlers of Tidegate see it. */
export interface GateRequest extends Request {
  /** Names the request in answers (`X-Request-Id`), problems and the log. */
  id: string;
  /** The body as it came, decompressed, for every content type, on the paths of `RAW_BODY_PATHS`; empty when there was none. `body` is undefined there. */
  rawBody?: Buffer;
  /** Who asks; set by the guard on every route that is not public. */
  principal?: Principal;
}
