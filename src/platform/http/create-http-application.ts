import type { Server as HttpServer } from 'node:http';
import type { Server as HttpsServer } from 'node:https';
import { isIPv6, type AddressInfo } from 'node:net';
import type { DynamicModule, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import type { OpenAPIObject } from '@nestjs/swagger';
import type { Express } from 'express';
import type { Settings } from '../../config/settings.js';
import { systemClock, type Clock } from '../../contracts/clock.js';
import type { Log } from '../../contracts/log.js';
import { AccessGuard } from '../access/access.guard.js';
import { assertEveryRouteHasARight } from '../access/route-rights.js';
import { errorCode } from '../data-directory.js';
import { NestLog } from './nest-log.js';
import { API_DOCS_PATH, OPEN_API_PATH, serveOpenApi } from './open-api.js';
import { ProblemFilter } from './problem.filter.js';
import { jsonBody, RAW_BODY_PATHS, rawBody } from './request-body.js';
import { refuseOtherSites, requestIds, securityHeaders } from './request-context.js';
import { serveOnly } from './served-paths.js';
import { SIEM_RAW_PATHS, siemPaths } from './siem-paths.js';
import { readTlsPair, reloadTlsPair, warnOfTlsFiles } from './tls-files.js';

export interface HttpApplicationOptions {
  settings: Pick<Settings, 'http' | 'tls' | 'siem'>;
  log: Log;
  /** For the OpenAPI document. */
  version?: string;
  /** The only paths that are served; every route when absent. */
  paths?: readonly string[];
  clock?: Clock;
  /** How often the files of the certificate are looked at. */
  tlsPollMs?: number;
}

export interface HttpApplication {
  readonly app: NestExpressApplication;
  /** Starts every service (their `onApplicationBootstrap` ends first), then accepts requests. @throws with the setting and the fix when the port cannot be had; then `close` stops what was started */
  listen(): Promise<{ url: string; openApiUrl: string; docsUrl: string; port: number }>;
  /**
   * Stops in order: accepts nothing new, lets open requests end (`http.stopGraceMs`, then cuts them), then stops the services. Idempotent.
   */
  close(): Promise<void>;
  openApi(): OpenAPIObject;
}

/**
 * The HTTP face of the service around a root module, which must import AccessModule: every route declares its right or the start fails.
 * Nothing listens and no service runs before `listen`. @throws TlsFilesRefused, and what a provider throws when it is made
 */
export async function createHttpApplication(module: Type<unknown> | DynamicModule, options: HttpApplicationOptions): Promise<HttpApplication> {
  const { settings: { http, tls, siem }, clock = systemClock } = options;
  const log = options.log.child('http');
  const files = tls.cert !== undefined && tls.key !== undefined ? { cert: tls.cert, key: tls.key } : undefined;
  const pair = files && readTlsPair(files.cert, files.key);
  const app = await NestFactory.create<NestExpressApplication>(module, {
    logger: new NestLog(options.log.child('nest')),
    abortOnError: false,
    bodyParser: false,
    ...(pair ? { httpsOptions: { cert: pair.cert, key: pair.key } } : {}),
  });
  try {
    // Default deny twice: the guard must be there (this throws), and every route must say what it asks for.
    app.get(AccessGuard, { strict: false });
    assertEveryRouteHasARight(app);
  } catch (error) {
    await app.close();
    throw error;
  }
  app.disable('x-powered-by');
  app.set('etag', false);
  app.set('query parser', 'simple');
  if (http.trustedProxies.length > 0) app.set('trust proxy', http.trustedProxies);
  app.use(requestIds(log));
  app.use(securityHeaders(pair !== undefined, API_DOCS_PATH));
  app.use(refuseOtherSites);
  if (options.paths) app.use(serveOnly(options.paths));
  const express: Express = app.getHttpAdapter().getInstance();
  app.use(siemPaths(siem.basePath));
  for (const path of [...RAW_BODY_PATHS, ...SIEM_RAW_PATHS]) express.post(path, rawBody(http.requestBytes));
  app.use(jsonBody(http.requestBytes));
  app.useGlobalFilters(new ProblemFilter(log));
  const openApi = serveOpenApi(app, options.version ?? '0.0.0');

  const server = app.getHttpServer() as HttpServer | HttpsServer;
  server.headersTimeout = http.headersMs;
  server.requestTimeout = http.requestMs;
  server.keepAliveTimeout = http.keepAliveMs;

  let stopReload: (() => void) | undefined;
  let closing: Promise<void> | undefined;
  return {
    app,
    openApi,
    async listen() {
      try {
        await app.listen(http.port, http.host);
      } catch (error) {
        throw listenRefusal(error, http.host, http.port);
      }
      if (pair && files) {
        warnOfTlsFiles(pair, files.key, clock, log);
        stopReload = reloadTlsPair(server as HttpsServer, files, clock, log, options.tlsPollMs ?? 5000);
      }
      const { port } = server.address() as AddressInfo;
      const url = `${pair ? 'https' : 'http'}://${isIPv6(http.host) ? `[${http.host}]` : http.host}:${port}`;
      return { url, port, openApiUrl: `${url}${OPEN_API_PATH}`, docsUrl: `${url}${API_DOCS_PATH}` };
    },
    close() {
      closing ??= (async () => {
        stopReload?.();
        await drain(server, http.stopGraceMs, log);
        await app.close();
      })();
      return closing;
    },
  };
}

/** Ends the listener: open requests may finish within the grace, idle connections end at once. */
async function drain(server: HttpServer | HttpsServer, graceMs: number, log: Log): Promise<void> {
  if (!server.listening) return;
  // An answer on a kept connection tells its client not to send another request here.
  server.prependListener('request', (_request, response) => response.setHeader('Connection', 'close'));
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  // A connection that becomes idle after its last answer is not closed by itself.
  const sweep = setInterval(() => server.closeIdleConnections(), 50);
  const cut = setTimeout(() => {
    log.warn({ graceMs }, 'requests were still open after http.stopGraceMs; their connections are cut');
    server.closeAllConnections();
  }, graceMs);
  await closed;
  clearInterval(sweep);
  clearTimeout(cut);
}

function listenRefusal(error: unknown, host: string, port: number): unknown {
  switch (errorCode(error)) {
    case 'EADDRINUSE':
      return new Error(`http.port = ${port}: another process listens on ${host}:${port}; stop it or set TIDEGATE_HTTP_PORT to a free port`, { cause: error });
    case 'EACCES':
      return new Error(`http.port = ${port}: this user may not listen on it; set TIDEGATE_HTTP_PORT to 1024 or more`, { cause: error });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new Error(`http.host = ${JSON.stringify(host)}: is no address of this machine; set TIDEGATE_HTTP_HOST to one (127.0.0.1, 0.0.0.0, ::)`, { cause: error });
    default:
      return error;
  }
}
