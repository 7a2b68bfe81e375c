import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import type { Response } from 'express';
import type { Log } from '../../contracts/log.js';
import { Problem } from './problem.js';
import type { GateRequest } from './request.js';

const CODES: Record<number, string> = {
  400: 'bad-request', 401: 'unauthorized', 403: 'forbidden', 404: 'not-found', 405: 'method-not-allowed', 406: 'not-acceptable', 408: 'request-timeout', 409: 'conflict', 410: 'gone',
  412: 'precondition-failed', 413: 'body-too-large', 415: 'unsupported-media-type', 422: 'unprocessable', 429: 'too-many-requests', 501: 'not-implemented', 503: 'unavailable',
};

/** The document store does not answer, by the names of the driver's errors: it passes, so the caller may try again. */
const STORE_AWAY = new Set(['MongoServerSelectionError', 'MongoNetworkError', 'MongoNetworkTimeoutError', 'MongoNotConnectedError', 'MongoTopologyClosedError', 'MongoWaitQueueTimeoutError', 'MongooseServerSelectionError', 'MongoPoolClearedError']);

/**
 * Every refusal and every failure leaves as application/problem+json (RFC 9457). What nobody expected is a 500 that tells nothing of the inside: its `correlationId` is in the log with the rest.
 */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly log: Log) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<GateRequest>();
    const response = host.switchToHttp().getResponse<Response>();
    const problem = this.problemOf(error, request);
    if (response.headersSent) {
      // The answer had begun: only a cut connection tells the caller that it is not whole.
      response.destroy();
      return;
    }
    for (const [name, value] of Object.entries(problem.extra.headers ?? {})) response.setHeader(name, value);
    response.status(problem.getStatus()).type('application/problem+json').send(JSON.stringify({ ...problem.body(), instance: `urn:tidegate:request:${request.id}` }));
  }

  private problemOf(error: unknown, request: GateRequest): Problem {
    if (error instanceof Problem) return error;
    if (error instanceof HttpException && error.getStatus() < 500) {
      const status = error.getStatus();
      const detail = status === 404 ? `There is nothing at ${request.method} ${request.path}.` : error.message;
      return new Problem(status, CODES[status] ?? 'refused', detail);
    }
    const name = error instanceof Error ? error.name : typeof error;
    this.log.error({ correlationId: request.id, method: request.method, path: request.path, error: name, reason: error instanceof Error ? error.message : String(error), stack: error instanceof Error ? error.stack : undefined }, 'a request failed unexpectedly');
    if (STORE_AWAY.has(name)) {
      return new Problem(503, 'documents-unavailable', 'The document store does not answer now; try again.', { correlationId: request.id, headers: { 'Retry-After': '5' } });
    }
    return new Problem(500, 'unexpected', 'Something failed unexpectedly. The log of the service tells more under the correlation id.', { correlationId: request.id });
  }
}
