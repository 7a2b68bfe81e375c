import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from '@jest/globals';
import { platformRowFaults, ringViolations, violationsOf } from './import-rules.js';
import { importsOf, readSources } from './source-imports.js';

const LONG_FILE_LINES = 300;
const root = fileURLToPath(new URL('../..', import.meta.url));
const manifest = JSON.parse(readFileSync(`${root}/package.json`, 'utf8')) as { dependencies: Record<string, string>; devDependencies: Record<string, string> };
const libraries = { run: Object.keys(manifest.dependencies), develop: Object.keys(manifest.devDependencies) };

/** What the rules say about one file with the text, in a tree that holds the targets of its imports. */
function said(file: string, text: string): string[] {
  const imports = importsOf(file, text);
  return violationsOf(file, imports, new Set([file, ...imports.flatMap(({ target }) => target ?? [])]), libraries);
}

describe('the source', () => {
  const sources = readSources(`${root}/src`);
  const imports = [...sources].flatMap(([file, text]) => importsOf(file, text));

  it('keeps to the import table, the homes of libraries and the names', () => {
    expect(sources.size).toBeGreaterThan(30);
    const found = [...sources.keys()].flatMap((file) => violationsOf(file, imports.filter((one) => one.file === file), new Set(sources.keys()), libraries));
    expect(found).toEqual([]);
  });

  it('has no files that import each other in a ring', () => {
    expect(ringViolations(imports)).toEqual([]);
  });

  it('reports long files (no failure)', () => {
    const long = [...sources].map(([file, text]) => ({ file, lines: text.split('\n').length })).filter(({ file, lines }) => lines > LONG_FILE_LINES && !file.endsWith('.spec.ts'));
    if (long.length > 0) process.stdout.write(`files of more than ${LONG_FILE_LINES} lines: ${long.map(({ file, lines }) => `src/${file} (${lines})`).join(', ')}\n`);
    expect(long.every(({ lines }) => lines > LONG_FILE_LINES)).toBe(true);
  });
});

