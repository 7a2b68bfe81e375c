import { DELETE_STATEMENT_FIELDS, UPDATE_STATEMENT_FIELDS } from './allowed.js';
import { documentField, documentsField } from './command-fields.js';
import { notSupported } from './errors.js';
import { indexEntryOf } from './indexes.js';
import { compileFilter } from './matcher.js';
import { MemoryBudget, type ReadContext } from './reading.js';
import { buildPipeline, stagesOf } from './pipeline.js';
import { sortOf } from './planner.js';
import { compileProjection } from './projection.js';
import { compileUpdate } from './updater.js';
import type { Doc } from './values.js';

/** Compiles what a command carries, as the embedded store would before it runs it. @throws CommandError for what the store would refuse. */
export function checkCommand(name: string, command: Doc): void {
  switch (name) {
    case 'find':
      compileFilter(documentField(command, 'filter'));
      sortOf(command['sort']);
      compileProjection(documentField(command, 'projection'));
      return;
    case 'findAndModify':
      compileFilter(documentField(command, 'query'));
      sortOf(command['sort']);
      compileProjection(documentField(command, 'fields'));
      if (command['update'] !== undefined) compileUpdate(command['update'], documentsField(command, 'arrayFilters'));
      return;
    case 'update':
      for (const statement of documentsField(command, 'updates')) {
        refuseFields(statement, UPDATE_STATEMENT_FIELDS, 'an update statement');
        compileFilter(documentField(statement, 'q'));
        compileUpdate(statement['u'], documentsField(statement, 'arrayFilters'));
      }
      return;
    case 'delete':
      for (const statement of documentsField(command, 'deletes')) {
        refuseFields(statement, DELETE_STATEMENT_FIELDS, 'a delete statement');
        compileFilter(documentField(statement, 'q'));
      }
      return;
    case 'count':
    case 'distinct':
      compileFilter(documentField(command, 'query'));
      return;
    case 'aggregate':
      checkPipeline(command['pipeline']);
      return;
    case 'createIndexes':
      for (const spec of documentsField(command, 'indexes')) indexEntryOf(spec);
      return;
    default:
  }
}

function refuseFields(statement: Doc, allowed: ReadonlySet<string>, what: string): void {
  for (const field of Object.keys(statement)) if (!allowed.has(field) && statement[field] !== false) throw notSupported(`the field ${field} of ${what}`);
}

function checkPipeline(pipeline: unknown): void {
  const nowhere = { store: undefined as never, clock: { now: () => 0 }, memoryBytes: 0, deadlineMs: Infinity } satisfies ReadContext;
  buildPipeline(stagesOf(pipeline), { ...nowhere, budget: new MemoryBudget(0), collection: () => undefined }, { push: () => true, end: () => {} });
}
