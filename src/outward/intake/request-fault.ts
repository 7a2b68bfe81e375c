/** Members of the answer beside the sentence, and its headers. */
export interface FaultExtra {
  errors?: { pointer: string; message: string }[];
  headers?: Record<string, string>;
}

/** Why a request as a whole cannot be taken; nothing of it is. Plain data, as it may be found in another thread. */
export class RequestFault extends Error {
  constructor(readonly status: number, readonly code: string, readonly detail: string, readonly extra: FaultExtra = {}) {
    super(detail);
  }
}
