import { STATUS_CODES } from 'node:http';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { declaredRoutes } from '../access/route-rights.js';

export const OPEN_API_PATH = '/api/openapi.json';
export const API_DOCS_PATH = '/api/docs';

type Operation = NonNullable<OpenAPIObject['paths'][string]['get']>;

const METHODS = ['get', 'put', 'post', 'delete', 'patch', 'options', 'head'] as const;

/**
 * Serves the OpenAPI 3.1 document and a page to read and try it. Both are public, as the source is: they tell shapes, never data. Called before the routes are made;
 * the document is built at the first request. @returns builds the document, for tools
 */
export function serveOpenApi(app: NestExpressApplication, version: string): () => OpenAPIObject {
  let document: OpenAPIObject | undefined;
  const build = () => (document ??= openApiDocument(app, version));
  SwaggerModule.setup(API_DOCS_PATH, app, build, { jsonDocumentUrl: OPEN_API_PATH, raw: ['json'], customSiteTitle: 'Tidegate API', swaggerOptions: { persistAuthorization: false } });
  return build;
}

/**
 * Each operation names the right it asks for (`x-required-right`), who may call it, and every refusal with its body: those that a handler declares,
 * and those that come from what all routes share (guard, body reader, checks of bodies and queries).
 */
export function openApiDocument(app: NestExpressApplication, version: string): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('Tidegate')
    .setDescription('A two-way gate between identity systems and SIEMs. Refusals are application/problem+json (RFC 9457).')
    .setVersion(version)
    .setOpenAPIVersion('3.1.0')
    .addBasicAuth({ type: 'http', scheme: 'basic', description: 'User name and password; while the service listens on a loopback address, or everywhere with `http.basicAuth`.' }, 'basic')
    .addBearerAuth({ type: 'http', scheme: 'bearer', description: 'A token from POST /oauth2/token.' }, 'bearer')
    .build();
  const document = SwaggerModule.createDocument(app, config, { operationIdFactory });
  const accessById = new Map(declaredRoutes(app).map(({ controller, method, access }) => [operationIdFactory(controller, method), access]));
  for (const path of Object.values(document.paths)) {
    for (const method of METHODS) {
      const operation = path[method];
      if (!operation) continue;
      const access = operation.operationId === undefined ? undefined : accessById.get(operation.operationId);
      if (access?.type === 'right') {
        operation.security ??= [{ basic: [] }, { bearer: [] }];
        Object.assign(operation, { 'x-required-right': access.right });
        operation.description = `${operation.description ? `${operation.description}\n\n` : ''}Needs the right \`${access.right}\`.`;
      }
      addRefusals(operation, access?.type === 'right');
    }
  }
  document.components = { ...document.components, schemas: { ...document.components?.schemas, Problem: problemSchema } };
  return document;
}

function addRefusals(operation: Operation, guarded: boolean): void {
  const shared: Record<string, string> = { default: 'Any other failure.' };
  if (guarded) Object.assign(shared, { 401: 'Nobody is signed in, or the credentials are wrong.', 403: 'The right is missing.', 429: 'Too many failed logins; with Retry-After.' });
  if (operation.requestBody || operation.parameters?.some((parameter) => 'in' in parameter && parameter.in === 'query')) shared[400] = 'The request has faults; `errors` names each place.';
  if (operation.requestBody) Object.assign(shared, { 413: 'The body has more than `http.requestBytes`.', 415: 'The content type, charset or encoding is not supported.' });
  for (const [status, description] of Object.entries(shared)) operation.responses[status] ??= { description };
  for (const [status, response] of Object.entries(operation.responses)) {
    if (response === undefined || '$ref' in response || (status !== 'default' && Number(status) < 400)) continue;
    response.description ||= STATUS_CODES[status] ?? status;
    response.content ??= { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } };
  }
}

/** `IntegrationsController`, `create` -> `Integrations_create`. */
function operationIdFactory(controller: string, method: string): string {
  return `${controller.replace(/Controller$/, '')}_${method}`;
}

const problemSchema = {
  type: 'object' as const,
  required: ['type', 'title', 'status', 'code', 'detail'],
  properties: {
    type: { type: 'string', description: 'urn:tidegate:problem:<code>' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', description: 'Stable, for machines.' },
    detail: { type: 'string', description: 'What is wrong and how to mend it.' },
    instance: { type: 'string', description: 'urn:tidegate:request:<request id>, as in X-Request-Id.' },
    correlationId: { type: 'string', description: 'On unexpected failures: the log tells more under it.' },
    errors: { type: 'array', items: { type: 'object', properties: { pointer: { type: 'string', description: 'JSON pointer (RFC 6901).' }, message: { type: 'string' } } } },
  },
};