describe('the rules', () => {
  it('name the file, the line and the rule', () => {
    expect(said('outward/engine/lane.ts', "// first line\nimport { x } from '../../inward/processor/processor.js';")).toEqual([
      'src/outward/engine/lane.ts:2: imports inward/processor/processor.ts ("../../inward/processor/processor.js"); outward may import model, contracts, config, platform',
    ]);
  });

  it.each([
    ['a wing that imports the other', 'inward/alerts/alert.ts', "export { x } from '../../outward/intake/x.js';", 'inward may import'],
    ['the other wing as a type', 'outward/engine/lane.ts', "import type { X } from '../../inward/alerts/x.js';", 'outward may import'],
    ['the other wing as an import type', 'outward/engine/lane.ts', "let x: import('../../inward/alerts/x.js').X;", 'outward may import'],
    ['the other wing at run time', 'outward/engine/lane.ts', "await import('../../inward/alerts/x.js');", 'outward may import'],
    ['ground that imports a wing', 'platform/audit/audit.relay.ts', "import { x } from '../../outward/intake/x.js';", 'platform may import'],
    ['a model that imports', 'model/x.ts', "import { x } from '../contracts/x.js';", 'model may import nothing of ours'],
    ['a model with a library', 'model/x.ts', "import { v7 } from 'uuid';", 'model has only zod'],
    ['a model that reads files', 'model/x.ts', "import { readFileSync } from 'node:fs';", 'model and formats are pure'],
    ['a contract with a library', 'contracts/x.ts', "import type { Model } from 'mongoose';", 'contracts have none'],
    ['a format that imports its sibling', 'outward/formats/cef/cef.format.ts', "import { x } from '../syslog/x.js';", 'a leaf (outward/formats/cef) imports only'],
    ['a format that imports the settings', 'outward/formats/cef/cef.format.ts', "import type { X } from '../../../config/settings.js';", 'a leaf (outward/formats/cef) imports only'],
    ['shared that imports a leaf', 'outward/transports/shared/x.ts', "import { x } from '../tcp/x.js';", 'a leaf (outward/transports/shared) imports only'],
    ['a transport that imports the framework', 'outward/transports/tcp/tcp.transport.ts', "import { Injectable } from '@nestjs/common';", 'never Nest or mongoose'],
    ['an event log that imports the other one', 'platform/event-log/kafka/x.ts', "import { x } from '../embedded/x.js';", 'a leaf (platform/event-log/kafka) imports only'],
    ['kafkajs elsewhere', 'outward/engine/x.ts', "import { Kafka } from 'kafkajs';", 'kafkajs lives in platform/event-log/kafka/'],
    ['pino elsewhere', 'outward/engine/x.ts', "import { pino } from 'pino';", 'pino lives in platform/telemetry/'],
    ['lmdb elsewhere', 'outward/engine/x.ts', "import { open } from 'lmdb';", 'lmdb lives in'],
    ['mongoose as a value in a service', 'outward/engine/x.service.ts', "import { Schema } from 'mongoose';\nimport { s } from './x.schema.js';", 'services of a schema import its types only'],
    ['mongoose types without a schema', 'outward/engine/x.ts', "import type { Model } from 'mongoose';", 'which import that schema'],
    ['a library that is not declared', 'outward/engine/x.ts', "import { MongoClient } from 'mongodb';", 'what the service runs with is in dependencies'],
    ['a development library at run time', 'outward/engine/x.ts', "import request from 'supertest';", 'what the service runs with is in dependencies'],
    ['a lower part of platform that imports a higher one', 'platform/jobs/x.ts', "import { x } from '../audit/x.js';", 'within platform, jobs may import rights, http-words, documents'],
    ['a part of platform without a row', 'platform/novelty/x.ts', "import { x } from '../audit/x.js';", 'add its row'],
    ['a new top folder', 'other/x.ts', "import { x } from '../model/x.js';", 'src holds the folders of the architecture page'],
    ['a test tool in the service', 'outward/engine/x.ts', "import { x } from '../../../test/support/x.js';", 'only specs use what is in test/'],
    ['a spec as a library', 'outward/engine/x.ts', "import { x } from './y.spec.js';", 'specs are imported by nobody'],
    ['an import without its ending', 'outward/engine/x.ts', "import { x } from './y';", 'relative imports end in .js'],
    ['a catch-all name', 'outward/engine/queue-utils.ts', '', 'is named "utils"'],
    ['a catch-all folder', 'platform/common/x.ts', '', 'is named "common"'],
  ])('refuse %s', (_what, file, text, rule) => {
    expect(said(file, text)).toEqual([expect.stringContaining(rule)]);
  });

  it.each([
    ['a leaf that imports model, contracts, its own and shared', 'outward/formats/cef/cef.format.ts', "import { a } from '../../../model/a.js';\nimport { b } from '../../../contracts/b.js';\nimport { c } from './c.js';\nimport { d } from '../shared/d.js';"],
    ['the list of the leaves', 'outward/formats/index.ts', "import { a } from './cef/cef.format.js';\nimport { b } from './json/json.format.js';"],
    ['the module of the event log', 'platform/event-log/event-log.module.ts', "import { Module } from '@nestjs/common';\nimport { a } from './embedded/a.js';\nimport { b } from './kafka/b.js';"],
    ['a schema and its service', 'outward/engine/x.store.ts', "import type { Model } from 'mongoose';\nimport { s, type X } from './x.schema.js';"],
    ['inward that acts upon the directory', 'inward/actions/x.ts', "import { a } from '../../directory/a.js';"],
    ['the composition root', 'app.module.ts', "import { a } from './outward/intake/a.js';\nimport { b } from './inward/alerts/b.js';"],
    ['the demonstration', 'demo/demo.ts', "import { a } from '../outward/intake/a.js';\nimport { b } from '../service.js';"],
    ['a spec with its peers', 'outward/transports/tcp/tcp.spec.ts', "import { it } from '@jest/globals';\nimport { a } from '../../../platform/network/a.js';\nimport { b } from '../../../../test/support/b.js';"],
    ['a format that looks at an address', 'outward/formats/cef/x.ts', "import { isIP } from 'node:net';"],
    ['words in comments and texts', 'model/x.ts', "// import { x } from '../inward/x.js';\nconst text = \"import { x } from 'mongoose'\";"],
  ])('allow %s', (_what, file, text) => {
    expect(said(file, text)).toEqual([]);
  });

  it('cannot let parts of platform import each other in a ring', () => {
    expect(platformRowFaults()).toEqual([]);
  });

  it('find rings of files that need each other when the program runs', () => {
    const ring = [...importsOf('model/a.ts', "import { b } from './b.js';"), ...importsOf('model/b.ts', "export * from './c.js';"), ...importsOf('model/c.ts', "import './a.js';"), ...importsOf('model/d.ts', "import './a.js';")];
    expect(ringViolations(ring)).toEqual(['import each other in a ring: src/model/a.ts, src/model/b.ts, src/model/c.ts; move what both need to a file of its own']);
  });

  it('let types go both ways within a folder, not across folders', () => {
    const within = [...importsOf('model/a.ts', "import { b } from './b.js';"), ...importsOf('model/b.ts', "import type { A } from './a.js';")];
    expect(ringViolations(within)).toEqual([]);
    const across = [...importsOf('outward/engine/a.ts', "import { b } from '../integrations/b.js';"), ...importsOf('outward/integrations/b.ts', "import { type A } from '../engine/a.js';")];
    expect(ringViolations(across)).toEqual([expect.stringContaining('in a ring across folders, types included: src/outward/engine/a.ts, src/outward/integrations/b.ts')]);
  });
});
