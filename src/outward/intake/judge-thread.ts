import { parentPort, workerData } from 'node:worker_threads';
import type { CheckSettings } from './event-check.js';
import { packed, type ThreadAnswer, type ThreadRequest } from './judge-messages.js';
import { RequestFault } from './request-fault.js';
import type { IntakeLimits } from './request-items.js';
import { RequestJudge } from './request-judge.js';

/** What the thread is started with. */
export interface JudgeThreadSettings {
  settings: CheckSettings;
  limits: IntakeLimits;
}

/** The thread that judges large requests. It keeps nothing: whatever happens to it, a request can be judged again. */
const { settings, limits } = workerData as JudgeThreadSettings;
const judge = new RequestJudge(settings, limits);

parentPort?.on('message', ({ number, request }: ThreadRequest) => {
  const answer = answerTo(number, request);
  parentPort?.postMessage(answer, answer.type === 'judged' ? [answer.judgement.records.buffer] : []);
});

/** A defect ends the thread: the request is judged again where it came from. */
function answerTo(number: number, request: ThreadRequest['request']): ThreadAnswer {
  try {
    return { type: 'judged', number, judgement: packed(judge.judge(request)) };
  } catch (error) {
    if (!(error instanceof RequestFault)) throw error;
    const { status, code, detail, extra } = error;
    return { type: 'fault', number, status, code, detail, extra };
  }
}
