import Sequencer from '@jest/test-sequencer';

/** Suites that take long. Started first, none of them is left to run alone at the end. */
const LONGEST = ['flow/kill', 'http-suite', 'hostile-bodies', 'faults', 'engines', 'event-log-kafka', 'full-disk', 'kafka-security', 'transports', 'formats-random', 'differential', 'http-intakes', 'stalled-consumer', 'mitigation-kill'];

const placeOf = ({ path }) => {
  const place = LONGEST.findIndex((name) => path.endsWith(`/${name}.spec.ts`));
  return place < 0 ? LONGEST.length : place;
};

export default class LongestFirst extends Sequencer {
  sort(tests) {
    return super.sort(tests).sort((one, other) => placeOf(one) - placeOf(other));
  }
}
