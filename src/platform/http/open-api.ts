import { STATUS_CODES } from 'node:http';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { declaredRoutes } from '../access/route-rights.js';

export const OPEN_API_PATH = '/api/openapi.json';
export const API_DOCS_PATH = '/api/docs';

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

/** Each operation names the right it asks for (`x-required-right`) and the refusals that every route has. */
export function openApiDocument(app: NestExpressApplication, version: string): OpenAPIObject {
  const config = new DocumentBuilder()
    .setTitle('Tidegate')
    .setDescription('A two-way gate between identity systems and SIEMs. Refusals are application/problem+json (RFC 9457).')
    .setVersion(version)
    .setOpenAPIVersion('3.1.0')
    .addBasicAuth()
    .build();
  const document = SwaggerModule.createDocument(app, config, { operationIdFactory });
  const accessById = new Map(declaredRoutes(app).map(({ controller, method, access }) => [operationIdFactory(controller, method), access]));
  for (const path of Object.values(document.paths)) {
    for (const method of METHODS) {
      const operation = path[method];
      const access = operation?.operationId === undefined ? undefined : accessById.get(operation.operationId);
      if (!operation || access?.type !== 'right') continue;
      operation.security ??= [{ basic: [] }];
      Object.assign(operation, { 'x-required-right': access.right });
      operation.description = `${operation.description ? `${operation.description}\n\n` : ''}Needs the right \`${access.right}\`.`;
      for (const status of ['401', '403']) operation.responses[status] ??= { description: STATUS_CODES[status] ?? status, content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } } };
    }
  }
  document.components = { ...document.components, schemas: { ...document.components?.schemas, Problem: problemSchema } };
  return document;
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
