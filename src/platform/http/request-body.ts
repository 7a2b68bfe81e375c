import express, { type NextFunction, type Request, type Response } from 'express';
import { jsonFaultDetail } from './json-fault.js';
import { Problem } from './problem.js';
import type { GateRequest } from './request.js';

/** POST to these keeps the body as bytes (`request.rawBody`) for the handler, which has limits and content types of its own. */
export const RAW_BODY_PATHS: readonly string[] = ['/api/v1/events', '/api/v1/directory/import'];

type Handler = (request: Request, response: Response, next: NextFunction) => void;

/** Reads the bytes of any content type, decompressed, up to the limit; parses nothing. */
export function rawBody(limitBytes: number): Handler {
  const read = express.raw({ type: () => true, limit: limitBytes });
  return (request, response, next) => {
    read(request, response, (error?: unknown) => {
      if (error) return next(bodyProblem(error, limitBytes));
      (request as GateRequest).rawBody = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0);
      request.body = undefined;
      next();
    });
  };
}

/** Reads JSON bodies (`application/json`, `*+json`) up to the limit; a body of another type is refused with 415. A body that was read already is left alone. */
export function jsonBody(limitBytes: number): Handler {
  const read = express.json({ type: ['json', '+json'], limit: limitBytes, strict: false });
  return (request, response, next) => {
    if ((request as GateRequest).rawBody) return next();
    read(request, response, (error?: unknown) => {
      if (error) return next(bodyProblem(error, limitBytes));
      if (request.body === undefined && hasBody(request)) {
        const sent = request.headers['content-type'];
        return next(new Problem(415, 'unsupported-media-type', `This route reads JSON, but the body was sent ${sent ? `as ${sent.slice(0, 100)}` : 'without a content type'}; send it with Content-Type: application/json.`));
      }
      next();
    });
  };
}

function hasBody(request: Request): boolean {
  return request.headers['transfer-encoding'] !== undefined || Number(request.headers['content-length'] ?? 0) > 0;
}

/** The refusal for what the body reader reports; it sorts by its own `type`. */
function bodyProblem(error: unknown, limitBytes: number): unknown {
  if (typeof error !== 'object' || error === null) return error;
  switch ('type' in error ? error.type : undefined) {
    case 'entity.too.large':
      return new Problem(413, 'body-too-large', `The body has more than ${limitBytes} bytes (http.requestBytes); send less at a time.`, { limitBytes });
    case 'entity.parse.failed':
      return new Problem(400, 'malformed-json', jsonFaultDetail('body' in error && typeof error.body === 'string' ? error.body : ''));
    case 'encoding.unsupported':
      return new Problem(415, 'unsupported-encoding', 'The content encoding is not known; send the body plain or with gzip, deflate or br.');
    case 'charset.unsupported':
      return new Problem(415, 'unsupported-charset', 'The charset is not known; send UTF-8.');
    case 'request.aborted':
    case 'request.size.invalid':
      return new Problem(400, 'body-incomplete', 'The body ended before its announced length.');
    default:
      // Broken compression comes without a type of its own: the client's fault when the reader says 4xx.
      return 'status' in error && typeof error.status === 'number' && error.status < 500 ? new Problem(400, 'body-unreadable', 'The body cannot be read; it is not what its Content-Encoding says.') : error;
  }
}
