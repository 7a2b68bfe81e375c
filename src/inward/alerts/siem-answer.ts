import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Inject, Injectable } from '@nestjs/common';
import type { Response } from 'express';
import { SETTINGS } from '../../config/settings.js';
import type { Settings } from '../../config/settings.js';
import { LOG } from '../../contracts/log.js';
import type { Log } from '../../contracts/log.js';
import { Problem } from '../../platform/http/problem.js';
import type { GateRequest } from '../../platform/http/request.js';

/** How the SIEM's door answers an act, and every refusal (inbound contract, 2.1). */
export interface SiemAnswer {
  status: string;
  message: string;
  details: string;
}

/** A refusal in the door's own words: `details` is what the contract has there. */
export class SiemRefusal extends Problem {
  constructor(status: number, code: string, readonly siemMessage: string, readonly siemDetails = '', headers: Record<string, string> = {}) {
    super(status, code, siemMessage, { headers });
  }
}

/** Names in single quotes, a space before and after the colon. */
export function missingParameters(names: readonly string[], details = ''): SiemRefusal {
  return new SiemRefusal(400, 'parameters-missing', `Missing necessary parameters or value for REST service : ${names.map((name) => `'${name}'`).join(', ')}`, details);
}

export function invalidParameters(faults: readonly string[]): SiemRefusal {
  return new SiemRefusal(400, 'parameters-invalid', `Invalid parameters or value for REST service : ${faults.join(', ')}`);
}

/**
 * Every refusal of the door leaves as {status, message, details}, the only error body that the clients of the original know. `status` of a 400 is "error", or "success" as
 * in the original (`siem.legacyErrorStatus`). What nobody expected is a 500 (503 while the document store is away) that tells nothing of the inside.
 */
@Catch()
@Injectable()
export class SiemAnswerFilter implements ExceptionFilter {
  private readonly log: Log;

  constructor(@Inject(SETTINGS) private readonly settings: Pick<Settings, 'siem'>, @Inject(LOG) log: Log) {
    this.log = log.child('alerts');
  }

  catch(error: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<GateRequest>();
    const response = host.switchToHttp().getResponse<Response>();
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const { status, headers, message, details } = this.answerTo(error, request);
    for (const [name, value] of Object.entries(headers)) response.setHeader(name, value);
    const answer: SiemAnswer = { status: status === 400 && this.settings.siem.legacyErrorStatus ? 'success' : 'error', message, details };
    response.status(status).json(answer);
  }

  private answerTo(error: unknown, request: GateRequest): { status: number; headers: Record<string, string>; message: string; details: string } {
    if (error instanceof SiemRefusal) return { status: error.getStatus(), headers: error.extra.headers ?? {}, message: error.siemMessage, details: error.siemDetails };
    if (error instanceof Problem) return { status: error.getStatus(), headers: error.extra.headers ?? {}, message: error.detail, details: error.code };
    if (error instanceof HttpException && error.getStatus() < 500) return { status: error.getStatus(), headers: {}, message: error.message, details: '' };
    const name = error instanceof Error ? error.name : typeof error;
    this.log.error({ correlationId: request.id, method: request.method, path: request.path, error: name, reason: error instanceof Error ? error.message : String(error), stack: error instanceof Error ? error.stack : undefined }, 'a request of a SIEM failed unexpectedly');
    const away = /^Mongo(ose)?(Server(Selection)?|Network(Timeout)?|NotConnected|TopologyClosed|WaitQueueTimeout|PoolCleared)Error$/.test(name) && name !== 'MongoServerError';
    return away
      ? { status: 503, headers: { 'Retry-After': '5' }, message: 'The document store does not answer now; nothing was stored, try again.', details: request.id }
      : { status: 500, headers: {}, message: 'Something failed unexpectedly; the log of the service tells more under the id in details.', details: request.id };
  }
}
