import { describe, expect, it } from '@jest/globals';
import { HttpIntake } from '../http/http.transport.js';

const intake = new HttpIntake({ secure: false, path: '/in', headers: {}, gzip: false, body: 'ndjson' }, () => 'siem:80', () => 0);
const judged = (status: number) => intake.judge({ status, headers: {}, text: 'no', ms: 1 });

describe('an answer that is the same for every event', () => {
  it.each([401, 403, 404, 405, 406, 407, 410, 411, 415, 421, 426, 431, 501])('is a fault of the settings and refuses no event: HTTP %i', (status) => {
    expect(judged(status)).toMatchObject({ type: 'failed', failure: { needsPerson: true, cause: expect.stringContaining(`HTTP ${status}`) } });
  });

  it.each([207, 400, 409, 422])('is not one that may be about a single event: HTTP %i', (status) => {
    expect(judged(status)).toMatchObject({ type: 'refused', reason: expect.stringContaining(`HTTP ${status}`) });
  });
});
