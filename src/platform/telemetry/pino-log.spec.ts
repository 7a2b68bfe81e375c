import { describe, expect, it } from '@jest/globals';
import { settingsFrom } from '../../config/settings.js';
import { PinoLog } from './pino-log.js';

function logInto(settings: { level?: 'debug' | 'info' | 'warn' | 'error' | 'silent'; levels?: string[] } = {}) {
  const lines: Array<Record<string, unknown>> = [];
  const log = PinoLog.create(settingsFrom({ log: settings }), { write: (line) => void lines.push(JSON.parse(line) as Record<string, unknown>) });
  return { log, lines };
}

describe('PinoLog', () => {
  it('writes one JSON line with level, time, part, facts and message', () => {
    const { log, lines } = logInto();
    log.child('engine').child('lane').info({ integration: 'siem-1', events: 12 }, 'delivered');
    expect(lines).toEqual([{ level: 'info', time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/), part: 'engine.lane', integration: 'siem-1', events: 12, msg: 'delivered' }]);
  });

  it('masks values under secret names at any depth, and credentials in texts', () => {
    const { log, lines } = logInto();
    const facts = {
      user: 'ann', password: 'pw-1', request: { headers: { Authorization: 'Basic dXNlcjpwdy0yMjIy' }, body: [{ apiKey: 'pw-3', clientSecret: { value: 'pw-4' } }] },
      url: 'mongodb://root:pw-5@db.example:27017/x', header: 'sent Bearer pw-6666666666', error: new Error('cannot reach https://u:pw-7@host/', { cause: new Error('amqp://u:pw-8@h') }), sessionToken: 8_765_432_199,
    };
    log.error(facts, 'failed for https://a:pw-9@host');
    const text = JSON.stringify(lines);
    expect(text).not.toMatch(/pw-\d|dXNlcjpw|8765432199/);
    expect(lines[0]).toMatchObject({ user: 'ann', password: '***', url: 'mongodb://***@db.example:27017/x', error: { type: 'Error', message: 'cannot reach https://***@host/' }, msg: 'failed for https://***@host' });
  });

  it('keeps flags and counts under such names, for they tell no secret', () => {
    const { log, lines } = logInto();
    log.info({ passwordSet: true, tokenCount: 3, secret: null }, 'x');
    expect(lines[0]).toMatchObject({ passwordSet: true, tokenCount: 3, secret: null });
  });

  it('survives facts that JSON cannot carry', () => {
    const { log, lines } = logInto();
    const loop: Record<string, unknown> = { big: 10n, when: new Date(Number.NaN), bytes: Buffer.alloc(9), names: new Set(['a']), call: () => 1 };
    loop['self'] = loop;
    log.info(loop, 'x');
    expect(lines[0]).toMatchObject({ big: '10', when: 'invalid date', bytes: '[9 bytes]', names: ['a'], call: '[function]' });
  });

  it('says as much as the level of its part allows, changed while it runs', () => {
    const { log, lines } = logInto({ level: 'warn', levels: ['engine=info'] });
    const [engine, lane, intake] = [log.child('engine'), log.child('engine').child('lane'), log.child('intake')];
    const speak = () => {
      lines.length = 0;
      for (const speaker of [engine, lane, intake]) {
        speaker.debug({}, 'debug');
        speaker.info({}, 'info');
        speaker.warn({}, 'warn');
      }
      return lines.map(({ part, msg }) => `${String(part)} ${String(msg)}`);
    };
    expect(speak()).toEqual(['engine info', 'engine warn', 'engine.lane info', 'engine.lane warn', 'intake warn']);
    log.levels.change(new Map([['engine.lane', 'debug'], ['intake', 'silent']]));
    expect(speak()).toEqual(['engine info', 'engine warn', 'engine.lane debug', 'engine.lane info', 'engine.lane warn']);
    log.levels.change(new Map([['engine', 'error'], ['', 'error']]));
    expect(speak()).toEqual([]);
    log.levels.change(new Map());
    expect(speak()).toEqual(['engine info', 'engine warn', 'engine.lane info', 'engine.lane warn', 'intake warn']);
  });
});
