import { HttpException } from '@nestjs/common';

/** One thing that is wrong with a request: where (JSON pointer, RFC 6901), what, and how to mend it. */
export interface ProblemItem {
  pointer: string;
  message: string;
}

/**
 * An expected refusal, answered as application/problem+json (RFC 9457). `code` is stable and for machines; `detail` names the place and the fix.
 */
export class Problem extends HttpException {
  constructor(
    status: number,
    readonly code: string,
    readonly detail: string,
    readonly extra: { errors?: ProblemItem[]; headers?: Record<string, string>; [member: string]: unknown } = {},
  ) {
    super(detail, status);
  }

  /** The body as sent. */
  body(): Record<string, unknown> {
    const { headers: _headers, ...members } = this.extra;
    return { type: `urn:tidegate:problem:${this.code}`, title: this.code.replaceAll('-', ' '), status: this.getStatus(), code: this.code, detail: this.detail, ...members };
  }
}
