/**
 * The MongoDB subset that Tidegate's code may rely on. The embedded store refuses all else, and in development a guard refuses it on the way to a real
 * MongoDB too, so that the two cannot drift apart. Growing a list means growing the contract suite.
 */
export const FIELD_OPERATORS = new Set(['$eq', '$ne', '$gt', '$gte', '$lt', '$lte', '$in', '$nin', '$exists', '$type', '$regex', '$options', '$mod', '$size', '$all', '$elemMatch', '$not']);
export const LOGICAL_OPERATORS = new Set(['$and', '$or', '$nor']);

export const UPDATE_OPERATORS = new Set([
  '$set', '$unset', '$inc', '$mul', '$min', '$max', '$rename', '$currentDate', '$setOnInsert', '$push', '$addToSet', '$pull', '$pullAll', '$pop',
]);
export const PUSH_MODIFIERS = new Set(['$each', '$slice', '$sort', '$position']);

export const STAGES = new Set(['$match', '$sort', '$limit', '$skip', '$project', '$addFields', '$set', '$unset', '$group', '$count', '$unwind', '$sortByCount', '$facet', '$lookup']);
export const ACCUMULATORS = new Set(['$sum', '$avg', '$min', '$max', '$first', '$last', '$push']);
export const EXPRESSIONS = new Set([
  '$dateTrunc', '$dateToString', '$cond', '$ifNull', '$concat', '$literal',
  // What a $cond asks.
  '$eq', '$ne', '$gt', '$gte', '$lt', '$lte', '$and', '$or', '$not',
]);

export const INDEX_OPTIONS = new Set(['v', 'key', 'name', 'unique', 'sparse', 'partialFilterExpression', 'expireAfterSeconds', 'background']);

/** Fields that every command may carry. Writes are always flushed and reads always see the last write, so the concerns need no work of their own. */
export const GENERIC_FIELDS = new Set(['$db', 'lsid', '$clusterTime', '$readPreference', 'readConcern', 'writeConcern', 'maxTimeMS', 'comment']);

/** The fields of each command, beside the generic ones. */
export const COMMAND_FIELDS: Record<string, readonly string[]> = {
  hello: ['helloOk', 'topologyVersion', 'maxAwaitTimeMS', 'client', 'compression', 'loadBalanced', 'saslSupportedMechs', 'speculativeAuthenticate', 'backpressure'],
  ping: [],
  buildInfo: [],
  endSessions: [],
  killSessions: [],
  insert: ['documents', 'ordered', 'bypassDocumentValidation'],
  update: ['updates', 'ordered', 'bypassDocumentValidation'],
  delete: ['deletes', 'ordered'],
  findAndModify: ['query', 'sort', 'remove', 'update', 'new', 'fields', 'upsert', 'arrayFilters', 'hint', 'bypassDocumentValidation'],
  find: ['filter', 'sort', 'projection', 'hint', 'skip', 'limit', 'batchSize', 'singleBatch'],
  getMore: ['collection', 'batchSize'],
  killCursors: ['cursors'],
  aggregate: ['pipeline', 'cursor', 'hint'],
  count: ['query', 'skip', 'limit', 'hint'],
  distinct: ['key', 'query', 'hint'],
  create: [],
  drop: [],
  dropDatabase: [],
  createIndexes: ['indexes', 'commitQuorum'],
  dropIndexes: ['index'],
  listIndexes: ['cursor'],
  listCollections: ['filter', 'nameOnly', 'authorizedCollections', 'cursor'],
  listDatabases: ['filter', 'nameOnly', 'authorizedDatabases'],
  explain: ['verbosity'],
};
export const UPDATE_STATEMENT_FIELDS = new Set(['q', 'u', 'upsert', 'multi', 'arrayFilters', 'hint']);
export const DELETE_STATEMENT_FIELDS = new Set(['q', 'limit', 'hint']);
