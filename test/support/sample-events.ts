export { SAMPLE_TYPES, sampleEvent } from '../../src/model/sample-events.js';
