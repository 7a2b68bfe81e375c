import { z } from 'zod';
import type { HttpTarget, Target } from '../../../contracts/transport.js';
import { failure } from '../../../model/network-failure.js';
import { busyFailure, configurationFailure, excerptOf, passesByItself, saidBy } from '../shared/http-answer.js';
import type { HttpAnswer, HttpConnection, HttpRequest } from '../shared/http-connection.js';
import type { Intake, Verdict } from '../shared/intake.js';
import { RequestTransport, type Spoken } from '../shared/request-transport.js';

/** Elasticsearch and OpenSearch `_bulk`, `create` with the event's id as `_id`: what is there already is never there twice. Evidence: the status of each item. */
export class ElasticBulkTransport extends RequestTransport {
  readonly protocol = 'elastic-bulk';
  readonly reaches = 'accepted';

  protected speak(_target: Target, http: HttpTarget, connection: HttpConnection): Spoken {
    return { intake: this.intake(http, () => connection.name) };
  }

  protected intake(http: HttpTarget, name: () => string): Intake {
    return new BulkIntake(http, name);
  }
}

/** The answer without what is not needed: of each item its status and its error. */
const FILTER = 'filter_path=errors,items.*.status,items.*.error.type,items.*.error.reason';
const item = z.object({ status: z.number(), error: z.object({ type: z.string().optional(), reason: z.string().nullish() }).optional() });
const bulkAnswer = z.object({ items: z.array(z.object({ create: item })) });
type Item = z.output<typeof item>;

export class BulkIntake implements Intake {
  private readonly path: string;

  constructor(private readonly http: HttpTarget, private readonly name: () => string) {
    this.path = `${http.path.replace(/\/(_bulk)?\/?$/, '')}/${encodeURIComponent(http.index ?? '')}/_bulk?${FILTER}`;
  }

  /** An action line and a document line for each event; the last line ends with LF, too. */
  request(events: readonly Uint8Array[]): HttpRequest {
    return { path: this.path, headers: { ...this.http.headers, 'content-type': 'application/x-ndjson' }, body: Buffer.concat(events), compress: this.http.gzip };
  }

  judge(answer: HttpAnswer, events: number): Verdict {
    const { status } = answer;
    const name = this.name();
    if (status === 413) return { type: 'too-large', status, reason: `the receiver finds it too large (${saidBy(answer)})` };
    if (status !== 200) {
      if (passesByItself(status) && status !== 501) return { type: 'failed', failure: busyFailure(answer, name) };
      // It reads lines before it knows events: one that it cannot read spoils the others.
      if (status === 400) return { type: 'refused', status, reason: saidBy(answer) };
      return { type: 'failed', failure: configurationFailure(answer, name, this.path) ?? failure('request-refused', 'send', `${name} refused the whole request (${saidBy(answer)})`, 'Check the name of the index or data stream (connection.elastic.index) and the rights of this client.', true) };
    }
    const items = readItems(answer.text);
    if (items === null || items.length !== events) return { type: 'failed', failure: failure('answer-unexpected', 'send', `${name} did not answer as _bulk does, with one result for each of ${events} events (${saidBy(answer)})`, 'Check that the server URL leads to Elasticsearch or OpenSearch itself (port 9200 by default).', true) };
    return this.judgeItems(items, answer, name);
  }

  /** Each item by its own status. One that is to come later makes the request fail: what counted already is answered with 409 when it comes again. */
  private judgeItems(items: readonly Item[], answer: HttpAnswer, name: string): Verdict {
    const refused: Array<{ index: number; status: number; reason: string }> = [];
    for (const [index, one] of items.entries()) {
      if (one.status === 200 || one.status === 201 || one.status === 409) continue;
      const reason = reasonOf(one);
      const asAnswer = { ...answer, status: one.status, text: '' };
      if (passesByItself(one.status)) return { type: 'failed', failure: busyFailure(asAnswer, name, `${reason} for ${items.filter((each) => each.status === one.status).length} of ${items.length} events`) };
      const wrong = configurationFailure({ ...asAnswer, text: reason }, name, this.path);
      if (wrong) return { type: 'failed', failure: wrong };
      if (isOfSettings(one)) return { type: 'failed', failure: failure('settings-refused', 'send', `${name} cannot write to the index, whatever the event (${reason})`, 'Check the index or data stream (connection.elastic.index) at the receiver: that it is open, its name and ingest pipeline, its limits and the rights of this client. Nothing was given up.', true) };
      refused.push({ index, status: one.status, reason });
    }
    return refused.length === 0 ? { type: 'taken' } : { type: 'taken-but', refused };
  }
}

/** Refusals that are about the index and not about the event. */
const TYPES_OF_SETTINGS = new Set(['index_closed_exception', 'invalid_index_name_exception', 'validation_exception', 'cluster_block_exception', 'security_exception']);
const PIPELINE_MISSING = /pipeline with id .* does not exist/;

function isOfSettings({ error }: Item): boolean {
  return TYPES_OF_SETTINGS.has(error?.type ?? '') || PIPELINE_MISSING.test(error?.reason ?? '');
}

function reasonOf({ status, error }: Item): string {
  return `item status ${status}${error?.type === undefined ? '' : `, ${excerptOf(error.type)}`}${error?.reason == null ? '' : `: ${excerptOf(error.reason)}`}`;
}

function readItems(text: string): Item[] | null {
  try {
    const read = bulkAnswer.safeParse(JSON.parse(text));
    return read.success ? read.data.items.map(({ create }) => create) : null;
  } catch {
    return null;
  }
}
