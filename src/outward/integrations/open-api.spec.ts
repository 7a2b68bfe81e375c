import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';
import { openIntegrationsApp, type IntegrationsApp } from '../../../test/support/integrations-app.js';
import { connectionSection, integrationSchema, outputSection, tlsSection } from '../../model/integration.js';

let ground: IntegrationsApp;
let document: OpenAPIObject;
beforeAll(async () => {
  ground = await openIntegrationsApp();
  document = SwaggerModule.createDocument(ground.app, new DocumentBuilder().setOpenAPIVersion('3.1.0').build());
});
afterAll(async () => {
  await ground.close();
});

interface Shape {
  properties: Record<string, Shape & { description?: string; default?: unknown }>;
  required?: string[];
  anyOf?: Shape[];
}
const BASE = '/api/v1/integrations';
const bodyOf = (path: string, method: 'post' | 'patch') => (document.paths[path]?.[method]?.requestBody as { content: Record<string, { schema: Shape }> }).content['application/json']?.schema as Shape;
/** A section may also be null. */
const objectOf = (shape: Shape | undefined): Shape => (shape?.anyOf ?? []).find((one) => one.properties !== undefined) ?? (shape as Shape);

describe('OpenAPI of the integrations', () => {
  it('has every route, each with a summary and its answers', () => {
    const routes = Object.entries(document.paths).flatMap(([path, item]) => Object.entries(item).map(([method, operation]) => [`${method} ${path}`, operation as { summary?: string; responses: object }] as const));
    expect(routes.map(([name]) => name).sort()).toEqual([
      'delete /api/v1/integrations/{id}', 'get /api/v1/dead-letters', 'get /api/v1/dead-letters/{id}', 'get /api/v1/engines', 'get /api/v1/integration-options', 'get /api/v1/integrations', 'get /api/v1/integrations/{id}',
      'get /api/v1/integrations/{id}/backlog', 'get /api/v1/integrations/{id}/status', 'patch /api/v1/integrations/{id}', 'patch /api/v1/integrations/{id}/{section}', 'post /api/v1/integrations', 'post /api/v1/integrations/{id}/disable', 'post /api/v1/integrations/{id}/enable',
      'post /api/v1/integrations/{id}/preview', 'post /api/v1/integrations/{id}/test',
    ]);
    for (const [, operation] of routes) {
      expect(operation.summary).toBeTruthy();
      expect(Object.keys(operation.responses).some((status) => status.startsWith('2'))).toBe(true);
    }
  });

  it('describes every field that can be sent, with its help text and without defaults where a patch leaves things alone', () => {
    for (const [path, method] of [[BASE, 'post'], [`${BASE}/{id}`, 'patch']] as const) {
      const body = bodyOf(path, method);
      expect(Object.keys(body.properties)).toEqual(expect.arrayContaining(Object.keys(integrationSchema.shape)));
      expect(body.required ?? []).toEqual(method === 'post' ? expect.arrayContaining(['name', 'serverUrl']) : []);
      const connection = objectOf(body.properties['connection']);
      const tls = objectOf(connection.properties['tls']);
      expect(Object.keys(connection.properties)).toEqual(Object.keys(connectionSection.shape));
      expect(Object.keys(tls.properties)).toEqual(Object.keys(tlsSection.shape));
      const output = objectOf(body.properties['output']);
      expect(Object.keys(output.properties)).toEqual(Object.keys(outputSection.shape));
      for (const [name, field] of Object.entries({ ...tls.properties, ...output.properties })) {
        // Sections of a format describe their fields.
        if (['cef', 'leef', 'ocsf', 'ecs'].includes(name)) for (const inner of Object.values(objectOf(field).properties)) expect(inner.description).toBeTruthy();
        else expect(field.description).toBeTruthy();
        expect(field).not.toHaveProperty('default');
      }
    }
  });

  it('names the parameters of the list and the precondition', () => {
    const names = (path: string, method: 'get' | 'patch') => (document.paths[path]?.[method]?.parameters ?? []).map((parameter) => ('name' in parameter ? parameter.name : ''));
    expect(names(BASE, 'get')).toEqual(expect.arrayContaining(['search', 'status', 'sort', 'page', 'pageSize']));
    expect(names(`${BASE}/{id}`, 'patch')).toEqual(expect.arrayContaining(['id', 'If-Match']));
    expect(JSON.stringify(document)).not.toContain('#/$defs');
  });
});
