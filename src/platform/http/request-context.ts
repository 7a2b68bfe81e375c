import type { NextFunction, Request, Response } from 'express';
import helmet from 'helmet';
import { v7 as uuidV7 } from 'uuid';
import type { Log } from '../../contracts/log.js';
import { Problem } from './problem.js';
import type { GateRequest } from './request.js';

type Handler = (request: Request, response: Response, next: NextFunction) => void;

/** Gives each request its id: the caller's `X-Request-Id` when it is well-formed, else one of ours. One debug line when it is answered. */
export function requestIds(log: Log): Handler {
  return (request, response, next) => {
    const sent = request.headers['x-request-id'];
    const id = typeof sent === 'string' && /^[A-Za-z0-9._-]{1,64}$/.test(sent) ? sent : uuidV7();
    (request as GateRequest).id = id;
    response.setHeader('X-Request-Id', id);
    const startedAt = process.hrtime.bigint();
    response.once('close', () => {
      const principal = (request as GateRequest).principal;
      log.debug({ requestId: id, method: request.method, path: request.path, status: response.statusCode, finished: response.writableFinished, user: principal?.name, ip: request.ip, ms: Number(process.hrtime.bigint() - startedAt) / 1e6 }, 'request');
    });
    next();
  };
}

/** Headers for every answer. Only the API's own page at `docsPath` may carry inline styles. */
export function securityHeaders(overTls: boolean, docsPath: string): Handler {
  const headers = (styles: string[]) =>
    helmet({
      contentSecurityPolicy: {
        useDefaults: false,
        directives: {
          defaultSrc: ["'self'"], baseUri: ["'self'"], formAction: ["'self'"], frameAncestors: ["'none'"], objectSrc: ["'none'"], imgSrc: ["'self'", 'data:'], fontSrc: ["'self'", 'data:'],
          scriptSrc: ["'self'"], scriptSrcAttr: ["'none'"], styleSrc: ["'self'", ...styles], ...(overTls ? { upgradeInsecureRequests: [] } : {}),
        },
      },
      frameguard: { action: 'deny' },
      strictTransportSecurity: overTls,
    });
  const strict = headers([]);
  const docs = headers(["'unsafe-inline'"]);
  return (request, response, next) => {
    response.setHeader('Cache-Control', 'no-store');
    (request.path === docsPath || request.path.startsWith(`${docsPath}/`) ? docs : strict)(request, response, next);
  };
}

/** A browser sends the credentials it holds with whatever another site makes it send: acts asked for by another site are refused (Fetch Metadata). */
export function refuseOtherSites(request: Request, _response: Response, next: NextFunction): void {
  const site = request.headers['sec-fetch-site'];
  const reads = request.method === 'GET' || request.method === 'HEAD' || request.method === 'OPTIONS';
  if (!reads && (site === 'cross-site' || site === 'same-site')) {
    next(new Problem(403, 'cross-site-request', 'A browser sent this on behalf of another site; open the pages of this service itself.'));
    return;
  }
  next();
}
