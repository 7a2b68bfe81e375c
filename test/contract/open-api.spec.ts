import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { startTestService, type TestService } from '../support/service.js';

interface Operation {
  operationId: string;
  summary?: string;
  security?: unknown[];
  parameters?: Array<{ name: string; in: string }>;
  requestBody?: { content: Record<string, { schema?: object }> };
  responses: Record<string, { description: string; content?: Record<string, { schema?: object }> }>;
  'x-required-right'?: string;
}
interface Document {
  openapi: string;
  paths: Record<string, Record<string, Operation>>;
  components: { securitySchemes: Record<string, unknown> };
}

let service: TestService;
let document: Document;
let operations: Array<[name: string, operation: Operation, path: string]>;
beforeAll(async () => {
  service = await startTestService();
  document = await service.client.ok<Document>('GET', '/api/openapi.json');
  operations = Object.entries(document.paths).flatMap(([path, item]) => Object.entries(item).map(([method, operation]): [string, Operation, string] => [`${method.toUpperCase()} ${path}`, operation, path]));
});
afterAll(() => service.end());

/** The names of the operations that a rule does not hold for. */
const breaking = (rule: (operation: Operation, path: string) => boolean) => operations.filter(([, operation, path]) => !rule(operation, path)).map(([name]) => name);
const successes = ({ responses }: Operation) => Object.entries(responses).filter(([status]) => status.startsWith('2'));

describe('the OpenAPI document of the whole service', () => {
  it('is valid by the schema of OpenAPI 3.1', async () => {
    expect(document.openapi).toBe('3.1.0');
    const { valid, errors } = await new Validator().validate(structuredClone(document) as unknown as Record<string, unknown>);
    expect(errors ?? []).toEqual([]);
    expect(valid).toBe(true);
  });

  it('describes every operation: what it does, what it takes and what it answers', () => {
    expect(operations.length).toBeGreaterThan(30);
    expect(new Set(operations.map(([, { operationId }]) => operationId)).size).toBe(operations.length);
    expect(breaking(({ summary }) => Boolean(summary))).toEqual([]);
    expect(breaking(({ requestBody }) => !requestBody || Object.values(requestBody.content).every(({ schema }) => schema !== undefined))).toEqual([]);
    expect(breaking((operation) => successes(operation).length > 0)).toEqual([]);
    // The SIEM's door has the answers of the plugin that it stands in for; docs of that plugin describe them.
    expect(breaking((operation, path) => /^\/(plugin|scim)\//.test(path) || successes(operation).every(([status, { content }]) => status === '204' || Object.values(content ?? {}).some(({ schema }) => schema !== undefined)))).toEqual([]);
  });

  it('names the parameters that stand in a path', () => {
    expect(breaking(({ parameters }, path) => [...path.matchAll(/\{(\w+)\}/g)].every(([, name]) => (parameters ?? []).some((parameter) => parameter.in === 'path' && parameter.name === name)))).toEqual([]);
  });

  it('names the refusals of every operation, each with its body', () => {
    expect(breaking(({ responses }) => Object.entries(responses).every(([status, { content }]) => Number(status) < 400 || content !== undefined))).toEqual([]);
    expect(breaking(({ requestBody, responses }) => !requestBody || ['400', '413', '415'].every((status) => status in responses))).toEqual([]);
    expect(breaking((operation) => operation['x-required-right'] === undefined || ['401', '403'].every((status) => status in operation.responses))).toEqual([]);
  });

  it('says how to sign in wherever a right is asked for', () => {
    expect(Object.keys(document.components.securitySchemes)).toEqual(expect.arrayContaining(['basic', 'bearer']));
    expect(breaking((operation) => (operation['x-required-right'] === undefined) === (operation.security === undefined))).toEqual([]);
  });
});
